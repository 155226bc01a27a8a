-- A large clinic, table by table; see clinic_of_years.py. Triggers are off while it runs.
-- A study has the key 5 * patient + 0..4; its scan, its answer, its evidence and the step that it ended have the same.

INSERT INTO nodules_app_patient (id, code, created_at, clinic_id, issuer, identifier, name, sounds, birth_date, sex, setting)
SELECT p, gen_random_uuid(), now(), :clinic, 'SIM', 'SIM-' || lpad(p::text, 7, '0'),
    CASE WHEN p % 3 = 0 THEN han.family[a] || '^' || han.given[b] || han.given[c]
         ELSE 'Demo^' || initcap(syllable[b] || syllable[c] || syllable[d]) END,
    CASE WHEN p % 3 = 0 THEN concat_ws(' ', said.family[a], said.given[b], said.given[c],
        said.family[a] || said.given[b] || said.given[c],
        left(said.family[a], 1) || left(said.given[b], 1) || left(said.given[c], 1)) ELSE '' END,
    date '1940-01-01' + (p * 37 % 16000)::int, CASE WHEN p % 2 = 0 THEN 'female' ELSE 'male' END, 'incidental'
FROM (SELECT string_to_array('王,李,张,刘,陈,杨,黄,赵,吴,周', ',') AS family,
        string_to_array('伟,芳,娜,敏,静,丽,强,磊,军,洋,勇,艳,杰,娟,涛,明,超,霞,平,刚', ',') AS given) han,
    (SELECT string_to_array('wang,li,zhang,liu,chen,yang,huang,zhao,wu,zhou', ',') AS family,
        string_to_array('wei,fang,na,min,jing,li,qiang,lei,jun,yang,yong,yan,jie,juan,tao,ming,chao,xia,ping,gang', ',')
            AS given) said,
    (SELECT string_to_array('ba,ke,lu,mi,no,per,ra,si,ta,vo,wel,zi,dor,fen,gu,ha,jol,ku,le,mar', ',') AS syllable) spoken,
    generate_series(1, :patients + :unread) p
CROSS JOIN LATERAL (SELECT 1 + p / 3 % 10 AS a, 1 + p / 30 % 20 AS b, 1 + p / 600 % 20 AS c, 1 + p / 7 % 20 AS d) k;

INSERT INTO nodules_app_nodule (id, code, created_at, patient_id, number, tracking_uid, state)
SELECT 2 * p + n, gen_random_uuid(), now(), p, n + 1, '2.25.' || (2 * p + n), 'active'
FROM generate_series(1, :patients) p, generate_series(0, 1) n;

INSERT INTO nodules_app_study (id, code, created_at, patient_id, study_uid, accession, description, acquired_on)
SELECT 5 * p + s, gen_random_uuid(), now(), p, '2.25.1.' || (5 * p + s), 'A' || (5 * p + s), 'CT thorax',
    current_date - ((4 - s) * (90 + p % 270) + p % 300)::int
FROM generate_series(1, :patients + :unread) p, generate_series(0, 4) s
WHERE p <= :patients OR s = 4;

INSERT INTO nodules_app_series (id, code, created_at, study_id, series_uid, frame_of_reference_uid, description,
    manufacturer, model, kernel, slices, rows, columns, slice_thickness_mm, spacing_z_mm, spacing_y_mm,
    spacing_x_mm, notices, measurable)
SELECT id, gen_random_uuid(), now(), id, '2.25.2.' || id, '', 'Lung 1.0', '', '', 'FC51', 300, 512, 512, 1, 1, 0.7,
    0.7, '[]', true FROM nodules_app_study;

INSERT INTO nodules_app_scan (id, code, created_at, study_id, series_id, because)
SELECT id, gen_random_uuid(), now(), id, id, '[]' FROM nodules_app_study;

INSERT INTO nodules_app_finding (id, code, created_at, nodule_id, scan_id, x_lps_mm, y_lps_mm, z_lps_mm, origin, present)
SELECT 2 * s.id + n, gen_random_uuid(), now(), 2 * s.patient_id + n, s.id, 10, 20, 30, 'person', true
FROM nodules_app_study s, generate_series(0, 1) n WHERE s.patient_id <= :patients;

INSERT INTO nodules_app_measurement (id, code, created_at, finding_id, method, version, attenuation, volume_mm3,
    volume_sd_mm3, mean_diameter_mm, mean_diameter_sd_mm, long_axis_mm, short_axis_mm, mean_hu, attached_to, outline_px)
