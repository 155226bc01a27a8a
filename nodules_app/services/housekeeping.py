"""What the disk need not hold any more."""

from __future__ import annotations

import logging
import shutil
import time
from typing import Final

from django.conf import settings

from nodules_app.models import ImportBatch

log = logging.getLogger(__name__)
OF_THE_NETWORK: Final = "."  # what is still coming in; services.receiving knows what it is
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
