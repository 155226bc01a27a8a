"""What nodules turned out to be, corrections of risk models that are fitted to it, and who may take one into use."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from scipy.special import expit

from inference.validation.cases import Cases
from inference.validation.discrimination import area
from inference.validation.recalibration import TooFewEvents
from nodules_app.models import AuditEvent, Clinic, Nodule, NoduleOutcome, RiskCorrection, Role
from nodules_app.selectors.risk_outcomes import corrections_in_use, judged, outcomes_of
from nodules_app.services import joining, recalibration
from tests import factories
from tests.integration.browsing import page_of, words

pytestmark = pytest.mark.django_db

SAID_ON = date(2025, 3, 1)
KNOWN_ON = date(2025, 9, 1)


def said(nodule: Nodule, probability: float, on: date = SAID_ON, model: str = "brock_2b") -> None:
    told = {"nodule_id": nodule.label, model: {"probability": str(probability), "valid": True}}
    row = factories.assessment(nodule.patient, factories.result("BTS2015", "bts_ct_3m", "X"), nodule, exam_on=on)
    # The answer of a guideline is written once; a test gives it its risk part the same way.
    type(row).objects.create(**{**_fields(row), "answer": row.answer | {"risk": told}})


def _fields(row: object) -> dict[str, object]:
    names = ("patient", "exam_on", "guideline", "edition", "ruleset_version", "rule_id", "management", "inputs", "lead")
    return {name: getattr(row, name) for name in names}


def known(nodule: Nodule, outcome: str, known_by: str = "biopsy", on: date = KNOWN_ON) -> NoduleOutcome:
    return recalibration.record_outcome(
        nodule=nodule, outcome=outcome, known_by=known_by, on=on, note="", by=factories.member(Role.PHYSICIAN)
    )


def clinic_with(outcomes: Sequence[tuple[float, bool]]) -> Clinic:
    """A clinic whose diagnosed nodules are these: what Brock 2b said, and whether it was cancer."""
    clinic = factories.clinic(name="Where it is known")
    for probability, malignant in outcomes:
        nodule = factories.nodule(factories.patient(clinic=clinic))
        said(nodule, probability)
        known(nodule, "malignant" if malignant else "benign")
    return clinic


def drawn(count: int, *, shift: float = 1.0) -> list[tuple[float, bool]]:
    """Nodules of which the model says too little by ``shift`` in log-odds."""
    rng = np.random.default_rng(8)
    odds = rng.normal(-0.6, 1.3, size=count)
    return [(float(expit(one)), bool(rng.random() < expit(one + shift))) for one in odds]


def of_role(role: Role, clinic: Clinic) -> Client:
    client = Client()
    client.force_login(factories.member(role, at=clinic))
    return client


# ------------------------------------------------------------------ outcomes


def test_the_latest_row_holds_and_earlier_ones_stay() -> None:
    nodule = factories.nodule(factories.patient())
    known(nodule, "benign", "stable")
    known(nodule, "malignant", "histology")
    assert outcomes_of(nodule.patient)["N1"].known_by == "histology"
    known(nodule, "withdrawn", "course")
    assert outcomes_of(nodule.patient) == {}
    assert NoduleOutcome.objects.filter(nodule=nodule).count() == 3


def test_no_row_is_changed_or_removed() -> None:
    row = known(factories.nodule(factories.patient()), "benign")
    for change in (lambda: NoduleOutcome.objects.filter(pk=row.pk).update(outcome="malignant"), row.delete):
        with pytest.raises(DatabaseError, match="append"), transaction.atomic():
            change()


def test_what_went_away_is_no_cancer_in_the_form_and_in_the_table() -> None:
    nodule = factories.nodule(factories.patient())
    client = of_role(Role.COORDINATOR, nodule.patient.clinic)
    told = {"outcome": "malignant", "known_by": "resolved", "on": "2025-09-01"}
    answer = client.post(reverse("record-outcome", kwargs={"code": nodule.code}), told)
    assert answer.status_code == 422
    assert "is not recorded as malignant" in answer.content.decode()
    with pytest.raises(IntegrityError, match="going_away"), transaction.atomic():
        known(nodule, "malignant", "stable")


def test_an_outcome_is_recorded_on_the_page_and_shown_there() -> None:
    nodule = factories.followed_patient().nodules.get()
    client = of_role(Role.COORDINATOR, nodule.patient.clinic)
    address = reverse("record-outcome", kwargs={"code": nodule.code})
    told = {"outcome": "malignant", "known_by": "histology", "on": "2025-09-01", "note": "adenocarcinoma"}
    assert client.get(address).status_code == 200
    assert client.post(address, told).status_code == 302
    assert "Malignant, Histology of a resection: adenocarcinoma" in words(page_of(nodule.patient, client))
    event = AuditEvent.objects.get(verb="nodule.outcome")
    assert event.facts["outcome"] == "malignant"
    later = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert "has not come yet" in client.post(address, told | {"on": later}).content.decode()


# ------------------------------------------------------------------ what a model said before


def test_only_what_was_said_before_the_outcome_counts_and_of_that_the_last() -> None:
    nodule = factories.nodule(factories.patient())
    known(nodule, "malignant")
    assert judged([nodule.patient.clinic], "brock_2b") == ()
    said(nodule, 0.10, date(2024, 1, 1))
    said(nodule, 0.20, date(2025, 1, 1))
    said(nodule, 0.90, date(2026, 1, 1))  # the diagnosis was known by then
    (one,) = judged([nodule.patient.clinic], "brock_2b")
    assert (one.probability, one.said_on, one.is_malignant) == (0.20, date(2025, 1, 1), True)
    assert judged([nodule.patient.clinic], "pkuph") == ()


def test_records_that_were_joined_give_no_nodule_what_was_said_of_another() -> None:
    kept, gone = factories.patient(), factories.patient()
    own, moved = factories.nodule(kept), factories.nodule(gone)
    said(own, 0.10)
    said(moved, 0.70)
    joining.join(gone=gone, kept=kept, reason="one person", by=factories.member(Role.COORDINATOR))
    moved.refresh_from_db()
    assert moved.label != "N1"
    known(own, "benign")
    known(moved, "malignant")
    found = {one.label: (one.probability, one.is_malignant) for one in judged([kept.clinic], "brock_2b")}
    assert found == {"N1": (0.10, False), moved.label: (0.70, True)}


def test_outcomes_of_another_clinic_are_not_ours() -> None:
    clinic_with([(0.2, True)])
    assert judged([factories.clinic(name="Elsewhere")], "brock_2b") == ()


# ------------------------------------------------------------------ corrections


def test_too_few_outcomes_are_refused_with_their_numbers_and_nothing_is_kept() -> None:
    clinic = clinic_with([(0.3, True)] * 3 + [(0.1, False)] * 4)
    manager = of_role(Role.MANAGER, clinic)
    address = reverse("risk-corrections", kwargs={"code": clinic.code})
    answer = manager.post(address, {"model": "brock_2b", "way": "logistic"})
    assert answer.status_code == 422
    assert "3 malignant and 4 benign diagnoses are known; this correction needs 20 of each." in words(
        answer.content.decode()
    )
    assert not RiskCorrection.objects.exists()
    with pytest.raises(TooFewEvents, match="0 malignant and 0 benign"):
        recalibration.fit(clinic=clinic, model="pkuph", way="logistic", by=factories.member(Role.MANAGER, at=clinic))


def test_a_correction_is_fitted_signed_shown_beside_the_published_model_and_taken_out_again() -> None:
    clinic = clinic_with(drawn(120))
    manager, physician = of_role(Role.MANAGER, clinic), of_role(Role.PHYSICIAN, clinic)
    page = reverse("risk-corrections", kwargs={"code": clinic.code})
    assert manager.post(page, {"model": "brock_2b", "way": "logistic"}).status_code == 302
    row = RiskCorrection.objects.get()
    found = recalibration.curve_of(row)
    assert found.intercept_ratio == pytest.approx(1.0, abs=0.6)  # what was put in, within the spread of 120 nodules
    assert found.brier_after_ratio < found.brier_before_ratio
    assert row.data_sha256 == recalibration.data_sha256(judged([clinic], "brock_2b"))

    patient = factories.followed_patient(clinic=clinic)
    said(patient.nodules.get(), 0.08, date(2026, 12, 1))
    assert "corrected here" not in words(page_of(patient, physician))
    sign = reverse("sign-correction", kwargs={"code": row.code})
    assert manager.post(sign).status_code == 403
    assert physician.post(sign).status_code == 302
    assert "in use" in words(manager.get(page).content.decode())
    text = words(page_of(patient, physician))
    assert "8.0 % · BTS 2015: CT" in text
    assert "corrected here:" in text
    assert "BTS 2015: PET-CT" in text  # about 20 % here
    assert physician.post(reverse("retire-correction", kwargs={"code": row.code})).status_code == 302
    assert corrections_in_use(clinic) == {}
    assert "corrected here" not in words(page_of(patient, physician))
    verbs = list(AuditEvent.objects.filter(verb__startswith="risk.").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["risk.correction_fitted", "risk.correction_signed", "risk.correction_retired"]


def test_signing_another_takes_the_one_before_out_of_use_and_no_dead_one_is_signed() -> None:
    clinic = clinic_with(drawn(90))
    by = factories.member(Role.PHYSICIAN, at=clinic)
    first, second = (recalibration.fit(clinic=clinic, model="brock_2b", way="logistic", by=by) for _ in range(2))
    recalibration.sign(correction=first, by=by)
    recalibration.sign(correction=second, by=by)
    assert corrections_in_use(clinic)["brock_2b"].pk == second.pk
    for dead in (first, second):
        with pytest.raises(recalibration.NotToBeSigned):
            recalibration.sign(correction=dead, by=by)


def test_outcomes_leave_as_codes_and_the_audit_trail_says_so() -> None:
    clinic = clinic_with([(0.25, True), (0.05, False)])
    address = reverse("export-outcomes", kwargs={"code": clinic.code, "model": "brock_2b"})
    assert of_role(Role.COORDINATOR, clinic).get(address).status_code == 404
    answer = of_role(Role.MANAGER, clinic).get(address)
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["probability"], row["outcome"]) for row in rows] == [("0.25", "1"), ("0.05", "0")]
    assert AuditEvent.objects.get(verb="risk.outcomes_exported").facts["cases"] == "2"


def test_the_bench_reads_what_a_clinic_has_recorded(tmp_path: Path) -> None:
    clinic = clinic_with(drawn(40))
    asked = ["--clinic", str(clinic.code), "--score", "brock_2b", "--draws", "20", "--out", str(tmp_path)]
    call_command("validate", *asked)
    rows = list(csv.DictReader(StringIO((tmp_path / "figures.csv").read_text("utf-8-sig"))))
    known = judged([clinic], "brock_2b")
    auc = next(row for row in rows if row["figure"] == "auc")
    expected = area(Cases.of([one.probability for one in known], [one.is_malignant for one in known])).share
    assert float(auc["value"]) == pytest.approx(expected)
    assert "group known by" in {row["section"] for row in rows}
    for wrong, said in (("--clinic=x", "No clinic has the code x"), ("--score=none", "No probabilities of none")):
        with pytest.raises(CommandError, match=said):
            call_command("validate", *asked, wrong)


def test_a_correction_of_another_clinic_is_not_found() -> None:
    clinic = clinic_with(drawn(90))
    row = recalibration.fit(
        clinic=clinic, model="brock_2b", way="logistic", by=factories.member(Role.MANAGER, at=clinic)
    )
    stranger = of_role(Role.PHYSICIAN, factories.clinic(name="Elsewhere"))
    assert stranger.post(reverse("sign-correction", kwargs={"code": row.code})).status_code == 404
    assert stranger.get(reverse("risk-corrections", kwargs={"code": clinic.code})).status_code == 404
