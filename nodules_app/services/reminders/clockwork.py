"""What beat asks for. Each part only looks for work in the database; a missed or doubled call changes nothing."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.core.cache import cache
from django.utils import timezone

from nodules_app.ladder.rungs import Channel
from nodules_app.models import Clinic
from nodules_app.selectors import reminders as selectors
from nodules_app.services.channels import NotTaken, Outgoing, Uncertain, available, email
from nodules_app.services.reminders.dispatch import dispatch
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import sweep

log = logging.getLogger(__name__)
ALARM_AGAIN_AFTER: Final = timedelta(hours=2)
ALARM: Final = "reminders-alarm"


def sweep_reminders() -> None:
    """Write what falls due."""
    swept = sweep(now=timezone.now())
    if swept is None:
        log.info("another sweep of the reminders is at work")
    else:
        log.info("reminders: looked at %s open steps, wrote %s", swept.looked_at, swept.written)


def dispatch_reminders() -> None:
    """Hand over what waits."""
    claimed = dispatch(now=timezone.now)
    if claimed:
        log.info("reminders: %s handed to a provider", claimed)


def reconcile_reminders() -> None:
    """Repair, raise, and say when the sweep has stopped."""
    found = {name: count for name, count in reconcile(now=timezone.now()).items() if count}
    if found:
        log.info("reminders: %s", found)
    alarm_when_late()


def alarm_when_late() -> bool:
    """Write to the clinics' on-call addresses when no sweep has ended for two hours; at most once in two hours."""
    pulse = selectors.pulse(now=timezone.now())
    if not pulse.late:
        return False
    log.critical("the sweep of the reminders has stopped: last run %s", pulse.swept_at)
    if Channel.EMAIL not in available() or not cache.add(ALARM, value=True, timeout=ALARM_AGAIN_AFTER.total_seconds()):
        return False
    for clinic in Clinic.objects.exclude(on_call_email=""):
        said = f"The search for due reminders last ended {pulse.swept_at or 'never'}. Nobody is being reminded."
        alarm = Outgoing(
            f"alarm:{clinic.code.hex}", clinic.on_call_email, "Reminders have stopped", said, "", "Nodules"
        )
        try:
            email.send(alarm)
        except (NotTaken, Uncertain) as problem:
            log.critical("the alarm for %s may not have gone out: %s", clinic.code, problem)
    return True
