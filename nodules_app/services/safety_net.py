"""The proof that nobody is lost: the database is asked, and an answer other than "nobody" is an alarm."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

log = logging.getLogger(__name__)
PROVED_AT = "safety-net-proved-at"


class SomebodyIsLost(RuntimeError):
    """An active nodule has neither an open follow-up nor a closure. The database should have refused this."""


def prove() -> int:
    """Count the active nodules, all of them covered; raise ``SomebodyIsLost`` with the patients' codes otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.code FROM nodules_app_uncovered_nodule u "
            "JOIN nodules_app_patient p ON p.id = u.patient_id"
        )
        lost = [str(code) for (code,) in cursor.fetchall()]
        cursor.execute("SELECT count(*) FROM nodules_app_nodule WHERE state = 'active'")
        (active,) = cursor.fetchone()
    if lost:
        log.critical("somebody is lost: patients %s have an active nodule and no next step", ", ".join(lost))
        raise SomebodyIsLost(", ".join(lost))
    cache.set(PROVED_AT, (timezone.now(), active), timeout=None)
    return int(active)
