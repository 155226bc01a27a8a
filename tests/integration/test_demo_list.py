"""The list of the demo goes the way of every list, and a second start of the demo brings nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import Clinic, FollowUp, MdtCase, Patient, Role, Spreadsheet
from nodules_app.selectors.nodule_cells import nodule_cells
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.services.demo_clinic import prepare_demo_clinic
from nodules_app.services.demo_list import PEOPLE, bring_demo_list
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    found = factories.clinic()
    prepare_demo_clinic(tmp_path)  # an empty folder: the people and the meeting alone
    return found


def test_the_demo_has_people_to_act_for_and_brings_them_once(clinic: Clinic) -> None:
    bring_demo_list(clinic)
    bring_demo_list(clinic)
    assert Spreadsheet.objects.get().stored_at is not None
    people = Patient.objects.filter(clinic=clinic)
    assert people.count() == len(PEOPLE)
    assert all(one.name.startswith("Simulated^") for one in people)
    assert FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP).count() == len(PEOPLE)
    asked = [one.question for one in PEOPLE if one.question]
    assert list(MdtCase.objects.order_by("order").values_list("question", "state")) == [(q, "listed") for q in asked]
    assert not uncovered_nodules()
    (cell,) = nodule_cells([people.get(identifier="SIM-0003").pk]).popitem()[1]
    assert (cell.lobe, cell.attenuation, cell.told_mm, cell.volume_mm3) == ("RUL", "part_solid", 9.1, None)
    assert "9.1 mm" in words(signed_in(Role.COORDINATOR).get("/?show=everybody").content.decode())
