"""How a delivery says what it is, how it stands and which steps it went through."""

from __future__ import annotations

from typing import Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from nodules_app.models import RunKind
from nodules_app.selectors.imports import Delivery, StepState
from nodules_app.templatetags import quantities

register = template.Library()


class Tag(NamedTuple):
    label: Promise
    tone: str
    icon: str


class Step(NamedTuple):
    label: str | Promise
    state: str
    note: str


STATE: Final[dict[str, Tag]] = {
    "running": Tag(_("Running"), "brand", "performed"),
    "done": Tag(_("Done"), "", "done"),
    "refused": Tag(_("Refused"), "caution", "slash"),
    "failed": Tag(_("Failed"), "critical", "broken"),
}
STEP: Final[dict[RunKind, Promise]] = {
    RunKind.INTAKE: _("Read"),
    RunKind.LUNGS: _("Lungs"),
    RunKind.REGISTER: _("Registered"),
    RunKind.MATCH: _("Matched"),
    RunKind.MEASURE: _("Measured"),
    RunKind.ASSESS: _("Assessed"),
    RunKind.PLAN: _("Planned"),
}


@register.filter
def delivery_tag(delivery: Delivery) -> Tag:
    return STATE[delivery.state]


@register.filter
def delivery_title(delivery: Delivery) -> str:
    """Name a delivery by its patients once they are known, before by what was sent."""
    names = sorted({person_name(exam.patient_name) or exam.patient_number for exam in delivery.exams})
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "") if names else delivery.source_name


@register.simple_tag
def delivery_steps(delivery: Delivery) -> list[Step]:
    """Give the steps of the stepper, the arrival first."""
    received = Step(_("Received"), "done", _files(delivery.files_seen) if delivery.files_seen else "")
    return [received, *(Step(STEP[step.kind], step.state, _note(step, delivery)) for step in delivery.steps)]


def _files(many: int) -> str:
    return ngettext("%(files)s file", "%(files)s files", many) % {"files": many}


def _note(step: StepState, delivery: Delivery) -> str:
    if step.state == "running":
        return f"{step.progress} %"
    if not step.state and delivery.state != "running" and delivery.exams:
        return _why_not(step.kind)
    return quantities.lasted(step.lasted)


def _why_not(kind: RunKind) -> str:
    """Say why a step was never asked for, although everything has ended."""
    if kind in (RunKind.REGISTER, RunKind.MATCH):
        return gettext("no other exam to compare")
    if kind in (RunKind.ASSESS, RunKind.PLAN):
        return gettext("no nodule marked")
    return ""


@register.filter
def person_name(name: str) -> str:
    """Write a DICOM person name for people: the characters for readers of Chinese, else "Family, Given"."""
    groups = [group.strip() for group in name.split("=")]
    ideographic = groups[1] if len(groups) > 1 else ""
    if ideographic and get_language() == "zh-hans":
        return ideographic.replace("^", "").strip()
    parts = [part.strip() for part in (groups[0] or ideographic).split("^")]
    family, given = parts[0], " ".join(part for part in parts[1:3] if part)
    return f"{family}, {given}" if family and given else family or given
