"""Recording a contact: a few radio buttons, so that it takes seconds; what depends on an answer is asked beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import AttemptBy, AttemptOutcome, ContactOf, ContactPoint, Outcome
from nodules_app.services.attempts import Told

AGREED: Final = (Outcome.REACHED, Outcome.CONFIRMED, Outcome.ARRANGED, Outcome.PASSED_ON)


class AttemptForm(forms.Form):
    channel = forms.ChoiceField(
        label=_("How"), choices=AttemptBy.choices, initial=AttemptBy.CALL, widget=forms.RadioSelect
    )
    of = forms.ChoiceField(label=_("Whom"), choices=ContactOf.choices, initial=ContactOf.PATIENT)
    outcome = forms.ChoiceField(
        label=_("What came of it"),
        choices=AttemptOutcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what came of it.")},
    )
    agreed = forms.ChoiceField(
        label=_("Reached: what was agreed"),
        choices=[(one.value, one.label) for one in AGREED],
        initial=Outcome.REACHED,
        required=False,
    )
    call_back_at = forms.DateTimeField(
        label=_("Call back at"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
    contact = forms.ChoiceField(label=_("Number or address"), required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, points: Sequence[ContactPoint], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args, **options)
        self.points = {str(point.code): point for point in points}
        named = [(code, f"{point.get_kind_display()} {point.masked}") for code, point in self.points.items()]
        self.fields["contact"] = forms.ChoiceField(
            label=_("Number or address"), required=False, choices=[("", _("not said")), *named]
        )

    def clean(self) -> dict[str, Any]:
        """Ask for the moment to call back where the patient asked for it, and keep it only there."""
        told = super().clean() or {}
        if told.get("outcome") != AttemptOutcome.CALL_BACK:
            told["call_back_at"] = None
        elif not told.get("call_back_at") and "call_back_at" not in self.errors:
            self.add_error("call_back_at", _("Say when to call back."))
        return told

    def told(self) -> Told:
        """Give what was said, as the service takes it."""
        said = self.cleaned_data
        return Told(
            channel=AttemptBy(said["channel"]),
            outcome=AttemptOutcome(said["outcome"]),
            of=ContactOf(said["of"]),
            agreed=said["agreed"],
            call_back_at=said["call_back_at"],
            contact=self.points.get(said["contact"]),
            note=said["note"],
        )
