"""Saying who is who: which record stays, whose exam it is, and how one knows."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from nodules_app.models import Patient, User
from nodules_app.selectors import identity
from nodules_app.selectors.likeness import Likeness

REASON_CHARS: Final = 300
LIKENESS_WORDS: Final = {
    Likeness.NUMBER: _("the same number"),
    Likeness.NAME: _("the same name"),
    Likeness.SOUND: _("the name sounds the same"),
    Likeness.SPELLING: _("the name is spelled alike"),
    Likeness.BIRTH_DATE: _("the same day of birth"),
    Likeness.BIRTH_DATE_SLIP: _("a day of birth that differs by one slip"),
}


def reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("How you know"),
        help_text=_("Kept with both records: a card, a call, a letter."),
        max_length=REASON_CHARS,
    )


class JoinForm(forms.Form):
    """Which of two records stays; the other one's exams, nodules and steps move to it."""

    def __init__(self, one: Patient, other: Patient, *args: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args)
        self.fields["kept"] = forms.ChoiceField(
            label=_("The record that stays"),
            choices=[(str(who.code), f"{who.name} · {who.issuer} {who.identifier}") for who in (one, other)],
            widget=forms.RadioSelect,
        )
        self.fields["reason"] = reason_field()


class ReasonForm(forms.Form):
    reason = reason_field()


class OfNumberForm(forms.Form):
    """A patient of this clinic by number; the issuer where several have the same."""

    def __init__(self, user: User, *args: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args)
        self.user = user
        self.fields["number"] = forms.CharField(label=_("Number of the right patient"), max_length=64)
        self.fields["issuer"] = forms.CharField(
            label=_("Issuer of the number"),
            help_text=_("Only where several patients have this number."),
            max_length=64,
            required=False,
        )
        self.fields["reason"] = reason_field()

    def clean(self) -> dict[str, Any]:
        """Find the one patient that is meant."""
        told = super().clean() or {}
        if told.get("number"):
            told["patient"] = self._meant(told["number"].strip(), told.get("issuer", "").strip())
        return told

    def _meant(self, number: str, issuer: str) -> Patient | None:
        found = identity.by_number(self.user, number)
        found = [one for one in found if not issuer or one.issuer == issuer]
        if len(found) == 1:
            return identity.followed_as(found[0])
        wrong = _("Nobody whom you follow has this number.")
        if found:
            wrong = _("Several patients have this number. Name the issuer too.")
        self.add_error("number", ValidationError(wrong))
        return None


class HeldForm(forms.Form):
    """Whose exam it is: the known person's, or somebody's who gets a number of their own."""

    answer = forms.ChoiceField(
        label=_("Whose exam it is"),
        choices=[("known", _("The known person's")), ("new", _("Somebody else's, not known here yet"))],
        widget=forms.RadioSelect,
    )
    number = forms.CharField(
        label=_("Their own number"), help_text=_("Only for somebody else."), max_length=64, required=False
    )
    reason = reason_field()

    def clean(self) -> dict[str, Any]:
        """Ask for a number where a new person needs one."""
        told = super().clean() or {}
        if told.get("answer") == "new" and not told.get("number", "").strip():
            self.add_error("number", ValidationError(_("Give the number that tells this person from all others.")))
        return told
