"""What a patient reads: the same signed facts in short words, without sizes, rules or Latin.

Written for a reading age of 11 (``documents_readability``; a test measures whole letters). That most nodules are
harmless is said only where nothing grows and no test is due: in the National Lung Screening Trial 96 of 100 positive
CTs were no cancer (N Engl J Med 2011;365:395-409).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.translation import gettext, ngettext

from nodules_app.exchange import reports_words as words
from nodules_app.selectors.reports_facts import NoduleFacts, SignedFacts, Step

LARGER: Final = ("larger-slightly", "larger-markedly")
SMALLER: Final = ("smaller-slightly", "smaller-markedly")
GONE: Final = ("resolved", "resected")


def result(facts: SignedFacts) -> str:
    """Say what the scan showed and what became of it since the last one."""
    seen = followed(facts)
    there = [one for one in seen if one.current is not None and one.current.present]
    if not seen:
        return gettext("The scan shows no spot in your lungs that we need to watch.")
    return words.together((*_count(there), *_changes(seen, facts), *_meaning(seen, facts.step)))


def followed(facts: SignedFacts) -> list[NoduleFacts]:
    """The nodules that a letter speaks of: not those that are none, nor those that had gone before the prior exam."""
    return [one for one in facts.nodules if one.state != "not_a_nodule" and not _had_gone(one)]


def _had_gone(one: NoduleFacts) -> bool:
    sizes = (one.prior, one.current)
    return not one.word and None not in sizes and not any(size and size.present for size in sizes)


def _count(there: Sequence[NoduleFacts]) -> Iterator[str]:
    count = len(there)
    if not count:
        yield gettext("The spots that we saw before are not on this scan.")
        return
    text = ngettext(
        "The scan shows one small spot in your lungs. Doctors call it a nodule.",
        "The scan shows %(count)s small spots in your lungs. Doctors call them nodules.",
        count,
    )
    yield text % {"count": count}


def _changes(seen: Sequence[NoduleFacts], facts: SignedFacts) -> Iterator[str]:
    if facts.prior is None:
        yield gettext("We had no older scan to look at, so we can not say yet if it changes.")
        return
    grown = sum(one.word in LARGER for one in seen)
    new = sum(one.word == "new" for one in seen)
    smaller = sum(one.word in SMALLER for one in seen)
    gone = sum(one.word in GONE for one in seen)
    unclear = sum(one.word in {"obscured", "outside-field", "present", "not-assessable", ""} for one in seen)
    if len(seen) == 1:
        yield from _one_changed(bool(grown), bool(new), bool(smaller), bool(gone), bool(unclear))
        return
    if grown == len(seen):
        yield gettext("All of them have grown.")
    elif grown:
        yield _counted(grown, gettext("One of them has grown."), gettext("%(count)s of them have grown."))
    if new:
        yield _counted(new, gettext("One of them is new."), gettext("%(count)s of them are new."))
    if smaller:
        yield _counted(smaller, gettext("One of them is smaller now."), gettext("%(count)s of them are smaller now."))
    if gone:
        yield _counted(gone, gettext("One spot is gone."), gettext("%(count)s spots are gone."))
    if unclear:
        yield gettext("We could not see all of them well.")
    if not grown and not new and not unclear:
        yield gettext("None of them has grown since your last scan.")


def _one_changed(grown: bool, new: bool, smaller: bool, gone: bool, unclear: bool) -> Iterator[str]:
    if grown:
        yield gettext("It has grown since your last scan.")
    elif new:
        yield gettext("It was not on your last scan.")
    elif smaller:
        yield gettext("It is smaller than on your last scan.")
    elif gone:
        yield gettext("It is gone.")
    elif unclear:
        yield gettext("We could not see it well enough to say if it has changed.")
    else:
        yield gettext("It has not grown since your last scan.")


def _counted(count: int, one: str, many: str) -> str:
    return one if count == 1 else many % {"count": count}


def _meaning(seen: Sequence[NoduleFacts], step: Step | None) -> Iterator[str]:
    worrying = any(one.word in {*LARGER, "new"} for one in seen) or (step is not None and step.kind == "workup")
    if worrying:
        yield gettext("This does not mean that you have cancer. It means that we want to find out more.")
    else:
        yield gettext("Most spots like this do no harm.")


def next_step(step: Step | None) -> str:
    """Say what happens next, and by when."""
    if step is None:
        return gettext("You do not need any more scans for this.")
    told = {"first": words.day(step.due_from), "last": words.day(step.due_until)}
    match step.kind:
        case "ct" if step.booked_on is not None:
            booked = gettext("Your next CT scan is on %(day)s. It is vital that you come.")
            return booked % {"day": words.day(step.booked_on)}
        case "ct":
            due = gettext("You need one more CT scan. It should be done between %(first)s and %(last)s.")
            return words.together((due % told, gettext("We will send you a date.")))
        case "workup":
            return gettext("You need more tests. Please come and talk with us before %(last)s.") % told
        case "discharge":
            return gettext("A doctor will now decide if you need more scans. You will hear from us by %(last)s.") % told
        case _:
            return gettext("A doctor will look at your scan again. You will hear from us by %(last)s.") % told


def in_short(facts: SignedFacts) -> str:
    """Say to a colleague in one or two sentences how the nodules stand."""
    seen = followed(facts)
    if not seen:
        return gettext("No pulmonary nodule is described.")
    grown = [one.label for one in seen if one.word in LARGER]
    new = [one.label for one in seen if one.word == "new"]
    count = ngettext("One pulmonary nodule is followed.", "%(count)s pulmonary nodules are followed.", len(seen))
    parts = [count % {"count": len(seen)}]
    if grown:
        parts.append(gettext("Larger than before: %(labels)s.") % {"labels": ", ".join(grown)})
    if new:
        parts.append(gettext("New: %(labels)s.") % {"labels": ", ".join(new)})
    if not grown and not new and facts.prior is not None:
        parts.append(gettext("None is new or larger than before."))
    return words.together(parts)
