-- A large clinic, table by table; see clinic_of_years.py. Triggers are off while it runs.
-- A third has Chinese names; sounds are those of two syllables, enough for the index to have its work.

INSERT INTO nodules_app_patient (id, code, created_at, clinic_id, issuer, identifier, name, sounds, birth_date, sex, setting)
SELECT g, gen_random_uuid(), now(), :clinic, 'SIM', 'SIM-' || lpad(g::text, 7, '0'),
    CASE WHEN g % 3 = 0 THEN substr('王李张刘陈杨黄赵吴周', 1 + g % 10, 1) || '^' || substr('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚', 1 + g / 7 % 20, 1)
         ELSE 'Demo^Patient ' || lpad(g::text, 7, '0') END,
    CASE WHEN g % 3 = 0 THEN 'zhang wei zhangwei zw' ELSE '' END,
    date '1940-01-01' + (g * 37 % 16000)::int, CASE WHEN g % 2 = 0 THEN 'female' ELSE 'male' END, 'incidental'
FROM generate_series(1, :patients) g;

INSERT INTO nodules_app_nodule (id, code, created_at, patient_id, number, tracking_uid, state)
SELECT 2 * p + n, gen_random_uuid(), now(), p, n + 1, '2.25.' || (2 * p + n), 'active'
FROM generate_series(1, :patients) p, generate_series(0, 1) n;

INSERT INTO nodules_app_study (id, code, created_at, patient_id, study_uid, accession, description, acquired_on)
SELECT 5 * p + s, gen_random_uuid(), now(), p, '2.25.1.' || (5 * p + s), 'A' || (5 * p + s), 'CT thorax',
    current_date - ((4 - s) * (90 + p % 270) + p % 300)::int
FROM generate_series(1, :patients) p, generate_series(0, 4) s;

INSERT INTO nodules_app_series (id, code, created_at, study_id, series_uid, frame_of_reference_uid, description,
    manufacturer, model, kernel, slices, rows, columns, slice_thickness_mm, spacing_z_mm, spacing_y_mm,
    spacing_x_mm, notices, measurable)
SELECT id, gen_random_uuid(), now(), id, '2.25.2.' || id, '', 'Lung 1.0', '', '', 'FC51', 300, 512, 512, 1, 1, 0.7,
    0.7, '[]', true FROM nodules_app_study;

INSERT INTO nodules_app_scan (id, code, created_at, study_id, series_id, because)
SELECT id, gen_random_uuid(), now(), id, id, '[]' FROM nodules_app_study;

INSERT INTO nodules_app_finding (id, code, created_at, nodule_id, scan_id, x_lps_mm, y_lps_mm, z_lps_mm, origin, present)
SELECT 2 * s.id + n, gen_random_uuid(), now(), 2 * s.patient_id + n, s.id, 10, 20, 30, 'person', true
FROM nodules_app_study s, generate_series(0, 1) n;

INSERT INTO nodules_app_measurement (id, code, created_at, finding_id, method, version, attenuation, volume_mm3,
    volume_sd_mm3, mean_diameter_mm, mean_diameter_sd_mm, long_axis_mm, short_axis_mm, mean_hu, attached_to, outline_px)
SELECT id, gen_random_uuid(), now(), id, 'star-35', '1', 'solid', 80 + id % 900, 9, 5 + id % 9, 0.3, 6 + id % 9,
    5 + id % 9, -20, '[]', '[]' FROM nodules_app_finding;

INSERT INTO nodules_app_assessment (id, code, created_at, patient_id, exam_on, guideline, edition,
    ruleset_version, rule_id, management, inputs, answer)
SELECT id, gen_random_uuid(), now(), patient_id, acquired_on, 'FLEISCHNER2017', '2017', 'R1',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', 'ct_6_12m_then_consider_18_24m', '{}', '{"result": {"guideline": "FLEISCHNER2017", "edition": "2017", "ruleset_version": "R1", "category": "SOLID.SINGLE.6-8", "rule_id": "FLEISCHNER2017.SOLID.SINGLE.6-8", "management": "ct_6_12m_then_consider_18_24m", "interval": null, "lead_nodule": "N1", "why": [], "missing": [], "ambiguities": [], "source": "table", "reliability": "S", "branches": [], "flips": []}, "risk": null, "growth": []}'
FROM nodules_app_study WHERE id % 5 = 4;

INSERT INTO nodules_app_evidence (id, code, created_at, patient_id, kind, "on", signed, reason, study_id, assessment_id,
overrides, explained, source, second_source)
SELECT id, gen_random_uuid(), now(), patient_id, 'examined', acquired_on, false, '', id, 5 * (id / 5) + 4, false, '', '', ''
FROM nodules_app_study WHERE id % 5 < 4;

INSERT INTO nodules_app_followup (id, code, created_at, patient_id, assessment_id, kind, management, rule_id, state,
    due_from, target_on, due_until, booked_on, version, closing_reason, closed_at, evidence_id, exam_id)
SELECT s.id, gen_random_uuid(), now(), s.patient_id, NULL, 'ct', 'ct_6_12m_then_consider_18_24m',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', 'closed', s.acquired_on + 150, s.acquired_on + 180, s.acquired_on + 210, NULL,
    4, 'The exam was made and read.', now(), s.id, s.id
FROM nodules_app_study s WHERE s.id % 5 < 4;

INSERT INTO nodules_app_followup (id, code, created_at, patient_id, assessment_id, kind, management, rule_id, state,
    due_from, target_on, due_until, booked_on, version, closing_reason)
SELECT s.id, gen_random_uuid(), now(), s.patient_id, s.id, 'ct', 'ct_6_12m_then_consider_18_24m',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', st.state, w.due_from, w.due_from + 20, w.due_from + 40,
    CASE WHEN st.state = 'booked' THEN w.due_from + 20 END, 1, ''
FROM nodules_app_study s
CROSS JOIN LATERAL (SELECT current_date - 50 + (s.patient_id % 400)::int AS due_from) w
CROSS JOIN LATERAL (SELECT CASE WHEN s.patient_id % 97 = 0 THEN 'proposed' WHEN s.patient_id % 89 = 0 THEN 'performed'
    WHEN s.patient_id % 83 = 0 THEN 'not_attended' WHEN s.patient_id % 400 < 60 AND s.patient_id % 11 > 0 THEN 'booked'
    ELSE 'planned' END AS state) st
WHERE s.id % 5 = 4;

INSERT INTO nodules_app_followup_nodules (followup_id, nodule_id)
SELECT f.id, 2 * f.patient_id + n FROM nodules_app_followup f, generate_series(0, 1) n;

