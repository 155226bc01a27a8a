"""What the disk need not hold any more."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import Final

from django.conf import settings

from nodules_app.models import ImportBatch

log = logging.getLogger(__name__)
OF_THE_NETWORK: Final = "."  # what is still coming in; services.receiving knows what it is
IN_USE_S: Final = 24 * 3600  # a volume touched since may be under a reader's eyes, or a worker's
ORPHANED_AFTER_S: Final = 24 * 3600  # no browser takes a day to send; a younger folder may still be filling


def drop_orphaned_uploads(*, now_s: float | None = None) -> int:
    """Remove the inbox folders that no delivery names, and give their number.

    They are left when the web process dies while files are being sent: no row knows them, so nobody will read them.
    """
    if not settings.INBOX_DIR.is_dir():
        return 0
    old_before_s = (time.time() if now_s is None else now_s) - ORPHANED_AFTER_S
    uploads = [folder for folder in settings.INBOX_DIR.iterdir() if not folder.name.startswith(OF_THE_NETWORK)]
    old = [folder for folder in uploads if folder.stat().st_mtime < old_before_s]
    orphans = [folder for folder in old if not ImportBatch.objects.filter(path__contains=folder.name).exists()]
    for folder in orphans:
        shutil.rmtree(folder)
        log.warning("removed the upload %s, which no delivery names", folder.name)
    return len(orphans)


def drop_old_volumes(*, now_s: float | None = None) -> int:
    """Remove the volumes that were looked at longest ago until ``CACHE_LIMIT_GB`` is kept, and give their number.

    Each is made again from the originals when somebody asks for it. Those of the last day stay, whatever they take.
    """
    kept = settings.CACHE_DIR / "volumes"
    if settings.CACHE_LIMIT_GB <= 0 or not kept.is_dir():
        return 0
    used = sorted((_last_used_s(folder), _bytes_in(folder), folder) for folder in kept.iterdir() if folder.is_dir())
    too_many = sum(size for _, size, _ in used) - settings.CACHE_LIMIT_GB * 1e9
    old_before_s = (time.time() if now_s is None else now_s) - IN_USE_S
    dropped = 0
    for last_used_s, size, folder in used:
        if too_many <= 0 or last_used_s > old_before_s:
            break
        shutil.rmtree(folder)
        too_many -= size
        dropped += 1
    if dropped:
        log.info("removed %d volumes that can be made again", dropped)
    return dropped


def _last_used_s(folder: Path) -> float:
    """When a file of this folder was last opened, as exactly as the file system keeps it: usually to the day."""
    return max((max(file.stat().st_atime, file.stat().st_mtime) for file in folder.iterdir()), default=0.0)


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
