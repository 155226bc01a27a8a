-- The figures of the quality page, written once more from their definitions and from nothing of the program.
-- Parameters: clinic, first and last day. Each statement is named as the figure it checks.

-- name: lost
SELECT count(*) FILTER (WHERE NOT covered.by_step AND NOT covered.by_reason), count(*)
FROM nodules_app_nodule n JOIN nodules_app_patient p ON p.id = n.patient_id,
LATERAL (SELECT
    EXISTS (SELECT FROM nodules_app_followup f JOIN nodules_app_followup_nodules l ON l.followup_id = f.id
            WHERE l.nodule_id = n.id AND f.closed_at IS NULL) AS by_step,
    EXISTS (SELECT FROM nodules_app_closure c WHERE c.patient_id = n.patient_id) AS by_reason) covered
WHERE p.clinic_id = %(clinic)s AND n.state = 'active';

-- name: suspected_lost
SELECT count(*) FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
WHERE p.clinic_id = %(clinic)s AND f.state = 'lost_suspected';

-- name: overdue
SELECT b.upto, count(f.id)
FROM (VALUES (1, 1, 30, 30), (2, 31, 90, 90), (3, 91, 180, 180), (4, 181, 1000000, 0)) b (place, at_least, at_most, upto)
LEFT JOIN (nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id AND p.clinic_id = %(clinic)s)
  ON %(last)s - f.due_until BETWEEN b.at_least AND b.at_most
  AND f.state IN ('planned', 'booked', 'not_attended', 'deferred', 'lost_suspected')
GROUP BY b.place, b.upto ORDER BY b.place;

-- name: on_time
SELECT count(*) FILTER (WHERE s.acquired_on <= f.due_until), count(*)
FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error');

-- name: within_30_days
SELECT count(*) FILTER (WHERE s.acquired_on - f.target_on <= 30), count(*)
FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error');

-- name: by_kind
SELECT f.kind, count(*) FILTER (WHERE f.closed_at::date <= f.due_until OR s.acquired_on <= f.due_until), count(*)
FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE p.clinic_id = %(clinic)s AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY f.kind ORDER BY f.kind;

-- name: months
SELECT to_char(f.due_until, 'YYYY-MM'), count(*) FILTER (WHERE s.acquired_on <= f.due_until), count(*)
FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until >= date_trunc('month', %(last)s::date) - interval '11 months' AND f.due_until <= %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY 1 ORDER BY 1;

-- name: days_scan_to_result
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_reading r JOIN nodules_app_patient p ON p.id = r.patient_id
JOIN nodules_app_scan c ON c.id = r.scan_id JOIN nodules_app_study s ON s.id = c.study_id,
LATERAL (SELECT r.signed_at::date - s.acquired_on AS days) d
WHERE p.clinic_id = %(clinic)s AND r.version = 1 AND r.signed_at::date BETWEEN %(first)s AND %(last)s;

-- name: days_result_to_contact
WITH told AS (
    SELECT patient_id, at FROM nodules_app_contactattempt WHERE outcome = 'reached' AND of = 'patient'
    UNION ALL
    SELECT patient_id, handed_over_at FROM nodules_app_reminder
    WHERE recipient = 'patient' AND state IN ('handed_over', 'delivered', 'acknowledged')
), waited AS (
    SELECT r.id, (SELECT min(t.at) FROM told t WHERE t.patient_id = r.patient_id AND t.at >= r.signed_at) - r.signed_at AS wait
    FROM nodules_app_reading r JOIN nodules_app_patient p ON p.id = r.patient_id
    WHERE p.clinic_id = %(clinic)s AND r.version = 1 AND r.signed_at::date BETWEEN %(first)s AND %(last)s
)
SELECT count(wait), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM wait) / 86400),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM wait) / 86400), count(*) FILTER (WHERE wait IS NULL)
FROM waited;

