"""Sending exams, and choosing another series of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files; Django's own field takes the last one only."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:  # noqa: ANN401 - what a browser sends
        return [super(FilesField, self).clean(one, initial) for one in data or []]


class UploadForm(forms.Form):
    dicom = FilesField(label=_("Files or zip archives"), required=False, widget=FilesInput(attrs={"multiple": True}))
    folder = FilesField(
        label=_("A whole folder"), required=False, widget=FilesInput(attrs={"multiple": True, "webkitdirectory": True})
    )

    def sent(self) -> list[UploadedFile[Any]]:
        """Every file of both fields."""
        return [*self.cleaned_data["dicom"], *self.cleaned_data["folder"]]


class ChooseSeriesForm(forms.Form):
    series = forms.UUIDField()
