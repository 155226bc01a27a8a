"""What lies in the database so that only an installation with its key can read it: the passwords of connections.

Whoever gets hold of the database alone, or of a backup of it, has no password of a PACS with it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from registration.errors import Refused, gettext_noop

SEALED: Final = "sealed:"  # as a constraint of the table wants it, so that nothing is stored open by mistake
PURPOSE: Final = b"nodules: passwords of connections"  # a key for this alone: sessions are signed with another one
KEY_BYTES: Final = 32


class SealBroken(Refused):
    """It was sealed with a key that is not here any more, or the row was tampered with."""

    code = "seal_broken"
    sentence = gettext_noop("A stored password cannot be read with the keys of this installation.")
    remedy = gettext_noop("Type it in again, or have the operator add the earlier key.")


def seal(text: str) -> str:
    """Seal a text with the newest key; an empty one stays empty."""
    return SEALED + _keys().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """Read what was sealed with any of the keys. Raises ``SealBroken``."""
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.removeprefix(SEALED)).decode()
    except InvalidToken as broken:
        raise SealBroken from broken


def _keys() -> MultiFernet:
    """The newest key seals; every key that is named reads, and so does the one of an installation that names none."""
    return MultiFernet([_key_from(text) for text in (*settings.SECRETS_KEYS, settings.SECRET_KEY)])


def _key_from(text: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE).derive(text.encode())
    return Fernet(urlsafe_b64encode(derived))
