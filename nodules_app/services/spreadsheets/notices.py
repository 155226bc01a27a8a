"""What a person should know of a line that will be taken: whatever is not taken over as it stands in the list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from nodules_app.models import FollowUpKind, LineVerdict
from nodules_app.services.spreadsheets import sentences
from nodules_app.services.spreadsheets.judging import Judged
from nodules_app.services.spreadsheets.steps_said import step_said
from nodules_app.services.spreadsheets.world import World

TAKEN = (LineVerdict.NEW, LineVerdict.CHANGED)


def say(lines: Iterable[Judged], world: World) -> None:
    """Tell each line that will be stored what becomes of it otherwise than written."""
    people: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for line in lines:
        if line.verdict in TAKEN:
            people[line.person].append(line)
    for of_person in people.values():
        _say_of_person(of_person, world)


def _say_of_person(lines: Sequence[Judged], world: World) -> None:
    for line in lines:
        if line.facts.owner and line.facts.owner.casefold() not in world.staff:
            line.tell(sentences.OwnerUnknown(owner=line.facts.owner))
    known = lines[0].known
    names_nodule = any(line.facts.names_nodule for line in lines)
    if known is not None and known.pk in world.seen_on_images and names_nodule:
        lines[0].tell(sentences.NodulesAreFollowed())
    if known is not None and known.pk in world.steps:
        if not world.entries.get(known.pk):
            lines[0].tell(sentences.StepStands())
        return
    said = step_said(line.facts for line in lines)
    if said is None:
        if known is None:
            lines[0].tell(sentences.NoStepSaid() if names_nodule else sentences.NothingFollowed())
    elif said.kind == FollowUpKind.DISCHARGE:
        lines[0].tell(sentences.DischargeAsked())
    elif said.due_on is None:
        lines[0].tell(sentences.NoDueSaid(days=world.within_days[said.kind]))
