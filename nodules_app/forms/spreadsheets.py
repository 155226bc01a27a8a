"""Sending a list, and saying what its columns are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from nodules_app.exchange.spreadsheet_reading.days import DayOrder
from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.models import Clinic
from nodules_app.services.spreadsheets.receiving import Said

FIELD_WORDS: Final = {
    Field.IDENTIFIER: _("Patient's number"),
    Field.ISSUER: _("Issuer of the number"),
    Field.NAME: _("Patient's name"),
    Field.FAMILY_NAME: _("Family name"),
    Field.GIVEN_NAME: _("Given name"),
    Field.BIRTH_DATE: _("Born"),
    Field.SEX: _("Sex"),
    Field.MOBILE: _("Mobile number for messages"),
    Field.PHONE: _("Telephone"),
    Field.EMAIL: _("E-mail"),
    Field.ADDRESS: _("Postal address"),
    Field.NODULE: _("Which nodule"),
    Field.LOBE: _("Lobe"),
    Field.SIZE: _("Size of the nodule"),
    Field.SHORT_AXIS: _("Short axis of the nodule"),
    Field.ATTENUATION: _("Attenuation"),
    Field.MEASURED_ON: _("Measured on"),
    Field.LAST_SCAN_ON: _("Last scan"),
    Field.STEP: _("Next step"),
    Field.DUE_ON: _("Next step due"),
    Field.OWNER: _("Owner of the step"),
    Field.NOTE: _("Note"),
}


class ListForm(forms.Form):
    """One file; the clinic where several can be meant."""

    file = forms.FileField(
        label=_("The list"),
        help_text=_("CSV or Excel (.xlsx), as it is: titles above the headings and columns we do not need do no harm."),
        allow_empty_file=True,
        error_messages={"required": _("Choose the file of your list.")},
    )

    def __init__(self, clinics: Sequence[Clinic], *args: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args)
        self.clinics = {str(clinic.code): clinic for clinic in clinics}
        if len(clinics) > 1:
            self.fields["clinic"] = forms.ChoiceField(
                label=_("Clinic whose list it is"),
                choices=[("", _("Choose …")), *((code, clinic.name) for code, clinic in self.clinics.items())],
                error_messages={"required": _("Choose the clinic: you work in several.")},
            )

    def chosen_clinic(self) -> Clinic | None:
        """The chosen clinic; None where only one can be meant."""
        return self.clinics.get(self.cleaned_data.get("clinic", ""))


class ColumnsForm(forms.Form):
    """What each column of one sheet says, and what no cell can say."""

    order = forms.ChoiceField(
        label=_("Days such as 03/04/2025"),
        choices=[
            ("", _("As the columns themselves show")),
            (DayOrder.DAY_FIRST.value, _("Day first: 3 April")),
            (DayOrder.MONTH_FIRST.value, _("Month first: 4 March")),
        ],
        required=False,
    )
    unit = forms.ChoiceField(
        label=_("Sizes without a unit are in"), choices=[("mm", "mm"), ("cm", "cm")], required=False
    )
    issuer = forms.CharField(
        label=_("Issuer of the numbers"),
        help_text=_("For lists without such a column; the same as in your archive, so that exams find their patients."),
        max_length=64,
        required=False,
    )

    def __init__(self, head: Mapping[str, Any], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args, **options)
        self.head = head
        choices = [("", _("Not taken")), *((field.value, words) for field, words in FIELD_WORDS.items())]
        for column in head["columns"]:
            self.fields[f"column-{column['index']}"] = forms.ChoiceField(
                label=column["heading"] or _("Without a heading"),
                choices=choices,
                required=False,
                initial=column["field"] or "",
            )

    def columns(self) -> list[tuple[Mapping[str, Any], forms.BoundField]]:
        """Each column with its question."""
        return [(column, self[f"column-{column['index']}"]) for column in self.head["columns"]]

    def clean(self) -> dict[str, Any]:
        """See that every fact has one column, and that one says whose line it is."""
        told = super().clean() or {}
        places: dict[str, str] = {}
        for column in self.head["columns"]:
            name = f"column-{column['index']}"
            if (field := told.get(name, "")) in places:
                words = FIELD_WORDS[Field(field)]
                self.add_error(name, ValidationError(_("“%(field)s” is chosen twice."), params={"field": words}))
            elif field:
                places[field] = name
        if Field.IDENTIFIER not in places:
            self.add_error(
                None, ValidationError(_("Choose the column with the patient's number: it tells people apart."))
            )
        return told

    def said(self) -> Said:
        """What the person says, in the shape that the service takes."""
        told = self.cleaned_data
        chosen = {
            column["index"]: Field(field)
            for column in self.head["columns"]
            if (field := told.get(f"column-{column['index']}"))
        }
        order = DayOrder(told["order"]) if told["order"] else None
        return Said(self.head["sheet"], chosen, order, told["unit"], told["issuer"].strip())
