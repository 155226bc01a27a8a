"""The transfer syntaxes that are read, and the codec of each."""

from __future__ import annotations

from typing import Final

from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

JPEG_LS: Final = frozenset({JPEGLSLossless, JPEGLSNearLossless})
JPEG_2000: Final = frozenset({JPEG2000Lossless, JPEG2000})
JPEG_LOSSLESS: Final = frozenset({JPEGLossless, JPEGLosslessSV1})
RLE: Final = frozenset({RLELossless})

ENCAPSULATED: Final[frozenset[UID]] = JPEG_LS | JPEG_2000 | JPEG_LOSSLESS | RLE
NATIVE: Final[frozenset[UID]] = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)
READABLE: Final[frozenset[UID]] = ENCAPSULATED | NATIVE