SELECT id, gen_random_uuid(), now(), id, 'star-35', '1', 'solid', 80 + id % 900, 9, 5 + id % 9, 0.3, 6 + id % 9,
    5 + id % 9, -20, '[]', '[]' FROM nodules_app_finding;

INSERT INTO nodules_app_run (id, code, created_at, kind, queue, patient_id, scan_id, state, not_before, attempt,
    started_at, ended_at, lease_until, progress, refusal, failure, versions)
SELECT s.id, gen_random_uuid(), s.acquired_on, 'measure', 'cpu', s.patient_id, s.id, w.state, s.acquired_on, 1,
    s.acquired_on, CASE WHEN w.state <> 'running' THEN s.acquired_on + interval '5 minutes' END,
    CASE WHEN w.state = 'running' THEN now() + interval '1 day' END, CASE WHEN w.state = 'running' THEN 40 ELSE 100 END,
    CASE WHEN w.state = 'refused' THEN '{"code": "missing_slices", "sentence": "Slices are missing.",
        "remedy": "Send the series again.", "template": "Slices are missing.",
        "remedy_template": "Send the series again.", "facts": {}}'::jsonb END, '', '{}'
FROM nodules_app_study s
CROSS JOIN LATERAL (SELECT CASE WHEN s.id % 5 < 4 THEN 'succeeded' WHEN s.patient_id % 500 = 1 THEN 'refused'
    WHEN s.patient_id % 5000 = 7 THEN 'running' ELSE 'succeeded' END AS state) w
WHERE s.patient_id <= :patients;

-- One answer in seven may be another within the errors of its sizes: half of these by a tenth, half by three in ten.
INSERT INTO nodules_app_assessment (id, code, created_at, patient_id, exam_on, guideline, edition,
    ruleset_version, rule_id, management, inputs, answer)
SELECT id, gen_random_uuid(), now(), patient_id, acquired_on, 'FLEISCHNER2017', '2017', 'R1',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', 'ct_6_12m_then_consider_18_24m', '{}', replace(replace('{"result": {"guideline": "FLEISCHNER2017", "edition": "2017", "ruleset_version": "R1", "category": "SOLID.SINGLE.6-8", "rule_id": "FLEISCHNER2017.SOLID.SINGLE.6-8", "management": "ct_6_12m_then_consider_18_24m", "interval": null, "lead_nodule": "N1", "why": [], "missing": [], "ambiguities": [], "source": "table", "reliability": "S", "branches": #else#, "flips": [], "stability": "#firm#"}, "risk": null, "growth": []}',
    '#else#', else_said), '#firm#', CASE WHEN patient_id % 7 > 0 THEN 'stable' ELSE 'borderline' END)::jsonb
FROM nodules_app_study
CROSS JOIN LATERAL (SELECT CASE WHEN patient_id % 7 > 0 THEN '[]' ELSE jsonb_build_array(
    jsonb_build_object('management', 'ct_6_12m_then_consider_18_24m', 'probability', same::text),
    jsonb_build_object('management', 'ct_3_6m', 'probability', (1 - same)::text))::text END AS else_said
    FROM (SELECT CASE WHEN patient_id % 2 = 0 THEN 0.9 ELSE 0.7 END AS same) b) w
WHERE id % 5 = 4 AND patient_id <= :patients;

-- Each exam ended the step before it; every tenth patient was discharged after the last.
INSERT INTO nodules_app_evidence (id, code, created_at, patient_id, kind, "on", by_id, signed, reason, study_id,
    assessment_id, overrides, explained, source, second_source)
SELECT id, gen_random_uuid(), now(), patient_id, CASE WHEN id % 5 < 4 THEN 'examined' ELSE 'discharged' END, acquired_on,
    CASE WHEN id % 5 = 4 THEN :user END, id % 5 = 4, CASE WHEN id % 5 = 4 THEN 'Unchanged for two years.' ELSE '' END,
    CASE WHEN id % 5 < 4 THEN id END, 5 * (id / 5) + 4, false, '', '', ''
FROM nodules_app_study WHERE (id % 5 < 4 OR patient_id % 10 = 3) AND patient_id <= :patients;