-- name: concordance
SELECT count(*) FILTER (WHERE NOT d.overrides), count(*)
FROM nodules_app_decision d JOIN nodules_app_assessment a ON a.id = d.assessment_id
JOIN nodules_app_patient p ON p.id = a.patient_id
WHERE p.clinic_id = %(clinic)s AND d.created_at::date BETWEEN %(first)s AND %(last)s
  AND d.id NOT IN (SELECT decision_id FROM nodules_app_decisiontakenback);

-- name: overrides
SELECT d.reason_code, count(*)
FROM nodules_app_decision d JOIN nodules_app_assessment a ON a.id = d.assessment_id
JOIN nodules_app_patient p ON p.id = a.patient_id
WHERE p.clinic_id = %(clinic)s AND d.created_at::date BETWEEN %(first)s AND %(last)s AND d.overrides
  AND d.id NOT IN (SELECT decision_id FROM nodules_app_decisiontakenback)
GROUP BY d.reason_code ORDER BY count(*) DESC, d.reason_code;

-- name: managements
SELECT a.guideline, a.management, count(DISTINCT a.patient_id)
FROM nodules_app_assessment a JOIN nodules_app_patient p ON p.id = a.patient_id
WHERE p.clinic_id = %(clinic)s AND a.exam_on BETWEEN %(first)s AND %(last)s
  AND a.management NOT IN ('not_applicable', 'not_supported')
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2;

-- name: days_mdt_wait
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_mdtoutcome o JOIN nodules_app_mdtcase c ON c.id = o.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id,
LATERAL (SELECT extract(epoch FROM o.confirmed_at - c.created_at) / 86400 AS days) d
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at::date BETWEEN %(first)s AND %(last)s;

-- name: mdt_within_24_h
SELECT count(*) FILTER (WHERE m.ended_at IS NULL OR o.confirmed_at - m.ended_at <= interval '24 hours'), count(*)
FROM nodules_app_mdtoutcome o JOIN nodules_app_mdtcase c ON c.id = o.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id LEFT JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at::date BETWEEN %(first)s AND %(last)s;

-- name: mdt_actions_on_time
SELECT count(*) FILTER (WHERE a.done_at::date <= a.due_on), count(*)
FROM nodules_app_mdtaction a JOIN nodules_app_mdtcase c ON c.id = a.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id JOIN nodules_app_mdtoutcome o ON o.case_id = c.id
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at IS NOT NULL AND a.due_on >= %(first)s AND a.due_on < %(last)s;

-- name: reminders
SELECT channel, state, count(*) FROM nodules_app_reminder
WHERE clinic_id = %(clinic)s AND planned_on BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1, 2;


-- name: suspected_long
SELECT count(*) FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
WHERE p.clinic_id = %(clinic)s AND f.state = 'lost_suspected' AND NOT EXISTS (
    SELECT FROM nodules_app_followupchange c WHERE c.follow_up_id = f.id
    AND c.to_state = 'lost_suspected' AND c.from_state <> 'lost_suspected' AND c.at::date >= %(last)s - 60);

