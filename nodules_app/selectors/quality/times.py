"""How long patients waited: from the exam to its result, and from there until somebody told them."""

from __future__ import annotations

from typing import Final

from nodules_app.ladder.rungs import Recipient
from nodules_app.models import AttemptOutcome, ContactOf
from nodules_app.models.reminders import ARRIVED
from nodules_app.selectors.quality.asking import Question, ask, spread
from nodules_app.selectors.quality.values import Times

# Signatures and contacts of all patients lie in one line, each patient's latest first, and the earliest contact so far
# is carried along: what a signature meets is the first contact after it. A contact at the very moment counts.
WALK: Final = """
WITH decided AS (
    SELECT a.patient_id, a.exam_on, min(d.created_at) AS at
    FROM nodules_app_decision d
    JOIN nodules_app_assessment a ON a.id = d.assessment_id
    WHERE NOT EXISTS (SELECT FROM nodules_app_decisiontakenback t WHERE t.decision_id = d.id)
    GROUP BY 1, 2
), signed AS (
    SELECT r.patient_id, r.signed_at, s.acquired_on, d.at AS decided_at
    FROM nodules_app_reading r
    JOIN nodules_app_patient p ON p.id = r.patient_id
    JOIN nodules_app_scan c ON c.id = r.scan_id
    JOIN nodules_app_study s ON s.id = c.study_id
    LEFT JOIN decided d ON d.patient_id = r.patient_id AND d.exam_on = s.acquired_on AND d.at >= r.signed_at
    WHERE p.clinic_id = ANY(%(clinics)s) AND r.version = 1 AND r.signed_by_id IS NOT NULL
        AND r.signed_at >= %(start)s AND r.signed_at < %(stop)s
), line AS (
    SELECT patient_id, signed_at AS at, false AS is_contact, acquired_on, decided_at FROM signed
    UNION ALL
    SELECT patient_id, at, true, NULL, NULL FROM nodules_app_contactattempt
    WHERE of = %(patient)s AND outcome = %(reached)s AND at >= %(start)s
    UNION ALL
    SELECT patient_id, handed_over_at, true, NULL, NULL FROM nodules_app_reminder
    WHERE recipient = %(to_patient)s AND state = ANY(%(arrived)s) AND handed_over_at >= %(start)s
), met AS (
    SELECT is_contact, at AS signed_at, acquired_on, decided_at,
        min(at) FILTER (WHERE is_contact) OVER (
            PARTITION BY patient_id ORDER BY at DESC, is_contact DESC ROWS UNBOUNDED PRECEDING) AS told_at
    FROM line
), waited AS (
    SELECT date_part('epoch', told_at - signed_at) / 86400 AS to_contact,
        (signed_at AT TIME ZONE %(zone)s)::date - acquired_on AS to_result,
        (told_at AT TIME ZONE %(zone)s)::date - acquired_on AS whole,
        date_part('epoch', decided_at - signed_at) / 86400 AS to_decision
    FROM met WHERE NOT is_contact
)
SELECT count(*) - count(to_contact),
    count(to_result), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY to_result),
    count(to_contact), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY to_contact),
    count(whole), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY whole),
    count(to_decision), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY to_decision)
FROM waited
"""


def walk(question: Question) -> Times:
    """From the day of the exam to its first signature, and from there to the first contact and the first decision."""
    ((not_contacted, *found),) = ask(
        WALK,
        question,
        patient=str(ContactOf.PATIENT),
        reached=str(AttemptOutcome.REACHED),
        to_patient=str(Recipient.PATIENT),
        arrived=[str(state) for state in ARRIVED],
    )
    result, contact, whole, decision = (spread(*found[at : at + 2]) for at in range(0, 8, 2))
    return Times(result, contact, whole, decision, not_contacted)
