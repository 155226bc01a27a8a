"""What our own cards say, in the reader's language. A hospital's card is shown as it was written."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_noop

register = template.Library()

LIMITS: Final = (
    gettext_noop("Trained on simulation alone: it has never seen scars, mucus, lymph nodes, emphysema or motion."),
    gettext_noop("Trained on simulation alone, on few patients: it has never seen scars, motion or contrast medium."),
    gettext_noop(
        "Trained on simulation alone: it has never seen scars, consolidation, emphysema, motion or contrast medium."
    ),
    gettext_noop("For CT of the chest with slices up to 2.5 mm and nodules of 4 to 15 mm."),
    gettext_noop("For nodules of 4 to 15 mm that both scans show, on slices up to 2.5 mm."),
    gettext_noop("For nodules of 4 to 20 mm on slices up to 2.5 mm; a larger one does not fit into its cube."),
    gettext_noop("For nodules of 4 to 20 mm on slices up to 2.5 mm; strands are hardly seen on thicker slices."),
    gettext_noop(
        "It says whether a place looks like a nodule, never whether one is malignant; "
        "what is not proposed may be there."
    ),
    gettext_noop("Its word stands beside the measured growth; no recommendation is made from it."),
    gettext_noop(
        "The interval of measured and learned together is too narrow: "
        "on real nodules in real CT it held 0.78 of the true ratios, not 0.95."
    ),
    gettext_noop(
        "The interval of measured and learned together is not shown: "
        "on real nodules in real CT it held fewer than 0.93 of the true ratios."
    ),
    gettext_noop("Strands and tags are left out, a cavity is counted in."),
    gettext_noop("Its volumes stand beside the measured ones; no recommendation is made from them."),
    gettext_noop(
        "A feature means what the simulation draws, not what a reader would call it; see the page for their agreement."
    ),
    gettext_noop(
        "Its probabilities hold where a third of the nodules have a feature; in a clinic most features are rarer."
    ),
    gettext_noop("It says what a nodule looks like, never what it is; no recommendation is made from it."),
)
GROUPS: Final = (
    gettext_noop("all"),
    gettext_noop("isolated"),
    gettext_noop("attached"),
    gettext_noop("solid"),
    gettext_noop("part-solid"),
    gettext_noop("ground glass"),
    gettext_noop("on a vessel"),
    gettext_noop("on the pleura"),
    gettext_noop("two protocols"),
    gettext_noop("below 6 mm"),
    gettext_noop("6 to 10 mm"),
    gettext_noop("10 mm and more"),
    gettext_noop("below 8 mm"),
    gettext_noop("8 mm and more"),
    gettext_noop("slices of 2 mm and more"),
    gettext_noop("spiculated"),
    gettext_noop("with a cavity"),
    gettext_noop("plain solid, none of the above"),
    gettext_noop("part solid"),
    gettext_noop("lobulation"),
    gettext_noop("spiculation"),
    gettext_noop("calcification"),
    gettext_noop("cavity"),
    gettext_noop("pleural tag"),
    gettext_noop("real nodules, beside measured"),
    gettext_noop("real nodules, beside readers"),
    gettext_noop("real nodules, lobulation"),
    gettext_noop("real nodules, spiculation"),
    gettext_noop("real nodules, texture, 5 is solid"),
)
MEASURES: Final = (
    gettext_noop("sensitivity at 0.5 false places a scan"),
    gettext_noop("sensitivity at 1 false places a scan"),
    gettext_noop("sensitivity at 2 false places a scan"),
    gettext_noop("sensitivity at 4 false places a scan"),
    gettext_noop("sensitivity at 8 false places a scan"),
    gettext_noop("error of ln(ratio), root mean square, learned"),
    gettext_noop("error of ln(ratio), root mean square, fused"),
    gettext_noop("area under the curve for growth by a quarter, learned"),
    gettext_noop("area under the curve for growth by a quarter, fused"),
    gettext_noop("area under the ROC curve"),
    gettext_noop("rank correlation with readers"),
    gettext_noop("Dice with readers"),
    gettext_noop("bias of ln(volume)"),
    gettext_noop("spread of ln(volume), standard deviation"),
    gettext_noop("error of ln(volume), root mean square"),
    gettext_noop("error of the solid part, share of the nodule, root mean square"),
)

OURS: Final = frozenset((*LIMITS, *GROUPS, *MEASURES))


@register.filter
def card_words(said: str) -> SafeString:
    """Give a card's words in the reader's language, or as English that says so where they have none."""
    if said not in OURS and get_language() != "en":
        return format_html('<span lang="en">{}</span>', said)
    return format_html("{}", gettext(said) if said in OURS else said)
