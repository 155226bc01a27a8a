"""Which slice is asked for, and where on it somebody pressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext_lazy as _

WINDOWS = [("lung", _("Lung")), ("soft", _("Soft tissue")), ("bone", _("Bone"))]


class SliceForm(forms.Form):
    """Slices are counted from 1 on pages, from 0 in arrays; ``cleaned_data["slice"]`` is what the page says."""

    slice = forms.IntegerField(label=_("Slice"), required=False, min_value=1)
    window = forms.ChoiceField(choices=WINDOWS, required=False)
    nodule = forms.CharField(required=False, max_length=12)


class CropForm(forms.Form):
    """A crop's side and slice, and for a point that is no finding yet its place; array indices, as in its address."""

    mm = forms.FloatField(required=False, min_value=10, max_value=200)
    slice = forms.IntegerField(required=False, min_value=0)
    x = forms.FloatField(required=False)
    y = forms.FloatField(required=False)


class _OnTheScan(forms.Form):
    """A place on a scan of ``shape_zyx`` voxels; what lies beyond its slices, rows or columns is refused."""

    across: tuple[str, str]  # the fields that count columns and rows

    def __init__(self, data: Mapping[str, Any], *, shape_zyx: tuple[int, int, int]) -> None:
        super().__init__(data)
        slices, rows, columns = shape_zyx
        column, row = self.across
        for name, last in (("slice", slices), (column, columns - 1), (row, rows - 1)):
            self.fields[name].validators.append(MaxValueValidator(last))


class PointForm(_OnTheScan):
    """A press on a slice: where on the picture as it was drawn, ``width`` CSS pixels wide; or column and row typed in.

    An image button that is pressed by a key sends 0, 0; that is no point.
    """

    across = ("column", "row")
    slice = forms.IntegerField(min_value=1)
    width = forms.IntegerField(min_value=16, max_value=10_000, required=False)
    x = forms.FloatField(required=False)
    y = forms.FloatField(required=False)
    column = forms.FloatField(label=_("Column"), required=False, min_value=0)
    row = forms.FloatField(label=_("Row"), required=False, min_value=0)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        pressed = bool(told.get("width")) and (told.get("x") or 0) > 0 and (told.get("y") or 0) > 0
        typed = told.get("column") is not None and told.get("row") is not None
        if not pressed and not typed:
            raise forms.ValidationError(_("Press on the nodule in the picture, or type its column and row."))
        return told

    def pixel(self, columns: int, rows: int, picture_height_share: float) -> tuple[float, float]:
        """Give the point as (x, y) in continuous pixels of the slice.

        ``picture_height_share`` is the height of the drawn picture as a share of its width.
        """
        told = self.cleaned_data
        if told.get("column") is not None and told.get("row") is not None:
            return float(told["column"]), float(told["row"])
        x = told["x"] / told["width"] * columns - 0.5
        y = told["y"] / (told["width"] * picture_height_share) * rows - 0.5
        return min(max(x, 0.0), columns - 1.0), min(max(y, 0.0), rows - 1.0)


class MarkForm(_OnTheScan):
    """The point that a person confirmed, in pixels of the slice."""

    across = ("x", "y")
    slice = forms.IntegerField(min_value=1)
    x = forms.FloatField(min_value=0)
    y = forms.FloatField(min_value=0)
