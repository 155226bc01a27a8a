"""Patients whose exam nobody has read become a table of their own, written by triggers in the transaction that makes it
true or untrue; asked anew for each page it took a look at every patient.

Each trigger locks the patient first: of two transactions that change scans and nodules of one patient the second waits,
and its next statement sees what the first did.
"""

import django.db.models.deletion
from django.db import migrations, models

UNREAD = """
SELECT st.patient_id, min(sc.created_at) AS since
FROM nodules_app_scan sc JOIN nodules_app_study st ON st.id = sc.study_id
WHERE {whose}
    AND NOT EXISTS (SELECT 1 FROM nodules_app_nodule n WHERE n.patient_id = st.patient_id)
    AND NOT EXISTS (SELECT 1 FROM nodules_app_closure c WHERE c.patient_id = st.patient_id AND c.ended_at IS NULL)
GROUP BY st.patient_id
"""

TRIGGERS = f"""
CREATE FUNCTION nodules_app_tell_unread(whose bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM nodules_app_patient WHERE id = whose FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO nodules_app_unread (patient_id, since)
        {UNREAD.format(whose="st.patient_id = whose")}
    ON CONFLICT (patient_id) DO UPDATE SET since = EXCLUDED.since
        WHERE nodules_app_unread.since <> EXCLUDED.since;
    DELETE FROM nodules_app_unread u WHERE u.patient_id = whose AND NOT EXISTS (
        {UNREAD.format(whose="st.patient_id = whose")}
    );
END $$;

CREATE FUNCTION nodules_app_unread_by_scan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM nodules_app_tell_unread(patient_id) FROM nodules_app_study WHERE id = OLD.study_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM nodules_app_tell_unread(patient_id) FROM nodules_app_study WHERE id = NEW.study_id;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION nodules_app_unread_by_patient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM nodules_app_tell_unread(OLD.patient_id);
    END IF;
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR NEW.patient_id <> OLD.patient_id) THEN
        PERFORM nodules_app_tell_unread(NEW.patient_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER scan_tells_unread AFTER INSERT OR DELETE OR UPDATE OF study_id ON nodules_app_scan
    FOR EACH ROW EXECUTE FUNCTION nodules_app_unread_by_scan();
CREATE TRIGGER study_tells_unread AFTER UPDATE OF patient_id ON nodules_app_study
    FOR EACH ROW EXECUTE FUNCTION nodules_app_unread_by_patient();
CREATE TRIGGER nodule_tells_unread AFTER INSERT OR DELETE OR UPDATE OF patient_id ON nodules_app_nodule
    FOR EACH ROW EXECUTE FUNCTION nodules_app_unread_by_patient();
CREATE TRIGGER closure_tells_unread AFTER INSERT OR DELETE OR UPDATE OF patient_id, ended_at ON nodules_app_closure
    FOR EACH ROW EXECUTE FUNCTION nodules_app_unread_by_patient();

INSERT INTO nodules_app_unread (patient_id, since) {UNREAD.format(whose="true")};
"""
TRIGGERS_GONE = """
DROP TRIGGER closure_tells_unread ON nodules_app_closure;
DROP TRIGGER nodule_tells_unread ON nodules_app_nodule;
DROP TRIGGER study_tells_unread ON nodules_app_study;
DROP TRIGGER scan_tells_unread ON nodules_app_scan;
DROP FUNCTION nodules_app_unread_by_patient();
DROP FUNCTION nodules_app_unread_by_scan();
DROP FUNCTION nodules_app_tell_unread(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0021_the_day")]
    operations = [
        migrations.CreateModel(
            name="Unread",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="unread",
                        serialize=False,
                        to="nodules_app.patient",
                    ),
                ),
                ("since", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "unread"},
        ),
        migrations.RunSQL(TRIGGERS, TRIGGERS_GONE),
    ]
