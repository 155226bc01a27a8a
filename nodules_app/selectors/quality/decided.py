"""What clinicians decided in a period, beside what the guidelines had answered."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import NO_ANSWER
from nodules_app.selectors.quality.asking import Question, ask
from nodules_app.selectors.quality.values import Decided, Share

FLIPS_FROM: Final = Decimal("0.2")  # the chance of another answer above which a decision is called borderline
MANAGEMENTS_SHOWN: Final = 12

# An answer keeps what else the stated errors leave possible only where that is likelier than one in twenty: where it
# keeps nothing and is "stable", nothing else is likely.
DECISIONS: Final = """
WITH said AS MATERIALIZED (  -- so that nothing but these words of the long answers is carried further
    SELECT d.overrides, d.reason_code, a.patient_id, a.answer #>> '{result,stability}' AS stability,
        a.answer #>> '{result,stability}' <> 'stable' AND (
            SELECT 1 - coalesce(sum((b ->> 'probability')::numeric), 0) > %(flips_from)s
            FROM jsonb_array_elements(a.answer #> '{result,branches}') b
            WHERE b ->> 'management' = a.management) AS flips
    FROM nodules_app_decision d
    JOIN nodules_app_assessment a ON a.id = d.assessment_id
    WHERE d.created_at >= %(start)s AND d.created_at < %(stop)s
        AND NOT EXISTS (SELECT FROM nodules_app_decisiontakenback t WHERE t.decision_id = d.id)
)
SELECT s.overrides, s.reason_code, s.stability IS NOT NULL, s.flips, count(*)
FROM said s JOIN nodules_app_patient p ON p.id = s.patient_id
WHERE p.clinic_id = ANY(%(clinics)s)
GROUP BY 1, 2, 3, 4
"""

MANAGEMENTS: Final = """
SELECT a.guideline, a.management, count(DISTINCT a.patient_id)
FROM nodules_app_assessment a JOIN nodules_app_patient p ON p.id = a.patient_id
WHERE p.clinic_id = ANY(%(clinics)s) AND a.exam_on BETWEEN %(first)s AND %(last)s
    AND a.management <> ALL(%(no_answer)s)
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %(most)s
"""


def walk(question: Question) -> Decided:
    """Count the decisions of the period that stand; one that was taken back at once is none."""
    whole = followed = certain = borderline = 0
    overrides: Counter[str] = Counter()
    for is_override, reason, states_errors, flips, count in ask(DECISIONS, question, flips_from=FLIPS_FROM):
        whole += count
        followed += 0 if is_override else count
        certain += count if states_errors else 0
        borderline += count if flips else 0
        if is_override:
            overrides[reason] += count
    managements = ask(MANAGEMENTS, question, no_answer=sorted(NO_ANSWER), most=MANAGEMENTS_SHOWN)
    return Decided(
        concordance=Share(followed, whole),
        borderline=Share(borderline, certain),
        overrides=tuple(sorted(overrides.items(), key=lambda one: (-one[1], one[0]))),
        managements=tuple((guideline, management, count) for guideline, management, count in managements),
    )
