"""PACS that the product talks to, what is under way to and from them, and what has passed."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import OPEN_ERRAND, ErrandState
from nodules_app.models.clinics import Clinic
from nodules_app.models.imaging import ImportBatch, Study
from nodules_app.models.reading import Reading
from nodules_app.models.rows import CodedRow, choices

MOST_PRIORS = 20
A_TITLE = RegexValidator(r"^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$")


class ConnectionKind(models.TextChoices):
    DIMSE = "dimse", _("DICOM (DIMSE)")
    DICOMWEB = "dicomweb", _("DICOMweb")


class RetrieveBy(models.TextChoices):
    MOVE = "move", _("C-MOVE: the PACS calls us")
    GET = "get", _("C-GET: over our own call")


class Connection(CodedRow):
    """One PACS, scanner or router of a clinic, and what it is used for."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="connections")  # new patients are followed there
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=8, choices=ConnectionKind.choices)
    title = models.CharField(_("its AE title"), max_length=16, blank=True, validators=[A_TITLE])
    own_title = models.CharField(_("our AE title there"), max_length=16, blank=True, validators=[A_TITLE])
    host = models.CharField(_("host"), max_length=253, blank=True)
    port = models.PositiveIntegerField(
        _("port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    url = models.CharField(_("address"), max_length=300, blank=True)
    tls = models.BooleanField(_("encrypted (TLS)"), default=False)
    user = models.CharField(_("user name"), max_length=120, blank=True)
    secret = models.TextField(_("password"), blank=True)  # by services.sealing; never shown, logged or exported
    networks = models.CharField(_("calls from"), max_length=300, blank=True)  # addresses or networks; empty: its host
    receives = models.BooleanField(_("may send to us"), default=False)
    queries = models.BooleanField(_("is asked for earlier exams"), default=False)
    sends = models.BooleanField(_("gets signed results"), default=False)
    retrieve_by = models.CharField(
        _("how exams are brought"), max_length=4, choices=RetrieveBy.choices, default=RetrieveBy.MOVE
    )
    priors = models.PositiveSmallIntegerField(
        _("earlier exams brought by themselves"), default=3, validators=[MaxValueValidator(MOST_PRIORS)]
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_refusal = models.JSONField(null=True, blank=True)  # {"code", "sentence", "remedy", "facts"}; None: it answered

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="connection_has_its_own_name",
                fields=["clinic", "name"],
                condition=Q(retired_at__isnull=True),
                violation_error_message=_("This clinic has a connection of that name already."),
            ),
            models.UniqueConstraint(
                name="calling_title_is_one_connection",
                fields=["title"],
                condition=Q(retired_at__isnull=True, receives=True),
                violation_error_message=_("Another connection receives from this AE title already."),
            ),
            models.CheckConstraint(name="connection_is_of_a_known_kind", condition=Q(kind__in=ConnectionKind.values)),
            models.CheckConstraint(
                name="dicomweb_has_an_address", condition=~Q(kind=ConnectionKind.DICOMWEB) | ~Q(url="")
            ),
            models.CheckConstraint(
                name="dicomweb_does_not_call_us", condition=~Q(kind=ConnectionKind.DICOMWEB) | Q(receives=False)
            ),
            models.CheckConstraint(name="dimse_has_a_title", condition=~Q(kind=ConnectionKind.DIMSE) | ~Q(title="")),
            models.CheckConstraint(
                name="dimse_that_is_called_has_a_place",
                condition=~Q(kind=ConnectionKind.DIMSE)
                | Q(queries=False, sends=False)
                | (~Q(host="") & Q(port__isnull=False)),
            ),
            models.CheckConstraint(
                name="connection_secret_is_sealed", condition=Q(secret="") | Q(("secret__startswith", "sealed:"))
            ),
            models.CheckConstraint(name="priors_are_few", condition=Q(priors__lte=MOST_PRIORS)),
        ]

    def __str__(self) -> str:
        return self.name


class Errand(CodedRow):
    """Something to bring or to take over the network; it is tried again until it is done or its time is up."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="%(class)ss")
    state = models.CharField(max_length=10, choices=choices(ErrandState), default=ErrandState.QUEUED)
    not_before = models.DateTimeField(db_default=Now())
    give_up_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    refusal = models.JSONField(null=True, blank=True)  # what the PACS last said, or the way to it
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class PriorSearch(Errand):
    """The search for earlier exams of one new exam's patient at one PACS, and bringing those that are chosen."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="prior_searches")
    found = models.PositiveIntegerField(default=0)  # exams that the PACS named
    chosen = models.PositiveIntegerField(default=0)
    brought = models.PositiveIntegerField(default=0)
    left_out = models.JSONField(default=dict)  # {why: how many}

    class Meta:
        verbose_name_plural = "prior searches"
        constraints = [
            models.CheckConstraint(name="prior_search_is_in_a_known_state", condition=Q(state__in=list(ErrandState))),
            models.CheckConstraint(
                name="prior_search_under_way_has_a_lease",
                condition=~Q(state=ErrandState.WORKING) | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="prior_search_given_up_says_why",
                condition=~Q(state=ErrandState.GIVEN_UP) | Q(refusal__isnull=False),
            ),
            models.UniqueConstraint(name="priors_are_sought_once_a_connection", fields=["study", "connection"]),
        ]
        indexes = [
            models.Index(name="prior_search_open", fields=["not_before"], condition=Q(state__in=OPEN_ERRAND)),
        ]

    def __str__(self) -> str:
        return f"search {self.code}"


class Sending(Errand):
    """What is to be sent to one PACS: the objects of a signed reading, or a file. Sending it twice changes nothing."""

    reading = models.ForeignKey(Reading, models.PROTECT, null=True, blank=True, related_name="sendings")
    path = models.CharField(max_length=1000, blank=True)  # of a DICOM file under our own folders
    instances = models.PositiveIntegerField(default=0)  # that were taken

    class Meta:
        constraints = [
            models.CheckConstraint(name="sending_is_in_a_known_state", condition=Q(state__in=list(ErrandState))),
            models.CheckConstraint(
                name="sending_under_way_has_a_lease",
                condition=~Q(state=ErrandState.WORKING) | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="sending_given_up_says_why", condition=~Q(state=ErrandState.GIVEN_UP) | Q(refusal__isnull=False)
            ),
            models.CheckConstraint(
                name="sending_is_a_reading_or_a_file",
                condition=(Q(reading__isnull=False) & Q(path="")) | (Q(reading__isnull=True) & ~Q(path="")),
            ),
            # Asking twice while it still waits is asking once.
            models.UniqueConstraint(
                name="reading_is_queued_once_a_connection",
                fields=["reading", "path", "connection"],
                condition=Q(state=ErrandState.QUEUED),
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(name="sending_open", fields=["not_before"], condition=Q(state__in=OPEN_ERRAND))]

    def __str__(self) -> str:
        return f"sending {self.code}"


class PassedKind(models.TextChoices):
    RECEIVED = "received", _("Received")
    QUERIED = "queried", _("Asked")
    RETRIEVED = "retrieved", _("Brought")
    SENT = "sent", _("Sent")
    REFUSED = "refused", _("Refused")
    BROKEN_OFF = "broken_off", _("Broke off")


class Passed(CodedRow):
    """One line of the transfer log: what passed of one exam over one connection. Carries no name and no number."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="log")
    kind = models.CharField(max_length=10, choices=PassedKind.choices)
    study_uid = models.CharField(max_length=64, blank=True)
    instances = models.PositiveIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)  # that were here already
    aside = models.PositiveIntegerField(default=0)  # came with another content than what is here under their UID
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    refusal = models.JSONField(null=True, blank=True)
    batch = models.ForeignKey(ImportBatch, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name_plural = "passed"
        constraints = [
            models.CheckConstraint(name="passed_is_of_a_known_kind", condition=Q(kind__in=PassedKind.values)),
            models.CheckConstraint(name="passed_ends_after_it_began", condition=Q(ended_at__gte=F("began_at"))),
        ]
        indexes = [models.Index(name="passed_latest_first", fields=["connection", "-id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
