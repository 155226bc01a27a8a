"""Giving and taking roles, and the days of a clinic's own steps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import FollowUpKind, Role

REASON_CHARS = 300
SHORTEST_DAYS, LONGEST_DAYS = 1, 365  # step_window_is_a_span_of_days


class RoleForm(forms.Form):
    username = forms.CharField(label=_("Sign-in name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    reason = forms.CharField(label=_("Why"), help_text=_("Kept with the role."), max_length=REASON_CHARS)


class EndRoleForm(forms.Form):
    reason = forms.CharField(label=_("Why"), help_text=_("Kept with the role."), max_length=REASON_CHARS)


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
