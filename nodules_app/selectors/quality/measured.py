"""How sizes were taken at the exams of a period, and what work-ups found in it."""

from __future__ import annotations

from typing import Final

from nodules_app.models import Diagnosis, KnownBy
from nodules_app.selectors.quality.asking import Question, ask
from nodules_app.selectors.quality.values import Share, Tissue

CALIPER: Final = "caliper"  # services.measured.CALIPER_NAME: two axes that a person has laid
LATELY_DAYS: Final = 30  # a year of measurements of a large clinic takes two seconds to count, and changes little

PAIRS: Final = """
SELECT count(*) FILTER (WHERE c.grade IN ('A', 'B')), count(*)
FROM nodules_app_comparison c
JOIN nodules_app_patient p ON p.id = c.patient_id
JOIN nodules_app_scan n ON n.id = c.current_id
JOIN nodules_app_study s ON s.id = n.study_id
WHERE p.clinic_id = ANY(%(clinics)s) AND c.grade <> '' AND s.acquired_on BETWEEN %(first)s AND %(last)s
"""

# What is in force of a finding is its latest row. A caliper's volume is computed from its axes, none is measured.
BY_VOLUME: Final = """
SELECT count(*) FILTER (WHERE m.volume_mm3 IS NOT NULL AND m.method <> %(caliper)s), count(*)
FROM nodules_app_study s
JOIN nodules_app_patient p ON p.id = s.patient_id
JOIN nodules_app_scan c ON c.study_id = s.id AND c.superseded_at IS NULL
JOIN nodules_app_finding f ON f.scan_id = c.id AND f.superseded_at IS NULL AND f.present
LEFT JOIN LATERAL (
    SELECT volume_mm3, method FROM nodules_app_measurement WHERE finding_id = f.id ORDER BY id DESC LIMIT 1) m ON true
WHERE p.clinic_id = ANY(%(clinics)s)
    AND s.acquired_on BETWEEN greatest(%(first)s, %(last)s - %(lately)s + 1) AND %(last)s
"""

# The latest word on a nodule holds; one that was taken back is none.
OUTCOMES: Final = """
WITH latest AS (
    SELECT DISTINCT ON (o.nodule_id) o.outcome, o.known_by, o.on
    FROM nodules_app_noduleoutcome o
    JOIN nodules_app_nodule n ON n.id = o.nodule_id
    JOIN nodules_app_patient p ON p.id = n.patient_id
    WHERE p.clinic_id = ANY(%(clinics)s)
    ORDER BY o.nodule_id, o.id DESC
)
SELECT count(*) FILTER (WHERE outcome = %(malignant)s), count(*),
    count(*) FILTER (WHERE outcome = %(benign)s AND known_by = %(resection)s),
    count(*) FILTER (WHERE known_by = %(resection)s)
FROM latest
WHERE latest.on BETWEEN %(first)s AND %(last)s AND outcome IN (%(malignant)s, %(benign)s)
    AND known_by IN (%(resection)s, %(biopsy)s)
"""


def by_volume(question: Question) -> Share:
    """Nodules whose size was measured as a volume, of those seen at the exams of the last thirty days."""
    return Share(*ask(BY_VOLUME, question, caliper=CALIPER, lately=LATELY_DAYS)[0])


def good_pairs(question: Question) -> Share:
    """Pairs of scans that were graded A or B, of all graded, by the day of the later one."""
    return Share(*ask(PAIRS, question)[0])


def tissue(question: Question) -> Tissue:
    """Nodules whose nature tissue told in the period: the malignant ones, and the benign ones among the resected."""
    words = {
        "malignant": str(Diagnosis.MALIGNANT),
        "benign": str(Diagnosis.BENIGN),
        "resection": str(KnownBy.HISTOLOGY),
        "biopsy": str(KnownBy.BIOPSY),
    }
    ((malignant, known, benign_resections, resections),) = ask(OUTCOMES, question, **words)
    return Tissue(Share(malignant, known), Share(benign_resections, resections))
