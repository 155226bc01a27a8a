"""The shelf alone: whole or not at all, once, and known again after a kill at any moment."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from nodules_app.dicom.network_shelf import ABOUT, INCOMING, PARCELS, Kept, NotAnInstance, Shelf, same_content
from tests.unit.dicom.made import as_bytes, ct, uid

CALLER = "5c6a2a4e-0000-4000-8000-000000000001"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, reserve_bytes=0)


def keep(shelf: Shelf, number: int = 0, association: int = 1) -> Kept:
    return shelf.keep(CALLER, association, uid("instance", number), as_bytes(ct(number)))[0]


def test_a_parcel_is_quiet_when_nobody_sends_it_and_nothing_came_for_a_while(shelf: Shelf) -> None:
    keep(shelf, 0, association=1)
    keep(shelf, 1, association=2)
    (parcel,) = shelf.parcels()
    later_s = time.time() + 100
    assert not parcel.is_quiet(later_s, 30)
    shelf.ended(1, whole=True)
    assert not parcel.is_quiet(later_s, 30)
    shelf.ended(2, whole=True)
    assert parcel.is_quiet(later_s, 30)
    assert not parcel.is_quiet(parcel.came_at_s + 29, 30)


def test_what_is_claimed_is_off_the_shelf_and_more_of_it_is_another_parcel(shelf: Shelf) -> None:
    keep(shelf, 0)
    (parcel,) = shelf.parcels()
    shelf.claim(parcel, "goal")
    assert shelf.parcels() == []
    assert keep(shelf, 0, association=2) is Kept.NEW
    (another,) = shelf.parcels()
    assert another.folder != parcel.folder
    shelf.give_back(parcel)  # its place is taken: it waits for the next start
    assert shelf.parcels() == [another]


def test_nothing_is_let_go_that_is_sent_or_came_since(shelf: Shelf) -> None:
    keep(shelf, 0)
    (parcel,) = shelf.parcels()
    assert not shelf.let_go(parcel, older_than_s=time.time() + 100)  # its association is open
    shelf.ended(1, whole=False)
    looked_at_s = time.time()
    keep(shelf, 1, association=2)
    shelf.ended(2, whole=False)
    assert not shelf.let_go(parcel, older_than_s=looked_at_s)
    assert shelf.parcels() == [parcel]
    assert shelf.let_go(parcel, older_than_s=time.time() + 100)
    assert shelf.parcels() == []


def test_two_callers_of_one_exam_have_a_parcel_each(shelf: Shelf) -> None:
    keep(shelf)
    shelf.keep("another", 2, uid("instance", 0), as_bytes(ct(0)))
    assert len(shelf.parcels()) == 2


def test_after_a_kill_everything_is_known_and_nothing_half_is_left(shelf: Shelf, tmp_path: Path) -> None:
    for number in range(3):
        keep(shelf, number)
    (tmp_path / INCOMING / "half").write_bytes(b"DIC")
    (tmp_path / PARCELS / "begun").mkdir()
    fresh = Shelf(tmp_path, reserve_bytes=0)
    assert fresh.load() == []
    (parcel,) = fresh.parcels()
    assert (parcel.instances, parcel.broken, parcel.caller) == (3, True, CALLER)
    assert not list((tmp_path / INCOMING).iterdir())
    assert keep(fresh, 1) is Kept.KNOWN
    assert keep(fresh, 3) is Kept.NEW


def test_what_was_being_handed_over_is_told_after_a_kill(shelf: Shelf, tmp_path: Path) -> None:
    keep(shelf)
    (parcel,) = shelf.parcels()
    shelf.claim(parcel, "goal")
    fresh = Shelf(tmp_path, reserve_bytes=0)
    (claimed,) = fresh.load()
    assert (claimed.handed_as, claimed.instances) == ("goal", 1)
    assert fresh.parcels() == []
    fresh.give_back(claimed)
    assert [one.folder for one in fresh.parcels()] == [parcel.folder]
    assert json.loads((parcel.folder / ABOUT).read_text())["handed_as"] == ""


def test_the_file_header_does_not_count_and_the_data_set_does(tmp_path: Path) -> None:
    one, other, another = (tmp_path / name for name in ("one", "other", "another"))
    one.write_bytes(as_bytes(ct(0)))
    other.write_bytes(b"\1" * 128 + as_bytes(ct(0))[128:])
    another.write_bytes(as_bytes(ct(0, SliceThickness="3")))
    assert same_content(one, other)
    assert not same_content(one, another)
    another.write_bytes(as_bytes(ct(0), ImplicitVRLittleEndian))
    assert not same_content(one, another)


@pytest.mark.parametrize(
    "content",
    [b"", b"x" * 10, b"\0" * 128 + b"DICM", as_bytes(ct(0))[:200], as_bytes(ct(1))],
    ids=["nothing", "noise", "only a prefix", "cut off", "another instance"],
)
def test_what_is_no_instance_or_another_one_is_not_kept(shelf: Shelf, content: bytes) -> None:
    with pytest.raises(NotAnInstance):
        shelf.keep(CALLER, 1, uid("instance", 0), content)
    assert shelf.parcels() == []
    assert not list((shelf.root / INCOMING).iterdir())


@pytest.mark.parametrize("name", ["../../x", "1.2.3/4", "1" * 65])
def test_a_name_that_is_no_uid_leads_nowhere(shelf: Shelf, name: str) -> None:
    with pytest.raises(NotAnInstance):
        shelf.keep(CALLER, 1, name, as_bytes(ct(0, SOPInstanceUID=name)))
    assert shelf.parcels() == []
