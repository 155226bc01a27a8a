"""Accounts and roles, and what a clinic has laid down: its guidelines, who signs, the days of its own steps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.forms.reminders import OfClinic
from nodules_app.models import Clinic, FollowUpKind, Role, Setting
from nodules_app.services.assessments import SIDE_BY_SIDE

REASON_CHARS = 300
SHORTEST_DAYS, LONGEST_DAYS = 1, 365  # step_window_is_a_span_of_days


class RoleForm(forms.Form):
    username = forms.CharField(label=_("Sign-in name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    reason = forms.CharField(label=_("Why"), help_text=_("Kept with the role."), max_length=REASON_CHARS)


class AccountForm(forms.Form):
    """Somebody new: an account with its first role."""

    username = forms.CharField(label=_("Sign-in name"), max_length=150, validators=[UnicodeUsernameValidator()])
    first_name = forms.CharField(label=_("Given name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Family name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    reason = forms.CharField(label=_("Why"), help_text=_("Kept with the role."), max_length=REASON_CHARS)


class EndRoleForm(forms.Form):
    reason = forms.CharField(label=_("Why"), help_text=_("Kept with the role."), max_length=REASON_CHARS)


class PolicyForm(OfClinic):
    """Which guideline leads, who signs, how many read."""

    signing_roles = forms.MultipleChoiceField(
        label=_("Who signs a step"), choices=Role.choices, widget=forms.CheckboxSelectMultiple
    )
    readers_needed = forms.TypedChoiceField(
        label=_("Readers of an exam"),
        choices=[(1, _("One")), (2, _("Two, each without seeing what the other marked"))],
        coerce=int,
    )

    class Meta:
        model = Clinic
        fields = ["guideline_incidental", "guideline_screening", "signing_roles", "readers_needed"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        for name, setting in (("guideline_incidental", Setting.INCIDENTAL), ("guideline_screening", Setting.SCREENING)):
            choices = [(code, EDITIONS[code].title) for code in SIDE_BY_SIDE[setting]]
            label = self.fields[name].label
            self.fields[name] = forms.ChoiceField(label=label, choices=choices)


class WindowsForm(forms.Form):
    """Days within which the clinic does what no guideline dates; an empty field takes the product's own."""

    def __init__(self, own: dict[FollowUpKind, int], usual: dict[FollowUpKind, int], *args: Any) -> None:  # noqa: ANN401
        super().__init__(*args)
        for kind in FollowUpKind:
            self.fields[kind.value] = forms.IntegerField(
                label=kind.label,
                help_text=_("Empty: %(days)s days") % {"days": usual[kind]},
                required=False,
                min_value=SHORTEST_DAYS,
                max_value=LONGEST_DAYS,
                initial=own.get(kind),
            )

    def within_days(self) -> dict[FollowUpKind, int | None]:
        return {kind: self.cleaned_data[kind.value] for kind in FollowUpKind}
