"""The honest no to zip archives: damaged, hostile, or too large for where they would be unpacked."""

from __future__ import annotations

from nodules_app.dicom.errors import InputRefused
from registration.errors import gettext_noop


class ZipRefused(InputRefused):
    """An archive that is not unpacked. Nothing of it stays on the disk."""


class ZipDamaged(ZipRefused):
    """Truncated, or an entry that does not match the directory of the archive."""

    code = "zip_damaged"
    sentence = gettext_noop(
        "The archive {archive} is damaged: {where} does not match the size or checksum in its directory."
    )
    remedy = gettext_noop("Make the archive again and send it again.")


class ZipTruncated(ZipRefused):
    """The directory at the end of the archive is not there."""

    code = "zip_truncated"
    sentence = gettext_noop("The archive {archive} is damaged: it breaks off before its directory.")
    remedy = gettext_noop("Send the archive again; the transfer was cut short.")


class ZipEmpty(ZipRefused):
    """Nothing in it."""

    code = "zip_empty"
    sentence = gettext_noop("The archive {archive} is empty.")
    remedy = gettext_noop("Put the DICOM files of the examination into the archive.")


class ZipEscapes(ZipRefused):
    """Names that point outside the folder it would be unpacked to."""

    code = "zip_escapes"
    sentence = gettext_noop("Entries of the archive {archive} point outside the upload folder ({entries}).")
    remedy = gettext_noop("Do not use this archive. Make a new one from the folder of the examination.")


class ZipSymlink(ZipRefused):
    """A symbolic link could make us read what was not sent."""

    code = "zip_symlink"
    sentence = gettext_noop("The archive {archive} holds a symbolic link or special file ({entries}).")
    remedy = gettext_noop("Make the archive from plain files.")


class ZipTooLarge(ZipRefused):
    """It declares, or turns out, to be larger than allowed."""

    code = "zip_too_large"
    sentence = gettext_noop(
        "The archive {archive} unpacks to at least {unpacked_mb} MB from {packed_mb:.1f} MB (ratio {ratio}); "
        "the limit is {limit_mb} MB or ratio {limit_ratio}."
    )
    remedy = gettext_noop("Send the DICOM files of one examination only.")


class ZipTooManyEntries(ZipRefused):
    """More entries than any examination has."""

    code = "zip_too_many_entries"
    sentence = gettext_noop("The archive {archive} has {count} entries; the limit is {limit}.")
    remedy = gettext_noop("Send one examination at a time.")


class ZipNotOpen(ZipRefused):
    """Encrypted, or packed by a method we do not unpack."""

    code = "zip_not_open"
    sentence = gettext_noop("Entries of the archive {archive} are encrypted or packed in an unusual way ({entries}).")
    remedy = gettext_noop("Make an ordinary zip without a password.")


class NoRoomToUnpack(ZipRefused):
    """The disk is too full for it."""

    code = "no_room_to_unpack"
    sentence = gettext_noop("The archive {archive} needs {needed_mb} MB to unpack; {free_mb} MB are free.")
    remedy = gettext_noop("Ask the operator to free space for temporary files, then send it again.")
