"""What a letter says of a conference: to the patient in short words, to the family doctor in those of the minutes."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from nodules_app.exchange import reports_words as words
from nodules_app.models import OutcomeKind
from nodules_app.selectors.reports_conference import Conference, Task


def to_patient(conference: Conference) -> str:
    """Say what a team of doctors decided, and who sees to what; what is done already is told no more."""
    met = gettext("A team of doctors talked about your scan on %(day)s.") % {"day": words.day(conference.on)}
    told = [words.together((met, _plainly(conference)))]
    told += [_task_plainly(task) for task in conference.tasks if not task.result]
    return "\n".join(told)


def _plainly(conference: Conference) -> str:
    match OutcomeKind(conference.kind):
        case OutcomeKind.DISCHARGE:
            return gettext("They think that you need no more scans for this.")
        case OutcomeKind.CT:
            day = words.day(conference.ct_on) if conference.ct_on else ""
            return gettext("They want to look again with a CT scan. It should be done around %(day)s.") % {"day": day}
        case OutcomeKind.PET_CT:
            return gettext("They want you to have one more kind of scan. It is called a PET-CT.")
        case OutcomeKind.BIOPSY:
            return gettext(
                "They want to take a tiny piece of the spot, to look at it up close. This is called a biopsy."
            )
        case OutcomeKind.RESECTION:
            return gettext("They think that it is best to take the spot out. A surgeon will talk with you about it.")
        case OutcomeKind.ABLATION:
            return gettext(
                "They think that it is best to treat the spot with heat or with rays. We will talk with you about it."
            )
        case OutcomeKind.ONCOLOGY:
            return gettext("They want you to talk with a doctor who treats people with cancer.")
        case OutcomeKind.OTHER:
            return gettext("They made a plan for you. We will talk with you about it.")


def _task_plainly(task: Task) -> str:
    told = {"what": task.what.rstrip(".。"), "who": task.who, "day": words.day(task.due_on)}
    return gettext("%(who)s will see to this by %(day)s: %(what)s.") % told


def to_doctor(conference: Conference) -> str:
    """Say the outcome as it was confirmed, with each action, its owner and its day."""
    return "\n".join(_clinically(conference))


def _clinically(conference: Conference) -> Iterator[str]:
    told = {"day": words.day(conference.on), "outcome": OutcomeKind(conference.kind).label}
    decided = [gettext("The conference of %(day)s decided: %(outcome)s.") % told]
    if conference.ct_on:
        decided.append(gettext("CT on %(day)s.") % {"day": words.day(conference.ct_on)})
    if conference.says:
        decided.append(conference.says)
    yield words.together(decided)
    for task in conference.tasks:
        what = {"what": task.what.rstrip(".。"), "who": task.who, "day": words.day(task.due_on), "result": task.result}
        if task.result:
            yield gettext("%(what)s: %(who)s, done: %(result)s") % what
        else:
            yield gettext("%(what)s: %(who)s, by %(day)s.") % what


def confirmed(conference: Conference) -> str:
    """Say of which meeting the outcome is, and who confirmed it when: what tells it from every other outcome."""
    return gettext("Outcome of the conference of %(day)s, confirmed by %(who)s on %(when)s.") % {
        "day": words.day(conference.on),
        "who": conference.confirmed_by,
        "when": date_format(localtime(conference.confirmed_at), "DATETIME_FORMAT"),
    }


def source(conference: Conference) -> str:
    """Say what was signed: the outcome by whom and when, and the minutes by their digest where there are any."""
    if conference.minutes_version is None:
        return confirmed(conference)
    minutes = gettext("Minutes version %(version)s, SHA-256 %(digest)s.") % {
        "version": conference.minutes_version,
        "digest": conference.minutes_sha256[:16],
    }
    return words.together((confirmed(conference), minutes))
