"""Which scans somebody wants to see side by side."""

from __future__ import annotations

from django import forms


class RoomForm(forms.Form):
    """Codes of scans, all optional, and the label of the nodule to begin at."""

    third = forms.UUIDField(required=False)
    prior = forms.UUIDField(required=False)
    current = forms.UUIDField(required=False)
    nodule = forms.CharField(required=False, max_length=12)