-- name: excused
SELECT count(*) FROM nodules_app_followup f JOIN nodules_app_patient p ON p.id = f.patient_id
WHERE f.kind = 'ct' AND p.clinic_id = %(clinic)s AND f.due_until BETWEEN %(first)s AND %(last)s AND EXISTS (
    SELECT FROM nodules_app_evidence e WHERE e.id = f.evidence_id
    AND e.kind IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error'));

-- name: by_sex
SELECT p.sex, sum((s.acquired_on <= f.due_until)::int), count(*)
FROM nodules_app_patient p JOIN nodules_app_followup f ON f.patient_id = p.id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY 1 ORDER BY 1;

-- name: by_age
SELECT CASE WHEN y.old IS NULL THEN '' WHEN y.old < 50 THEN '0-49' WHEN y.old < 65 THEN '50-64'
    WHEN y.old < 75 THEN '65-74' ELSE '75-' END, sum((s.acquired_on <= f.due_until)::int), count(*)
FROM nodules_app_patient p JOIN nodules_app_followup f ON f.patient_id = p.id
CROSS JOIN LATERAL (SELECT extract(year FROM age(%(last)s::date, p.birth_date)) AS old) y
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY 1 ORDER BY 1;

-- name: by_tier
SELECT CASE WHEN f.target_on - f.created_at::date <= 100 THEN 'H' WHEN f.target_on - f.created_at::date <= 270 THEN 'M'
    ELSE 'L' END, sum((s.acquired_on <= f.due_until)::int), count(*)
FROM nodules_app_patient p JOIN nodules_app_followup f ON f.patient_id = p.id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY 1 ORDER BY 1;

-- name: by_clinic
SELECT k.name, sum((s.acquired_on <= f.due_until)::int), count(*)
FROM nodules_app_clinic k JOIN nodules_app_patient p ON p.clinic_id = k.id
JOIN nodules_app_followup f ON f.patient_id = p.id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
WHERE f.kind = 'ct' AND f.state <> 'proposed' AND k.id = %(clinic)s
  AND f.due_until BETWEEN %(first)s AND %(last)s
  AND coalesce(e.kind, '') NOT IN ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
GROUP BY 1 ORDER BY 1;

-- name: days_scan_to_contact
WITH told AS (
    SELECT patient_id, at FROM nodules_app_contactattempt WHERE outcome = 'reached' AND of = 'patient'
    UNION ALL
    SELECT patient_id, handed_over_at FROM nodules_app_reminder
    WHERE recipient = 'patient' AND state IN ('handed_over', 'delivered', 'acknowledged')
), waited AS (
    SELECT (SELECT min(t.at)::date FROM told t WHERE t.patient_id = r.patient_id AND t.at >= r.signed_at) - s.acquired_on AS days
    FROM nodules_app_reading r JOIN nodules_app_patient p ON p.id = r.patient_id
    JOIN nodules_app_scan c ON c.id = r.scan_id JOIN nodules_app_study s ON s.id = c.study_id
    WHERE p.clinic_id = %(clinic)s AND r.version = 1 AND r.signed_at::date BETWEEN %(first)s AND %(last)s
)
SELECT count(days), percentile_cont(0.5) WITHIN GROUP (ORDER BY days), percentile_cont(0.9) WITHIN GROUP (ORDER BY days)
FROM waited;

-- name: days_result_to_decision
WITH waited AS (
    SELECT extract(epoch FROM x.at - r.signed_at) / 86400 AS days
    FROM nodules_app_reading r JOIN nodules_app_patient p ON p.id = r.patient_id
    JOIN nodules_app_scan c ON c.id = r.scan_id JOIN nodules_app_study s ON s.id = c.study_id,
    LATERAL (SELECT min(d.created_at) AS at FROM nodules_app_decision d
        JOIN nodules_app_assessment a ON a.id = d.assessment_id
        WHERE a.patient_id = r.patient_id AND a.exam_on = s.acquired_on
        AND d.id NOT IN (SELECT decision_id FROM nodules_app_decisiontakenback)) x
    WHERE p.clinic_id = %(clinic)s AND r.version = 1 AND r.signed_at::date BETWEEN %(first)s AND %(last)s
      AND x.at >= r.signed_at
)
SELECT count(days), percentile_cont(0.5) WITHIN GROUP (ORDER BY days), percentile_cont(0.9) WITHIN GROUP (ORDER BY days)
FROM waited;

-- name: borderline
SELECT count(*) FILTER (WHERE coalesce(o.same, 0) < 0.8 AND a.answer -> 'result' ->> 'stability' <> 'stable'), count(*)
FROM nodules_app_decision d JOIN nodules_app_assessment a ON a.id = d.assessment_id
JOIN nodules_app_patient p ON p.id = a.patient_id,
LATERAL (SELECT sum((b ->> 'probability')::numeric) AS same FROM jsonb_array_elements(a.answer -> 'result' -> 'branches') b
    WHERE b ->> 'management' = a.management) o
WHERE p.clinic_id = %(clinic)s AND d.created_at::date BETWEEN %(first)s AND %(last)s
  AND jsonb_typeof(a.answer -> 'result' -> 'stability') = 'string'
  AND d.id NOT IN (SELECT decision_id FROM nodules_app_decisiontakenback);

-- name: days_mdt_to_meeting
SELECT count(d.days), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_mdtoutcome o JOIN nodules_app_mdtcase c ON c.id = o.case_id
JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id JOIN nodules_app_patient p ON p.id = c.patient_id,
LATERAL (SELECT extract(epoch FROM m.began_at - least(c.created_at, m.began_at)) / 86400 AS days) d
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at::date BETWEEN %(first)s AND %(last)s AND m.began_at IS NOT NULL;

-- name: days_mdt_to_outcome
SELECT count(d.days), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_mdtoutcome o JOIN nodules_app_mdtcase c ON c.id = o.case_id
JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id JOIN nodules_app_patient p ON p.id = c.patient_id,
LATERAL (SELECT extract(epoch FROM o.confirmed_at - least(m.ended_at, o.confirmed_at)) / 86400 AS days) d
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at::date BETWEEN %(first)s AND %(last)s AND m.ended_at IS NOT NULL;

-- name: days_mdt_to_done
SELECT count(d.days), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_mdtaction a JOIN nodules_app_mdtcase c ON c.id = a.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id JOIN nodules_app_mdtoutcome o ON o.case_id = c.id,
LATERAL (SELECT extract(epoch FROM a.done_at - least(o.confirmed_at, a.done_at)) / 86400 AS days) d
WHERE p.clinic_id = %(clinic)s AND o.confirmed_at IS NOT NULL AND a.done_at IS NOT NULL
  AND a.due_on >= %(first)s AND a.due_on < %(last)s;

-- name: mdt_complete_at_cut_off
SELECT coalesce(sum((NOT late AND NOT missed)::int), 0), count(*) FROM nodules_app_mdtmeeting m
CROSS JOIN nodules_app_mdtcase c JOIN nodules_app_patient p ON p.id = c.patient_id
CROSS JOIN LATERAL (SELECT
    NOT EXISTS (SELECT FROM nodules_app_mdtchange l WHERE l.case_id = c.id AND l.meeting_id = m.id AND l.step = 'list'
        AND l.at <= m.cut_off_at AND NOT EXISTS (SELECT FROM nodules_app_mdtchange r WHERE r.case_id = c.id
            AND r.meeting_id = m.id AND r.step = 'return' AND r.version > l.version AND r.at <= m.cut_off_at)) AS late,
    EXISTS (SELECT FROM nodules_app_mdtchange r WHERE r.case_id = c.id AND r.meeting_id = m.id AND r.step = 'return'
        AND r.by_id IS NULL) AS missed,
    EXISTS (SELECT FROM nodules_app_mdtchange w WHERE w.case_id = c.id AND w.meeting_id = m.id AND w.step = 'withdraw'
        AND w.at <= m.cut_off_at) AS gone) o
WHERE p.clinic_id = %(clinic)s AND m.began_at IS NOT NULL AND m.starts_at::date BETWEEN %(first)s AND %(last)s AND NOT gone
  AND (c.id, m.id) IN (SELECT case_id, meeting_id FROM nodules_app_mdtchange WHERE step = 'list');

-- name: actions_overdue
SELECT count(*) FROM nodules_app_mdtaction a JOIN nodules_app_mdtcase c ON c.id = a.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id
WHERE p.clinic_id = %(clinic)s AND a.due_on < %(last)s AND a.done_at IS NULL
  AND EXISTS (SELECT FROM nodules_app_mdtoutcome o WHERE o.case_id = c.id AND o.confirmed_by_id IS NOT NULL);

-- name: brought_back
SELECT rung, channel, sum((seen.on - gone.on BETWEEN 0 AND 30)::int), count(*)
FROM (SELECT * FROM nodules_app_reminder r WHERE r.handed_over_at IS NOT NULL OR r.channel = 'task' AND r.state <> 'suppressed') r
CROSS JOIN LATERAL (SELECT coalesce(r.handed_over_at, r.created_at)::date AS on) gone
CROSS JOIN LATERAL (SELECT (SELECT s.acquired_on FROM nodules_app_study s JOIN nodules_app_followup f ON f.exam_id = s.id
    WHERE f.id = r.follow_up_id) AS on) seen
WHERE clinic_id = %(clinic)s AND planned_on BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1, 2;

-- name: days_task_to_answer
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY d.days), percentile_cont(0.9) WITHIN GROUP (ORDER BY d.days)
FROM nodules_app_reminder r, LATERAL (SELECT extract(epoch FROM r.acknowledged_at - r.created_at) / 86400 AS days) d
WHERE r.clinic_id = %(clinic)s AND r.planned_on BETWEEN %(first)s AND %(last)s AND r.channel = 'task' AND d.days IS NOT NULL;

