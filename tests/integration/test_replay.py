"""Stored answers asked again: the same tables say the same, and what differs is found field by field."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from nodules_app.models import Assessment, Patient
from nodules_app.services import replay
from nodules_app.services.assessments import answer_case, case_of, store_answer
from nodules_app.services.replay import Difference, differences
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db


def assessed_patient(volume_mm3: float = 541.0) -> Patient:
    """Make a patient whose answers were given by the clinical core and stored as the pipeline stores them."""
    patient = factories.patient()
    exams = [factories.scan(patient, factories.CURRENT_ON - timedelta(days=days)) for days in (366, 0)]
    nodule = factories.nodule(patient)
    for exam, volume in zip(exams, (301.0, volume_mm3), strict=True):
        factories.measurement(factories.finding(nodule, exam), volume)
    store(patient)
    return patient


def store(patient: Patient) -> list[Assessment]:
    case = case_of(patient)
    assert case is not None
    return store_answer(patient, case, answer_case(case))


def stored_otherwise(of: Patient, change: Mapping[str, Any], *, tables: str = "", **fields: object) -> Assessment:
    """Store a further BTS answer that the tables do not give."""
    row = Assessment.objects.filter(patient=of, guideline="BTS2015").earliest("pk")
    answer = copy.deepcopy(row.answer)
    answer["result"] |= change
    answer["ruleset_hash"] = tables or answer["ruleset_hash"]
    fields = {"edition": row.edition, "ruleset_version": "R1", "management": answer["result"]["management"]} | fields
    return Assessment.objects.create(
        patient=of,
        exam_on=row.exam_on,
        guideline=row.guideline,
        rule_id=row.rule_id,
        inputs=row.inputs,
        answer=answer,
        **fields,
    )


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("replay", *arguments, stdout=out)
    return out.getvalue()


def test_what_the_core_said_it_says_again() -> None:
    assessed_patient()
    answers = list(replay.replay())
    assert {answer.guideline for answer in answers} == {"FLEISCHNER2017", "BTS2015", "LUNGRADS2022"}
    assert all(answer.is_identical and answer.is_own_ruleset and not answer.changes_care for answer in answers)
    assert "3 answers asked again: 0 differ" in told("--all")


def test_a_difference_under_the_same_ruleset_is_a_fault_and_named() -> None:
    patient = assessed_patient()
    stored_otherwise(patient, {"management": "bts_discharge", "why": ["Volume 5 mm3."]})
    faulty = [answer for answer in replay.replay(patient=patient) if answer.is_fault]
    assert len(faulty) == 1
    fields = {one.field: one for one in faulty[0].differences}
    assert fields["result.management"].stored == "bts_discharge"
    assert fields["result.management"].now == faulty[0].now["management"]
    assert fields["result.why.0"].stored == "Volume 5 mm3."
    with pytest.raises(CommandError) as stopped:
        told("--all")
    assert stopped.value.returncode == 1


def test_a_difference_under_another_ruleset_is_reported_but_no_fault() -> None:
    patient = assessed_patient()
    stored_otherwise(patient, {"management": "bts_discharge"}, ruleset_version="R0")
    said = told("--patient", str(patient.code))
    assert "under R1 instead of R0" in said
    assert 'result.management: stored "bts_discharge"' in said


def test_tables_that_changed_without_a_new_version_are_named() -> None:
    patient = assessed_patient()
    stored_otherwise(patient, {"management": "bts_discharge"}, tables="another hash")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("replay", "--all", stdout=out)
    assert "the tables have changed since without a new ruleset version" in out.getvalue()
    assert [answer.same_tables for answer in replay.replay(patient=patient)] == [True, True, True, False]


def test_inputs_that_are_understood_no_longer_are_said_with_their_sentence() -> None:
    patient = assessed_patient()
    row = Assessment.objects.filter(patient=patient, guideline="BTS2015").get()
    Assessment.objects.create(
        patient=patient,
        exam_on=row.exam_on,
        guideline="BTS2015",
        edition="2015",
        ruleset_version="R1",
        rule_id=row.rule_id,
        management=row.management,
        inputs=row.inputs | {"exams": [{"date": "2026-02-30"}]},
        answer=row.answer,
    )
    (refused,) = [answer for answer in replay.replay() if answer.refused]
    assert refused.is_fault
    assert "2026-02-30 is not a date that exists" in refused.refused


def test_only_answers_in_force_that_would_change_care_are_listed_before_a_switch() -> None:
    unchanged, changed, superseded, reworded = (assessed_patient() for _ in range(4))
    stored_otherwise(changed, {"management": "bts_discharge"}, ruleset_version="R0")
    stored_otherwise(superseded, {"management": "bts_discharge"}, ruleset_version="R0")
    stored_otherwise(superseded, {}, ruleset_version="R0")
    stored_otherwise(reworded, {"why": ["Other words."]}, ruleset_version="R0")
    listed = list(replay.patients_whose_answer_would_change())
    assert [answer.patient for answer in listed] == [changed.code]
    assert unchanged.code not in {answer.patient for answer in listed}
    assert "1 would lead to another step" in told("--would-change")


def test_json_goes_out_one_object_a_line(tmp_path: Path) -> None:
    patient = assessed_patient()
    rows = [json.loads(line) for line in told("--patient", str(patient.code), "--json", "-").splitlines()]
    assert [row["identical"] for row in rows] == [True] * 3
    assert {row["patient"] for row in rows} == {str(patient.code)}
    told("--all", "--json", str(tmp_path / "answers.jsonl"))
    assert (tmp_path / "answers.jsonl").read_text("utf-8").count("\n") == 3


def test_another_patient_s_answers_are_left_out_and_a_stranger_is_refused() -> None:
    one = assessed_patient()
    assessed_patient()
    assert {answer.patient for answer in replay.replay(patient=one)} == {one.code}
    with pytest.raises(CommandError) as stopped:
        told("--patient", "00000000-0000-0000-0000-000000000000")
    assert stopped.value.returncode == 2


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as stopped:
        told("--all", "--json", str(tmp_path / "missing" / "answers.jsonl"))
    assert stopped.value.returncode == 2


def test_the_number_of_queries_does_not_grow_with_the_answers() -> None:
    assessed_patient()
    with CaptureQueriesContext(
        connection,
    ) as few:
        list(replay.replay())
    assessed_patient()
    assessed_patient()
    with CaptureQueriesContext(connection) as many:
        list(replay.replay())
    assert len(few) == len(many)


def test_differences_are_found_however_deep_and_on_either_side() -> None:
    stored = {"a": [1, {"b": 2}], "gone": None, "same": "x", "left": 3}
    now = {"a": [1, {"b": 4}, 5], "same": "x", "new": 6}
    assert list(differences(stored, now)) == [
        Difference("a.1.b", 2, 4),
        Difference("a.2", None, 5),
        Difference("left", 3, None),
        Difference("new", None, 6),
    ]


def test_the_page_lists_whose_answer_would_change_and_leads_to_the_patient() -> None:
    changed, unchanged = assessed_patient(), assessed_patient()
    stored_otherwise(changed, {"management": "bts_discharge"}, ruleset_version="R0")
    html = signed_in().get(reverse("what-if-changes")).content.decode()
    assert reverse("patient-what-if", kwargs={"code": changed.code}) in html
    assert str(unchanged.code) not in html
    shown = words(html)
    assert "BTS 2015 R0: Discharge" in shown
    assert "Another step" in shown
    assert "2 patients asked again" in shown


def test_the_page_goes_through_the_patients_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "PATIENTS_A_PAGE", 2)
    patients = [assessed_patient() for _ in range(3)]
    stored_otherwise(patients[2], {"management": "bts_discharge"}, ruleset_version="R0")
    first, last = replay.page_of_changes(1), replay.page_of_changes(9)
    assert (first.pages, first.patients, first.changed) == (2, 2, ())
    assert (last.number, last.patients, [one.patient for one in last.changed]) == (2, 1, [patients[2].code])
    assert "Page 2 of 2" in words(signed_in().get(reverse("what-if-changes"), {"page": "2"}).content.decode())


def test_a_list_without_patients_says_so() -> None:
    assert "No answer would change" in words(signed_in().get(reverse("what-if-changes")).content.decode())
