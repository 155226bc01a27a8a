"""Reports and letters: drafts, what was changed in them, and the bytes of what was signed, which never change."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# The same table as lifecycles.DOCUMENT, as pairs of states; a test holds them together.
LEGAL = (
    ("draft", "final"),
    ("draft", "discarded"),
    ("final", "addended"),
    ("addended", "addended"),
    ("final", "corrected"),
    ("addended", "corrected"),
    ("final", "retracted"),
    ("addended", "retracted"),
    ("corrected", "retracted"),
)
PAIRS = ", ".join(f"('{first}', '{second}')" for first, second in LEGAL)
RECORDED_ONCE = ("lettertemplate", "sentenceedit", "documentaddendum", "signedversion")
GUARDS = f"""
CREATE FUNCTION nodules_app_document_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a report or letter is never deleted: a draft is discarded'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    IF nodules_app_moves_with_its_patient(to_jsonb(OLD), to_jsonb(NEW)) THEN
        RETURN NEW;
    END IF;
    IF OLD.state <> 'draft' AND to_jsonb(OLD) - 'state' IS DISTINCT FROM to_jsonb(NEW) - 'state' THEN
        RAISE EXCEPTION 'a signed document stays as it is: write an addendum'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'a document goes nowhere from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'document_knows_this_step';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_stays BEFORE UPDATE OR DELETE ON nodules_app_clinicaldocument
    FOR EACH ROW EXECUTE FUNCTION nodules_app_document_stays();

CREATE FUNCTION nodules_app_document_has_its_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.signed_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM nodules_app_signedversion WHERE document_id = NEW.id) THEN
        RAISE EXCEPTION 'a signed document keeps its bytes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'document_has_its_bytes';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER document_has_its_bytes AFTER INSERT OR UPDATE ON nodules_app_clinicaldocument
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_document_has_its_bytes();
""" + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
GUARDS_GONE = (
    "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)
    + """
DROP TRIGGER document_has_its_bytes ON nodules_app_clinicaldocument;
DROP FUNCTION nodules_app_document_has_its_bytes();
DROP TRIGGER document_stays ON nodules_app_clinicaldocument;
DROP FUNCTION nodules_app_document_stays();
"""
)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0028_objects"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClinicalDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("report", "Radiology report"),
                            ("patient_letter", "Letter to the patient"),
                            ("doctor_letter", "Letter to the family doctor"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "language",
                    models.CharField(choices=[("en", "English"), ("zh-hans", "Simplified Chinese")], max_length=10),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("final", "final"),
                            ("addended", "addended"),
                            ("corrected", "corrected"),
                            ("retracted", "retracted"),
                            ("discarded", "discarded"),
                        ],
                        default="draft",
                        max_length=12,
                    ),
                ),
                ("content", models.JSONField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="nodules_app.contactpoint",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="nodules_app.patient"
                    ),
                ),
                (
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="nodules_app.reading"
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DocumentAddendum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("text", models.TextField(verbose_name="addendum")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addenda",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LetterTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("patient_letter", "Letter to the patient"),
                            ("doctor_letter", "Letter to the family doctor"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "language",
                    models.CharField(choices=[("en", "English"), ("zh-hans", "Simplified Chinese")], max_length=10),
                ),
                ("number", models.PositiveIntegerField()),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                ("text", models.TextField(verbose_name="text")),
                ("why", models.CharField(max_length=300, verbose_name="why it was changed")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letter_templates",
                        to="nodules_app.clinic",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="clinicaldocument",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="documents",
                to="nodules_app.lettertemplate",
            ),
        ),
        migrations.CreateModel(
            name="SentenceEdit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("key", models.CharField(max_length=40)),
                ("machine", models.TextField(blank=True)),
                ("before", models.TextField(blank=True)),
                ("after", models.TextField(blank=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="edits",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SignedVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("signed_at", models.DateTimeField()),
                ("pdf", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signed_versions",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="documentaddendum",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="document_addendum_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="lettertemplate",
            constraint=models.UniqueConstraint(
                fields=("clinic", "kind", "language", "number"), name="letter_template_has_one_of_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="lettertemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("patient_letter", "doctor_letter"))),
                name="letter_template_is_of_a_letter",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettertemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("text", ""), _negated=True),
                    models.Q(("subject", ""), _negated=True),
                    models.Q(("why", ""), _negated=True),
                ),
                name="letter_template_says_something",
            ),
        ),
        migrations.AddIndex(
            model_name="clinicaldocument",
            index=models.Index(fields=["patient", "-id"], name="document_of_patient_latest"),
        ),
        migrations.AddConstraint(
            model_name="clinicaldocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["draft", "final", "addended", "corrected", "retracted", "discarded"])
                ),
                name="document_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicaldocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["report", "patient_letter", "doctor_letter"])),
                name="document_is_of_a_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicaldocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("signed_at__isnull", False),
                        ("signed_by__isnull", False),
                        ("state__in", ("final", "addended", "corrected", "retracted")),
                    ),
                    models.Q(
                        models.Q(("state__in", ("final", "addended", "corrected", "retracted")), _negated=True),
                        ("signed_at__isnull", True),
                        ("signed_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="document_signed_names_who_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicaldocument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "draft")),
                fields=("reading", "kind", "language"),
                name="document_has_one_draft",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicaldocument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "report"), ("state__in", ("final", "addended"))),
                fields=("reading", "language"),
                name="reading_has_one_report_a_language",
            ),
        ),
        migrations.AddConstraint(
            model_name="sentenceedit",
            constraint=models.CheckConstraint(
                condition=models.Q(("before", models.F("after")), _negated=True), name="sentence_edit_changes_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="signedversion",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="signed_version_has_a_number"),
        ),
        migrations.AddConstraint(
            model_name="signedversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "sha256",
                        models.Func(
                            models.Func(models.F("pdf"), function="sha256"),
                            models.Value("hex"),
                            function="encode",
                            output_field=models.TextField(),
                        ),
                    )
                ),
                name="signed_version_is_of_its_digest",
            ),
        ),
        migrations.RunSQL(GUARDS, GUARDS_GONE),
    ]
