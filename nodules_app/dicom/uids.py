"""UIDs that follow from what they name: the same signed reading always gives the same objects."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from pydicom.uid import UID

NAMESPACE: Final = UUID("5f0f2c9e-6f0b-4c55-9d6f-1a6c2f1f3f57")  # of everything that this product names


def uid_of(*words: str) -> UID:
    """Make the UID of the thing that these words name, under the root for UUIDs.

    Source
    ------
    DICOM PS3.5 B.2 (UUID derived UID), RFC 9562 5.5 (name based UUID).
    """
    return UID(f"2.25.{uuid5(NAMESPACE, chr(31).join(words)).int}")
