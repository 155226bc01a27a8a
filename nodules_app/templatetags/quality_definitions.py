"""What each figure counts, in one sentence, with the version of that sentence; it is shown beside the figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Definition:
    """A changed sentence raises the version."""

    text: Promise
    version: str = "1.0"


DEFINITIONS: Final[Mapping[str, Definition]] = {
    "lost": Definition(
        _("Active nodules without an open step and without a recorded reason, of all active nodules. Now.")
    ),
    "suspected": Definition(
        _("Steps of patients who answered no reminder, waiting for a clinician's decision. Now."),
    ),
    "on_time": Definition(
        _(
            "CTs made by the last day of their window, of signed CTs whose window ended in the period. Not counted: "
            "died, handed over and acknowledged, replaced by a newer step, nothing left to follow, entered in error."
        )
    ),
    "within_30": Definition(_("The same CTs, made no later than 30 days after their target day.")),
    "scan_to_result": Definition(
        _("Days from the exam to the first signature of its reading, for readings signed in the period.")
    ),
    "result_to_contact": Definition(
        _("Days from that signature until the patient was reached, or a message or letter went out.")
    ),
    "scan_to_contact": Definition(
        _("Days from the exam until the patient was reached or written to, for readings signed in the period.")
    ),
    "result_to_decision": Definition(
        _("Days from the first signature of a reading to the first decision on what the guidelines said of that exam.")
    ),
    "concordance": Definition(
        _("Decisions that follow the guideline's answer, of all decisions signed in the period.")
    ),
    "borderline": Definition(
        _(
            "Decisions whose answer would be another one with a chance above 20 %, given the errors of the sizes, "
            "of the decisions of the period whose sizes carry an error."
        )
    ),
    "by_volume": Definition(
        _("Nodules whose size in force is a measured volume, of those seen at exams of the last 30 days of the period.")
    ),
    "good_pairs": Definition(
        _("Pairs of scans graded A or B for comparing, of the graded pairs whose later exam lies in the period.")
    ),
    "mdt_wait": Definition(_("Days from the question to the confirmed outcome, for outcomes confirmed in the period.")),
    "mdt_to_meeting": Definition(_("The first part of these days: from the question to the meeting's beginning.")),
    "mdt_to_outcome": Definition(
        _("The second part: from the meeting's end to the confirmed outcome; an outcome confirmed before counts as 0.")
    ),
    "mdt_to_done": Definition(
        _("Days from the confirmed outcome to the end of its action, for actions done whose day lies in the period.")
    ),
    "mdt_24": Definition(_("Outcomes confirmed no later than 24 hours after the meeting ended.")),
    "mdt_cut_off": Definition(
        _(
            "Cases that were on the list when it closed and not sent back then as incomplete, of all that were put on "
            "the list of a meeting held in the period. Not counted: withdrawn before the list closed."
        ),
        "2.0",
    ),
    "mdt_actions": Definition(
        _("Actions of the conference done by their day, of those whose day lies in the period and has passed.")
    ),
    "actions_overdue": Definition(
        _("Actions of confirmed outcomes that nobody has done yet and whose day has passed. Now.")
    ),
    "answered": Definition(
        _("Days from a task of the reminders to the person who took it, for tasks planned in the period.")
    ),
    "malignant": Definition(
        _("Malignant nodules, of those whose nature a biopsy or a resection told in the period. The latest word holds.")
    ),
    "benign_resections": Definition(_("Benign nodules, of those that were resected and examined in the period.")),
    # tables
    "overdue": Definition(_("Signed steps without an exam whose window has ended, by days since its end. Now.")),
    "by_kind": Definition(
        _("Steps that ended, or whose exam was made, within their window, of those whose window ended in the period.")
    ),
    "groups": Definition(
        _("CT on time for each group. Age is that of the last day; the sooner a CT was wanted, the more delay harms.")
    ),
    "brought_back": Definition(
        _(
            "Reminders and tasks that went out, and how many of them were followed by the exam within 30 days. "
            "Rungs follow each other: one exam may count for several."
        )
    ),
    "reminders": Definition(_("Reminders planned in the period, by the way they took and what became of them.")),
    "outcomes": Definition(_("Answered tasks of the reminders planned in the period, by what was done about them.")),
    "managements": Definition(_("Patients by what the guidelines answered to their exams of the period.")),
    "overrides": Definition(_("Decisions of the period against the guideline, by the reason that was chosen.")),
}
NOT_COUNTED: Final = _(
    "Not counted here, since the records do not hold it: stage at diagnosis, cancers that other hospitals found after "
    "a discharge, scans made elsewhere, district, and what patients think of it. Nor are counted yet: steps "
    "confirmed as lost, reports that recommend without naming exam and day, and scans that no guideline asked for."
)
