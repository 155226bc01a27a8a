"""What a de-identified export is asked for: of which project, whose, with or without images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodules_app.models import Clinic


class CaseForm(forms.Form):
    """One patient."""

    project = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$",
        label=_("Project"),
        help_text=_("Small letters, digits and hyphens. The same project gives the same pseudonyms again."),
        error_messages={"invalid": _("Use 3 to 40 small letters, digits and hyphens.")},
    )
    with_images = forms.BooleanField(label=_("With images, outlines and measurements as DICOM"), required=False)
    agreed = forms.BooleanField(
        label=_("The law or the patients' consent allows this export, and I answer for it"),
        error_messages={"required": _("Confirm that this export is allowed.")},
    )


class CohortForm(CaseForm):
    """The patients of a clinic of whom an exam was signed in a period."""

    clinic = forms.ChoiceField(label=_("Clinic"))
    signed_since = forms.DateField(label=_("Signed from"), required=False, widget=forms.DateInput({"type": "date"}))
    signed_until = forms.DateField(label=_("Signed until"), required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, clinics: Sequence[Clinic], data: Any = None) -> None:  # noqa: ANN401 Django's own signature
        super().__init__(data)
        self.fields["clinic"] = forms.ChoiceField(
            label=_("Clinic"), choices=[(str(clinic.code), clinic.name) for clinic in clinics]
        )
        self.order_fields(["clinic", "signed_since", "signed_until", "project", "with_images", "agreed"])
