"""Signed letters in the batches of the desk, and that they were posted; both written once."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_printedletter
    FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_letterposting
    FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();

CREATE FUNCTION nodules_app_letter_to_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    letter nodules_app_clinicaldocument;
BEGIN
    -- held until the end, so that no retraction comes between the look and the row
    SELECT d.* INTO letter FROM nodules_app_clinicaldocument d
        JOIN nodules_app_signedversion v ON v.document_id = d.id WHERE v.id = NEW.version_id FOR SHARE OF d;
    IF letter.kind NOT IN ('patient_letter', 'doctor_letter') OR letter.state NOT IN ('final', 'addended') THEN
        RAISE EXCEPTION 'only a signed letter that is not retracted goes to the post'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'letter_to_post_holds';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER letter_to_post BEFORE INSERT ON nodules_app_printedletter
    FOR EACH ROW EXECUTE FUNCTION nodules_app_letter_to_post();
CREATE TRIGGER letter_to_post BEFORE INSERT ON nodules_app_letterposting
    FOR EACH ROW WHEN (NEW.posted_on IS NOT NULL) EXECUTE FUNCTION nodules_app_letter_to_post();

CREATE FUNCTION nodules_app_letter_posting_turns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.turn <> 1 + (SELECT count(*) FROM nodules_app_letterposting WHERE version_id = NEW.version_id)
            OR (NEW.posted_on IS NOT NULL) <> (NEW.turn % 2 = 1) THEN
        RAISE EXCEPTION 'a letter is posted once; what was said may be taken back once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'letter_posting_takes_turns';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER letter_posting_turns BEFORE INSERT ON nodules_app_letterposting
    FOR EACH ROW EXECUTE FUNCTION nodules_app_letter_posting_turns();
"""
GUARDS_GONE = """
DROP TRIGGER letter_posting_turns ON nodules_app_letterposting;
DROP TRIGGER letter_to_post ON nodules_app_letterposting;
DROP TRIGGER letter_to_post ON nodules_app_printedletter;
DROP TRIGGER append_only ON nodules_app_letterposting;
DROP TRIGGER append_only ON nodules_app_printedletter;
DROP FUNCTION nodules_app_letter_posting_turns();
DROP FUNCTION nodules_app_letter_to_post();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0039_pictures_of_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="PrintedLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="printed_letters",
                        to="nodules_app.letterbatch",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="printings",
                        to="nodules_app.signedversion",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("batch", "version"), name="letter_is_in_a_batch_once")],
            },
        ),
        migrations.CreateModel(
            name="LetterPosting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("turn", models.PositiveSmallIntegerField()),
                ("posted_on", models.DateField(null=True, verbose_name="day of posting")),
                ("taken_back_because", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="nodules_app.signedversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("version", "turn"), name="letter_posting_has_a_turn"),
                    models.CheckConstraint(
                        condition=models.Q(("posted_on__isnull", False), ("taken_back_because", ""))
                        | models.Q(("posted_on__isnull", True), models.Q(("taken_back_because", ""), _negated=True)),
                        name="letter_posting_names_its_day_or_why_not",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, GUARDS_GONE),
    ]
