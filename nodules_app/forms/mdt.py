"""What is asked for the conference: a meeting, a question, what a case needs, and its outcome with who acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.forms.decisions import Versioned
from nodules_app.forms.follow_ups import because, day
from nodules_app.models import Discipline, OutcomeKind, Pathology
from nodules_app.services.mdt.outcomes import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from nodules_app.models import MdtMeeting, User

ACTION_ROWS: Final = 4
USUAL_DAYS: Final = 14  # by when an action is to be done, unless another day is typed
USUAL_ACTIONS: Final = (
    _("Request PET-CT"),
    _("Request a biopsy"),
    _("Refer to thoracic surgery"),
    _("Refer for ablation or radiotherapy"),
    _("Refer to oncology"),
    _("Write to the patient and the family doctor"),
)


class Person(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Somebody who works at the clinic."""

    def __init__(self, label: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        super().__init__(queryset=None, label=label, empty_label=_("Choose …"), **options)


class MeetingForm(forms.Form):
    """A meeting in the clinic's own time."""

    on = day(_("Day"))
    at = forms.TimeField(label=_("Time"), help_text=_("In the clinic's own time, as 13:30."))
    closes_on = day(
        _("List closes on"), _("At the end of this day, cases that are not complete go back to their sender.")
    )
    place = forms.CharField(label=_("Place"), max_length=120)
    chair = Person(_("Chair"))
    quorum = forms.MultipleChoiceField(
        label=_("Quorum"),
        help_text=_("Besides the chair, somebody of each of these must be there."),
        choices=Discipline.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, people: QuerySet[User], zone: ZoneInfo, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.fields["chair"].queryset = people  # type: ignore[attr-defined]
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("on") and told.get("closes_on") and told["closes_on"] > told["on"]:
            self.add_error("closes_on", _("The list must close before the meeting begins."))
        return told

    def facts(self) -> dict[str, Any]:
        """Give the meeting's columns: both instants in the clinic's zone, the list closing at the end of its day."""
        told = self.cleaned_data
        starts_at = datetime.combine(told["on"], told["at"], tzinfo=self.zone)
        closes_at = datetime.combine(told["closes_on"] + timedelta(days=1), datetime.min.time(), tzinfo=self.zone)
        return {
            "starts_at": starts_at,
            "cut_off_at": min(closes_at, starts_at),
            "place": told["place"],
            "chair": told["chair"],
            "quorum": told["quorum"],
        }


class InviteForm(forms.Form):
    user = Person(_("Of the staff"), required=False)
    guest = forms.CharField(label=_("Or a guest"), max_length=120, required=False)
    discipline = forms.ChoiceField(label=_("Discipline"), choices=Discipline.choices)

    def __init__(self, *args: Any, people: QuerySet[User], **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.fields["user"].queryset = people  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if bool(told.get("user")) == bool(told.get("guest")):
            raise forms.ValidationError(_("Choose a member of staff, or give a guest's name."))
        return told


class QuestionForm(forms.Form):
    """Putting a patient on by hand."""

    question = forms.CharField(
        label=_("Question for the conference"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=500,
        error_messages={"required": _("Say what the conference is asked.")},
    )
    meeting = forms.ChoiceField(label=_("Meeting"), required=False)

    def __init__(self, *args: Any, meetings: Sequence[tuple[str, str]], **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        waiting = ("", str(_("Not yet: the coordinator lists it")))
        self.fields["meeting"].choices = [waiting, *meetings]  # type: ignore[attr-defined]


class PrepareForm(Versioned):
    """What the conference needs to know of a case."""

    question = QuestionForm.base_fields["question"]
    presenter = Person(_("Presents"), required=False)
    performance_status = forms.TypedChoiceField(
        label=_("Performance status (WHO)"),
        choices=[
            ("", _("Not known")),
            ("0", _("0: fully active")),
            ("1", _("1: restricted in hard work")),
            ("2", _("2: up more than half of the day")),
            ("3", _("3: in bed or chair more than half of the day")),
            ("4", _("4: bedridden")),
        ],
        coerce=int,
        empty_value=None,
        required=False,
    )
    fitness = forms.CharField(
        label=_("Lung function, other illness, medicines"),
        help_text=_("For example: FEV1 82 %, anticoagulant."),
        max_length=300,
        required=False,
    )
    pathology = forms.ChoiceField(label=_("Pathology"), choices=Pathology.choices)
    without_discussion = forms.BooleanField(
        label=_("Under an agreed standard of care: note it without discussion"), required=False
    )

    def __init__(self, *args: Any, people: QuerySet[User], **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.fields["presenter"].queryset = people  # type: ignore[attr-defined]

    def facts(self) -> dict[str, object]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class ReturnForm(Versioned):
    because = because(_("What is missing"), _("The sender reads this; the case stays among those to prepare."))


class WithdrawCaseForm(Versioned):
    because = because(_("Why the conference is not needed"), _("The patient's open step stands as before."))


class ResultForm(forms.Form):
    result = because(_("What came of it"))


class AddendumForm(forms.Form):
    text = because(_("Addendum"), _("Added with your name; what was confirmed is not changed."))


class OutcomeForm(Versioned):
    """The outcome, typed while people talk."""

    kind = forms.ChoiceField(
        label=_("Outcome"),
        choices=OutcomeKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose an outcome.")},
    )
    ct_on = day(_("CT on about"), _("Needed for a CT."), required=False)
    says = forms.CharField(
        label=_("In words"),
        help_text=_("Needed for a discharge and for “Other”."),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=1000,
        required=False,
    )
    dissent = forms.CharField(label=_("Dissent"), max_length=500, required=False)

    def __init__(self, *args: Any, people: QuerySet[User], **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        for row in range(1, ACTION_ROWS + 1):
            usual = forms.TextInput(attrs={"list": "usual-actions"})
            self.fields[f"what_{row}"] = forms.CharField(
                label=_("Action"), max_length=300, required=False, widget=usual
            )
            owner = Person(_("Who"), required=False)
            owner.queryset = people
            self.fields[f"owner_{row}"] = owner
            self.fields[f"due_{row}"] = day(_("By when"), required=False)

    usual_actions = USUAL_ACTIONS

    def rows(self) -> Iterator[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        """Give the lines for actions: what, who, by when."""
        for row in range(1, ACTION_ROWS + 1):
            yield self[f"what_{row}"], self[f"owner_{row}"], self[f"due_{row}"]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        kind = told.get("kind")
        if kind == OutcomeKind.CT and not told.get("ct_on") and "ct_on" not in self.errors:
            self.add_error("ct_on", _("Give the day of the CT."))
        if kind in {OutcomeKind.OTHER, OutcomeKind.DISCHARGE} and not told.get("says"):
            self.add_error("says", _("Say in words what was decided, and why."))
        for row in range(1, ACTION_ROWS + 1):
            if told.get(f"what_{row}") and not told.get(f"owner_{row}"):
                self.add_error(f"owner_{row}", _("Say who does this."))
            if not told.get(f"what_{row}") and self._was_begun(row):
                self.add_error(f"what_{row}", _("Say what is to be done, or leave the whole line empty."))
        if kind and kind not in {OutcomeKind.CT, OutcomeKind.DISCHARGE} and not self.tasks():
            self.add_error("what_1", gettext("This outcome needs somebody who acts on it, and a day."))
        return told

    def _was_begun(self, row: int) -> bool:
        """Whether a line without words has a day, or somebody other than the one who was proposed."""
        owner = self.cleaned_data.get(f"owner_{row}")
        return bool(self.cleaned_data.get(f"due_{row}")) or bool(owner and owner.pk != self.initial.get(f"owner_{row}"))

    def tasks(self) -> list[Task]:
        """Give the actions that were filled in; without a day each is due in a fortnight."""
        told = self.cleaned_data
        usual = timezone.localdate() + timedelta(days=USUAL_DAYS)
        return [
            Task(told[f"what_{row}"], told[f"owner_{row}"], told.get(f"due_{row}") or usual)
            for row in range(1, ACTION_ROWS + 1)
            if told.get(f"what_{row}") and told.get(f"owner_{row}")
        ]

    def ct_day(self) -> date | None:
        return self.cleaned_data["ct_on"] if self.cleaned_data["kind"] == OutcomeKind.CT else None


def meeting_choices(meetings: Sequence[MdtMeeting]) -> list[tuple[str, str]]:
    """Name meetings that still take cases."""
    return [
        (str(one.code), formats.date_format(timezone.localtime(one.starts_at), "DATETIME_FORMAT")) for one in meetings
    ]