INSERT INTO nodules_app_closure (id, code, created_at, patient_id, evidence_id, reason, by_id)
SELECT id, gen_random_uuid(), now(), patient_id, id, reason, :user FROM nodules_app_evidence WHERE kind = 'discharged';

INSERT INTO nodules_app_followup (id, code, created_at, patient_id, assessment_id, kind, management, rule_id, state,
    due_from, target_on, due_until, booked_on, version, closing_reason, closed_at, evidence_id, exam_id)
SELECT s.id, gen_random_uuid(), w.due_until - (90 + s.patient_id % 330)::int, s.patient_id, NULL, 'ct', 'ct_6_12m_then_consider_18_24m',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', 'closed', w.due_until - 60, w.due_until - 30, w.due_until, NULL,
    4, 'The exam was made and read.', now(), s.id, CASE WHEN s.id % 5 < 4 THEN s.id END
FROM nodules_app_study s
CROSS JOIN LATERAL (SELECT s.acquired_on + CASE WHEN s.id % 8 = 0 THEN -10 - s.id % 50 ELSE s.id % 50 END::int AS due_until) w
WHERE (s.id % 5 < 4 OR s.patient_id % 10 = 3) AND s.patient_id <= :patients;

INSERT INTO nodules_app_followup (id, code, created_at, patient_id, assessment_id, kind, management, rule_id, state,
    due_from, target_on, due_until, booked_on, version, closing_reason)
SELECT s.id, gen_random_uuid(), s.acquired_on, s.patient_id, s.id, 'ct', 'ct_6_12m_then_consider_18_24m',
    'FLEISCHNER2017.SOLID.SINGLE.6-8', st.state, w.due_from, w.due_from + 20, w.due_from + 40,
    CASE WHEN st.state = 'booked' THEN w.due_from + 20 END, 1, ''
FROM nodules_app_study s
CROSS JOIN LATERAL (SELECT current_date - 50 + (s.patient_id % 400)::int AS due_from) w
CROSS JOIN LATERAL (SELECT CASE WHEN s.patient_id % 97 = 0 THEN 'proposed' WHEN s.patient_id % 89 = 0 THEN 'performed'
    WHEN s.patient_id % 83 = 0 THEN 'not_attended' WHEN s.patient_id % 79 = 0 THEN 'lost_suspected'
    WHEN s.patient_id % 400 < 60 AND s.patient_id % 11 > 0 THEN 'booked' ELSE 'planned' END AS state) st
WHERE s.id % 5 = 4 AND s.patient_id % 10 <> 3 AND s.patient_id <= :patients;

-- One patient in fifty had a step that somebody had entered in error.
INSERT INTO nodules_app_evidence (id, code, created_at, patient_id, kind, "on", by_id, signed, reason, overrides,
    explained, source, second_source)
SELECT 6 * :patients + p, gen_random_uuid(), now(), p, 'entered_in_error', current_date - p % 300, :user, false,
    'Another patient was meant.', false, '', '', ''
FROM generate_series(9, :patients, 50) p;

INSERT INTO nodules_app_followup (id, code, created_at, patient_id, kind, management, rule_id, state, due_from,
    target_on, due_until, version, closing_reason, closed_at, evidence_id)
SELECT id, gen_random_uuid(), "on" - 100, patient_id, 'ct', 'ct_6_12m_then_consider_18_24m', '', 'cancelled', "on" - 10,
    "on", "on" + 20, 2, 'Another patient was meant.', now(), id
FROM nodules_app_evidence WHERE kind = 'entered_in_error';

INSERT INTO nodules_app_followup_nodules (followup_id, nodule_id)
SELECT f.id, 2 * f.patient_id + n FROM nodules_app_followup f, generate_series(0, 1) n;

INSERT INTO nodules_app_followupchange (follow_up_id, version, at, step, from_state, to_state, why, facts)
SELECT id, 1, created_at, 'propose', '', 'proposed', '', '{}' FROM nodules_app_followup;

INSERT INTO nodules_app_followupchange (follow_up_id, version, at, step, from_state, to_state, why, facts)
SELECT id, 2, now() - (patient_id % 120)::int * interval '1 day', 'suspect_lost', 'planned', 'lost_suspected', '', '{}'
FROM nodules_app_followup WHERE state = 'lost_suspected';

-- Each step that ended was told to the patient once; of the open ones every 700th message did not arrive.
INSERT INTO nodules_app_reminder (id, code, created_at, key, clinic_id, patient_id, follow_up_id, plan, rung, tier,
    recipient, channel, planned_on, state, why, not_before, attempt, handed_over_at, language, template, text_sha256,
    provider_reference, outcome, note)
