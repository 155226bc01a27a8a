"""The words that the reading room's scripts write on the image, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext


def texts() -> dict[str, object]:
    """Give every word of the scripts by its name there."""
    return {
        "slice": gettext("slice"),
        "zoom": gettext("zoom"),
        "native": gettext("native pixels"),
        "inverted": gettext("inverted"),
        "mirrored": gettext("mirrored"),
        "mean": gettext("Mean"),
        "loading": gettext("loading"),
        "failed": gettext("Slices did not come. Is the network there? Reload the page."),
        "warped": gettext("CURRENT carried onto the prior"),
        "difference": gettext("CURRENT minus PRIOR"),
        "brush": gettext("Brush"),
        "noMap": gettext("The two scans are not registered, so one cannot be laid on the other."),
        "noMeasureOnSlab": gettext(
            "Nothing is measured on a slab, a flicker or a difference: what seems one thing may be two. "
            "Go back to single slices first."
        ),
        "noNodule": gettext("There is nothing to go to."),
        "noOutlines": gettext("The outlines could not be fetched."),
        "hidden": gettext("Look first; press y to see what is marked."),
        "keys": _keys(),
    }


def _keys() -> dict[str, str]:
    return {
        "slice": gettext("Slice before, after"),
        "tenSlices": gettext("Ten slices"),
        "ends": gettext("First, last slice"),
        "pane": gettext("Scan to the left, right"),
        "nodule": gettext("Next, previous nodule or proposal"),
        "candidate": gettext("Next, previous proposal"),
        "lung": gettext("Lung window"),
        "soft": gettext("Mediastinal window"),
        "liver": gettext("Liver window"),
        "bone": gettext("Bone window"),
        "brain": gettext("Brain window"),
        "level": gettext("Level"),
        "width": gettext("Window width"),
        "axial": gettext("Axial"),
        "coronal": gettext("Coronal"),
        "sagittal": gettext("Sagittal"),
        "slab": gettext("Slab: maximum, mean, off"),
        "thickness": gettext("Thinner, thicker slab"),
        "sync": gettext("Linked scrolling on, off"),
        "anchor": gettext("Link here: these two places belong together"),
        "flicker": gettext("Flicker: current on prior"),
        "subtract": gettext("Subtract prior from current"),
        "outlines": gettext("Outlines"),
        "crosshair": gettext("Crosshair"),
        "findings": gettext("Show what is marked and proposed"),
        "windowTool": gettext("Left button: window"),
        "zoomTool": gettext("Left button: zoom"),
        "panTool": gettext("Left button: pan"),
        "ruler": gettext("Ruler"),
        "bidirectional": gettext("Two axes"),
        "ellipse": gettext("Ellipse: mean HU"),
        "point": gettext("Point: a missed nodule"),
        "brush": gettext("Brush: edit an outline"),
        "brushKind": gettext("Brush: adds, erases, adds between HU"),
        "brushSize": gettext("Smaller, larger brush"),
        "moveCrosshair": gettext("Move the crosshair (with Shift by ten)"),
        "press": gettext("Use the tool at the crosshair"),
        "remove": gettext("Remove the last measure"),
        "zoom": gettext("Zoom in, out"),
        "fit": gettext("Fit"),
        "invert": gettext("Invert"),
        "native": gettext("Native pixels, smooth"),
        "mirrorX": gettext("Mirror left and right"),
        "mirrorY": gettext("Mirror up and down"),
        "turn": gettext("Turn right, left"),
        "cine": gettext("Run through the slices"),
        "maximise": gettext("One scan alone"),
        "fullScreen": gettext("Full screen"),
        "reset": gettext("Everything as at first"),
        "cancel": gettext("Cancel"),
        "sheet": gettext("This list"),
        "confirm": gettext("Same nodule"),
        "reject": gettext("Not a nodule"),
        "undo": gettext("Undo"),
        "redo": gettext("Do again"),
        "nextCase": gettext("Next case"),
    }