-- name: outcomes
SELECT r.outcome, count(*) FROM nodules_app_reminder r
WHERE r.clinic_id = %(clinic)s AND r.planned_on BETWEEN %(first)s AND %(last)s AND r.channel = 'task' AND r.state = 'acknowledged'
GROUP BY 1 ORDER BY 1;

-- name: malignant
SELECT count(*) FILTER (WHERE o.outcome = 'malignant'), count(*)
FROM nodules_app_noduleoutcome o JOIN nodules_app_nodule n ON n.id = o.nodule_id
JOIN nodules_app_patient p ON p.id = n.patient_id
WHERE p.clinic_id = %(clinic)s AND o.on BETWEEN %(first)s AND %(last)s AND o.outcome <> 'withdrawn'
  AND o.known_by IN ('histology', 'biopsy')
  AND o.id = (SELECT max(later.id) FROM nodules_app_noduleoutcome later WHERE later.nodule_id = o.nodule_id);

-- name: benign_resections
SELECT count(*) FILTER (WHERE o.outcome = 'benign'), count(*)
FROM nodules_app_noduleoutcome o JOIN nodules_app_nodule n ON n.id = o.nodule_id
JOIN nodules_app_patient p ON p.id = n.patient_id
WHERE p.clinic_id = %(clinic)s AND o.on BETWEEN %(first)s AND %(last)s AND o.outcome <> 'withdrawn'
  AND o.known_by = 'histology'
  AND o.id = (SELECT max(later.id) FROM nodules_app_noduleoutcome later WHERE later.nodule_id = o.nodule_id);

-- name: measured_by_volume
SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM nodules_app_measurement m WHERE m.volume_mm3 > 0 AND m.method <> 'caliper'
        AND m.id = (SELECT max(l.id) FROM nodules_app_measurement l WHERE l.finding_id = f.id))), count(*)
FROM nodules_app_finding f JOIN nodules_app_scan c ON c.id = f.scan_id JOIN nodules_app_study s ON s.id = c.study_id
JOIN nodules_app_patient p ON p.id = s.patient_id
WHERE p.clinic_id = %(clinic)s AND f.superseded_at IS NULL AND c.superseded_at IS NULL AND f.present
  AND s.acquired_on > %(last)s - 30 AND s.acquired_on BETWEEN %(first)s AND %(last)s;

-- name: good_pairs
SELECT count(*) FILTER (WHERE k.grade < 'C'), count(*)
FROM nodules_app_comparison k JOIN nodules_app_scan c ON c.id = k.current_id JOIN nodules_app_study s ON s.id = c.study_id
JOIN nodules_app_patient p ON p.id = k.patient_id
WHERE p.clinic_id = %(clinic)s AND k.grade IN ('A', 'B', 'C', 'D') AND s.acquired_on BETWEEN %(first)s AND %(last)s;