SELECT id, gen_random_uuid(), created_at, 'made:' || id, :clinic, patient_id, id, 'made', 'notice', 'M', 'patient',
    'email', target_on - 21,
    CASE WHEN state = 'closed' THEN 'handed_over' WHEN patient_id % 1400 = 0 THEN 'failed' ELSE 'bounced' END, '',
    created_at, 1, target_on - interval '21 days', 'en', 'notice', '', '', '', ''
FROM nodules_app_followup WHERE state = 'closed' OR patient_id % 700 = 0;

-- Somebody was asked to call about one step in nineteen; half of the tasks were taken within five days.
INSERT INTO nodules_app_reminder (id, code, created_at, key, clinic_id, patient_id, follow_up_id, plan, rung, tier,
    recipient, channel, planned_on, state, why, not_before, attempt, language, template, text_sha256,
    provider_reference, outcome, note, acknowledged_by_id, acknowledged_at)
SELECT 6 * :patients + id, gen_random_uuid(), due_until + interval '7 days', 'call:' || id, :clinic, patient_id, id,
    'made', 'overdue_1', 'M', 'coordinators', 'task', due_until + 7, t.state, CASE WHEN t.by_id IS NULL THEN 'not_needed' ELSE '' END, due_until, 0, '', '', '', '',
    CASE WHEN t.by_id IS NULL THEN '' WHEN id % 3 = 0 THEN 'no_action' ELSE 'arranged' END, '', t.by_id,
    CASE WHEN t.by_id IS NOT NULL THEN due_until + interval '7 days' + (id % 5)::int * interval '1 day' END
FROM nodules_app_followup f
CROSS JOIN LATERAL (SELECT CASE WHEN id % 38 = 0 THEN 'acknowledged' ELSE 'cancelled' END AS state,
    CASE WHEN id % 38 = 0 THEN :user END AS by_id) t
WHERE f.state = 'closed' AND id % 19 = 0 AND due_until < current_date - 7 AND id <= 4 * :patients;

-- Each exam was read and signed within nine days; of most the patient was told afterwards, by a call or by the message.
INSERT INTO nodules_app_reading (id, code, created_at, patient_id, scan_id, version, state, reader_id, began_at,
    consensus, content, content_sha256, signed_by_id, signed_at)
SELECT s.id, gen_random_uuid(), s.acquired_on, s.patient_id, s.id, 1, 'signed', :user, s.acquired_on + interval '9 hours',
    '', '{}', repeat('0', 64), :user, s.acquired_on + (s.id % 9)::int + interval '15 hours'
FROM nodules_app_study s WHERE s.patient_id <= :patients;

INSERT INTO nodules_app_contactattempt (id, code, created_at, patient_id, follow_up_id, at, by_id, channel, of, outcome,
    agreed, note)
SELECT r.id, gen_random_uuid(), r.signed_at, r.patient_id, NULL, r.signed_at + (r.id % 12)::int * interval '1 day', :user,
    'call', 'patient', o.outcome, CASE WHEN o.outcome = 'reached' THEN 'confirmed' ELSE '' END, ''
FROM nodules_app_reading r
CROSS JOIN LATERAL (SELECT CASE WHEN r.id % 4 = 0 THEN 'no_answer' ELSE 'reached' END AS outcome) o
WHERE r.id % 3 = 0;

-- Of the decisions every twenty-fifth went against the rule, and every hundredth was taken back at once.
INSERT INTO nodules_app_decision (id, code, created_at, assessment_id, by_id, management, overrides, reason_code, reason)
SELECT id, gen_random_uuid(), exam_on + interval '3 days', id, :user, management, patient_id % 25 = 0,
    CASE WHEN patient_id % 50 = 0 THEN 'wish' WHEN patient_id % 25 = 0 THEN 'comorbidity' ELSE '' END,
    CASE WHEN patient_id % 25 = 0 THEN 'Agreed with the patient.' ELSE '' END
FROM nodules_app_assessment;

INSERT INTO nodules_app_decisiontakenback (decision_id, by_id)
SELECT id, :user FROM nodules_app_decision WHERE id % 100 = 54;

