"""What the desk is told: lists, reminders, sweeps, figures. Nothing here loads a library of images."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from nodules_app.services import housekeeping, quality_figures, runs, safety_net, unread
from nodules_app.services.mdt import meetings
from nodules_app.services.reminders import clockwork
from nodules_app.services.spreadsheets import running


@shared_task(name=runs.EXECUTE_AT_DESK)
def execute_desk_run(code: str) -> None:
    """Do one run of the desk, if nobody else does."""
    running.execute(UUID(code))


@shared_task(name="nodules.sweep_runs")
def sweep_runs() -> None:
    """Send again what waits or lost its worker."""
    runs.sweep()


@shared_task(name="nodules.prove_nobody_is_lost")
def prove_nobody_is_lost() -> None:
    """Ask the database for patients without a next step, and raise the alarm."""
    safety_net.prove()


@shared_task(name="nodules.drop_orphaned_uploads")
def drop_orphaned_uploads() -> None:
    """Free what a web process left behind when it died during an upload."""
    housekeeping.drop_orphaned_uploads()


@shared_task(name="nodules.drop_old_volumes")
def drop_old_volumes() -> None:
    """Keep the volumes that can be made again within the room they were given."""
    housekeeping.drop_old_volumes()


@shared_task(name="nodules.owe_unread_exams")
def owe_unread_exams() -> None:
    """Give a dated review to whoever has an exam and no step at all."""
    unread.owe_all()


@shared_task(name="nodules.sweep_reminders")
def sweep_reminders() -> None:
    """Look in the database for reminders that fall due; a second run at the same time finds nothing to do."""
    clockwork.sweep_reminders()


@shared_task(name="nodules.dispatch_reminders")
def dispatch_reminders() -> None:
    """Hand over what waits."""
    clockwork.dispatch_reminders()


@shared_task(name="nodules.reconcile_reminders")
def reconcile_reminders() -> None:
    """Find what was left half way, failed or unanswered, and say when the sweep has stopped."""
    clockwork.reconcile_reminders()


@shared_task(name="nodules.close_conference_lists")
def close_conference_lists() -> None:
    """Send back what is not complete when a list closes, and have the images ready when a meeting comes near."""
    meetings.close_lists()
    meetings.ready_images()


@shared_task(name=quality_figures.COUNT)
def count_quality(clinics: list[int], months: str, whole: bool) -> None:
    """Count the figures of clinics again, for whoever looks at their page."""
    quality_figures.count(clinics, quality_figures.Period(months, whole))


@shared_task(name="nodules.count_quality_ahead")
def count_quality_ahead() -> None:
    """Count the figures of every clinic before anybody asks."""
    quality_figures.count_ahead()
