"""What is asked when a report or letter is written, edited, signed, added to or retracted, or a template changed."""

from __future__ import annotations

from typing import Final

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from nodules_app.models import DocumentKind

LONGEST_SENTENCE: Final = 2000


class WriteForm(forms.Form):
    kind = forms.TypedChoiceField(choices=DocumentKind.choices, coerce=DocumentKind)
    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ShownForm(forms.Form):
    """An act upon a draft as the page showed it."""

    version = forms.IntegerField(min_value=1)


class SentenceForm(ShownForm):
    """Other words for one sentence; none leave it out."""

    key = forms.CharField(max_length=40)
    words = forms.CharField(required=False, max_length=LONGEST_SENTENCE)


class AddendumForm(forms.Form):
    words = forms.CharField(
        label=_("Addendum"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write what is to be added.")},
    )


class RetractionForm(forms.Form):
    why = forms.CharField(
        label=_("Why it holds no longer"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For example: written for another patient."),
        error_messages={"required": _("Say why it holds no longer.")},
    )


class TemplateForm(forms.Form):
    """The words of a letter around its fields."""

    subject = forms.CharField(label=_("Subject"), max_length=200)
    text = forms.CharField(
        label=_("Text"),
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "true"}),
        help_text=_("Fields stand in braces. An empty line begins a new paragraph."),
    )
    why = forms.CharField(label=_("Why it is changed"), max_length=300, required=False)
