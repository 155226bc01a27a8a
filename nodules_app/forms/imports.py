"""Sending exams, and choosing another series of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from nodules_app.models import Clinic


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

    def __init__(self, clinics: Sequence[Clinic], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        """Ask for the clinic where several can be meant; a known patient stays with theirs whatever is chosen."""
        super().__init__(*args, **options)
        self.clinics = {str(clinic.code): clinic for clinic in clinics}
        if len(clinics) > 1:
            self.fields["clinic"] = forms.ChoiceField(
                label=_("Clinic that follows new patients"),
                choices=[("", _("Choose …")), *((code, clinic.name) for code, clinic in self.clinics.items())],
                error_messages={"required": _("Choose the clinic: you work in several.")},
            )

    def chosen_clinic(self) -> Clinic | None:
        """The chosen clinic; None where only one can be meant."""
        return self.clinics.get(self.cleaned_data.get("clinic", ""))

    def sent(self) -> list[UploadedFile[Any]]:
        """Every file of both fields."""
        return [*self.cleaned_data["dicom"], *self.cleaned_data["folder"]]


class ChooseSeriesForm(forms.Form):
    series = forms.UUIDField()
