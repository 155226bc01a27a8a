"""Answering for an exam that came after follow-up had ended."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class AnswerExamForm(forms.Form):
    follow_again = forms.TypedChoiceField(
        label=_("What is to be done"),
        choices=[
            ("again", _("Follow this patient again; the exam is owed a reader")),
            ("nothing", _("Nothing: follow-up stays ended")),
        ],
        coerce=lambda said: said == "again",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    reason = forms.CharField(label=_("Why"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
