"""Reports and letters: drafts that people edit sentence by sentence, and the bytes of what was signed."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import DOCUMENT_IN_FORCE, SIGNED_DOCUMENT, DocumentState
from nodules_app.models.clinics import Clinic
from nodules_app.models.contacts import ContactPoint
from nodules_app.models.patients import Patient
from nodules_app.models.reading import Reading
from nodules_app.models.rows import CodedRow, choices


class DocumentKind(models.TextChoices):
    """What is written, and for whom."""

    REPORT = "report", _("Radiology report")
    PATIENT_LETTER = "patient_letter", _("Letter to the patient")
    DOCTOR_LETTER = "doctor_letter", _("Letter to the family doctor")


LETTERS: Final = (DocumentKind.PATIENT_LETTER, DocumentKind.DOCTOR_LETTER)
SHA256_OF_PDF: Final = Func(
    Func(F("pdf"), function="sha256"), Value("hex"), function="encode", output_field=TextField()
)


class LetterTemplate(CodedRow):
    """What a clinic's letter of one kind says in one language. Append-only: an edit is the next number."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="letter_templates")
    kind = models.CharField(max_length=16, choices=[(one.value, one.label) for one in LETTERS])
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    number = models.PositiveIntegerField()
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"))
    why = models.CharField(_("why it was changed"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="letter_template_has_one_of_a_number", fields=["clinic", "kind", "language", "number"]
            ),
            models.CheckConstraint(name="letter_template_is_of_a_letter", condition=Q(kind__in=LETTERS)),
            models.CheckConstraint(
                name="letter_template_says_something", condition=~Q(text="") & ~Q(subject="") & ~Q(why="")
            ),
        ]

    def __str__(self) -> str:
        return f"template {self.kind} {self.language} {self.number}"


class ClinicalDocument(CodedRow):
    """A report or a letter about one signed reading.

    ``content`` is what stands in it (``exchange.documents_text``): of each sentence what the machine wrote and what a
    person made of it. ``version`` counts the changes of a draft, so that nobody overwrites what another person did.
    From the signature on the database lets nothing change but the state, by the steps of its life cycle.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="documents")
    reading = models.ForeignKey(Reading, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=16, choices=DocumentKind.choices)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES)
    state = models.CharField(max_length=12, choices=choices(DocumentState), default=DocumentState.DRAFT)
    template = models.ForeignKey(LetterTemplate, models.PROTECT, null=True, blank=True, related_name="documents")
    contact = models.ForeignKey(ContactPoint, models.PROTECT, null=True, blank=True, related_name="+")
    content = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="document_is_in_a_known_state", condition=Q(state__in=list(DocumentState))),
            models.CheckConstraint(name="document_is_of_a_known_kind", condition=Q(kind__in=DocumentKind.values)),
            models.CheckConstraint(
                name="document_signed_names_who_and_when",
                condition=Q(state__in=SIGNED_DOCUMENT, signed_by__isnull=False, signed_at__isnull=False)
                | (~Q(state__in=SIGNED_DOCUMENT) & Q(signed_by__isnull=True, signed_at__isnull=True)),
            ),
            models.UniqueConstraint(
                name="document_has_one_draft",
                fields=["reading", "kind", "language"],
                condition=Q(state=DocumentState.DRAFT),
            ),
            models.UniqueConstraint(
                name="reading_has_one_report_a_language",
                fields=["reading", "language"],
                condition=Q(state__in=DOCUMENT_IN_FORCE, kind=DocumentKind.REPORT),
            ),
        ]
        indexes = [models.Index(name="document_of_patient_latest", fields=["patient", "-id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"


class PictureSide(models.TextChoices):
    """Of the two exams of a report."""

    PRIOR = "prior", _("Prior")
    CURRENT = "current", _("Current")


class DocumentPicture(models.Model):
    """A nodule on one exam as the draft shows it and the signed paper carries it. Append-only.

    ``png`` is null where the images were not at hand when the draft was written; ``words`` say so.
    """

    document = models.ForeignKey(ClinicalDocument, models.PROTECT, related_name="pictures")
    number = models.PositiveSmallIntegerField()
    side = models.CharField(max_length=8, choices=PictureSide.choices)
    words = models.CharField(max_length=200)
    png = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="document_picture_has_a_number", fields=["document", "number"]),
            models.CheckConstraint(
                name="document_picture_is_of_a_known_side", condition=Q(side__in=PictureSide.values)
            ),
        ]

    def __str__(self) -> str:
        return f"picture {self.number} of {self.document}"


class SentenceEdit(models.Model):
    """One sentence that a person changed: what the machine had written, what stood before and after. Append-only."""

    document = models.ForeignKey(ClinicalDocument, models.PROTECT, related_name="edits")
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    key = models.CharField(max_length=40)
    machine = models.TextField(blank=True)  # blank: a person added the sentence
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)  # blank: left out

    class Meta:
        constraints = [models.CheckConstraint(name="sentence_edit_changes_something", condition=~Q(before=F("after")))]

    def __str__(self) -> str:
        return f"edit of {self.key} of {self.document}"


class DocumentAddendum(models.Model):
    """Words added to a signed document. Append-only."""

    document = models.ForeignKey(ClinicalDocument, models.PROTECT, related_name="addenda")
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField(_("addendum"))

    class Meta:
        constraints = [models.CheckConstraint(name="document_addendum_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return f"addendum to {self.document}"


class DocumentRetraction(models.Model):
    """Why a signed document holds no longer: wrong patient, wrong exam. Append-only; what was signed stays readable."""

    document = models.OneToOneField(ClinicalDocument, models.PROTECT, related_name="retraction")
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    why = models.CharField(_("reason"), max_length=500)

    class Meta:
        constraints = [models.CheckConstraint(name="document_retraction_says_why", condition=~Q(why=""))]

    def __str__(self) -> str:
        return f"retraction of {self.document}"


class SignedVersion(models.Model):
    """A document as it was signed, byte for byte; each addendum makes a next version. Append-only.

    The database computes the digest of the bytes itself and refuses a row whose digest is another.
    """

    document = models.ForeignKey(ClinicalDocument, models.PROTECT, related_name="signed_versions")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signed_version_has_a_number", fields=["document", "number"]),
            models.CheckConstraint(name="signed_version_is_of_its_digest", condition=Q(sha256=SHA256_OF_PDF)),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.document}"