-- A conference each week, to which one patient in forty came once; and one that is being held, with about forty more.
INSERT INTO nodules_app_mdtmeeting (id, code, created_at, clinic_id, starts_at, cut_off_at, place, chair_id, quorum,
    began_at, ended_at)
SELECT w, gen_random_uuid(), m.at - interval '30 days', :clinic, m.at, m.at - interval '1 day', 'Room 1', :user,
    ARRAY['radiology'], m.at, CASE WHEN w > 0 THEN m.at + interval '2 hours' END
FROM generate_series(0, 150) w
CROSS JOIN LATERAL (SELECT CASE WHEN w = 0 THEN now() - interval '10 minutes'
    ELSE current_date - 7 * w + interval '14 hours' END AS at) m;

INSERT INTO nodules_app_mdtcase (id, code, created_at, patient_id, meeting_id, state, question, reasons, asked_by_id,
    "order", without_discussion, fitness, pathology, version)
SELECT p, gen_random_uuid(), m.starts_at - (3 + p % 20)::int * interval '1 day', p, m.id,
    CASE WHEN m.id > 0 THEN 'complete' ELSE 'listed' END, 'What is to be done next?', ARRAY['brock_10'], :user, p % 1000,
    false, '', 'not_needed', 1
FROM generate_series(1, :patients) p
JOIN nodules_app_mdtmeeting m ON m.id = CASE WHEN p % 40 = 5 THEN 1 + p / 40 % 150 ELSE 0 END
WHERE p % 40 = 5 OR p % (:patients / 40) = 7;

INSERT INTO nodules_app_mdtoutcome (case_id, kind, says, dissent, drafted_by_id, confirmed_by_id, confirmed_at)
SELECT c.id, 'pet_ct', '', '', :user, :user, m.starts_at + (1 + c.id % 50)::int * interval '1 hour'
FROM nodules_app_mdtcase c JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id WHERE m.id > 0;

INSERT INTO nodules_app_mdtaction (id, code, created_at, case_id, what, owner_id, due_on, done_at, done_by_id, result)
SELECT c.id, gen_random_uuid(), m.starts_at, c.id, 'Ask for a PET-CT', :user, m.starts_at::date + 14,
    CASE WHEN c.id % 7 > 0 THEN m.starts_at + (c.id % 30)::int * interval '1 day' END,
    CASE WHEN c.id % 7 > 0 THEN :user END, CASE WHEN c.id % 7 > 0 THEN 'Booked.' ELSE '' END
FROM nodules_app_mdtcase c JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id WHERE m.id > 0;

INSERT INTO nodules_app_mdtchange (case_id, version, at, step, from_state, to_state, why, meeting_id)
SELECT c.id, 1, m.cut_off_at - (c.id % 9 - 1)::int * interval '3 hours', 'list', 'submitted', 'listed', '', m.id
FROM nodules_app_mdtcase c JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id;

-- Half of the patients have their two last scans compared; one nodule in a hundred is known by tissue.
INSERT INTO nodules_app_comparison (id, code, created_at, patient_id, prior_id, current_id, interval_days, grade, reasons,
    extra_relative_error)
SELECT p, gen_random_uuid(), now(), p, 5 * p + 3, 5 * p + 4, 90 + p % 270, substr('AABBCD', 1 + p / 2 % 6, 1), '[]', 0
FROM generate_series(2, :patients, 2) p;

INSERT INTO nodules_app_noduleoutcome (id, code, created_at, nodule_id, outcome, known_by, "on", note, by_id)
SELECT p, gen_random_uuid(), now(), 2 * p, CASE WHEN p % 3 = 0 THEN 'benign' ELSE 'malignant' END,
    CASE WHEN p % 4 = 1 THEN 'histology' ELSE 'biopsy' END, current_date - p % 500, '', :user
FROM generate_series(11, :patients, 50) p;

-- A person laid a caliper on one nodule in thirty of the last exam.
INSERT INTO nodules_app_measurement (id, code, created_at, finding_id, method, version, by_id, attenuation, volume_mm3,
    volume_sd_mm3, mean_diameter_mm, mean_diameter_sd_mm, long_axis_mm, short_axis_mm, attached_to, outline_px)
SELECT 12 * :patients + id, gen_random_uuid(), now(), id, 'caliper', '1', :user, 'solid', 113, 60, 6, 1, 6.5, 5.5, '[]', '[]'
FROM nodules_app_finding WHERE scan_id % 5 = 4 AND id % 30 = 8;
