"""The viewer in a real browser: what it shows is what the scanner saw, and the two scans stay together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from playwright.sync_api import expect

from nodules_app.models import Clinic, Scan, User
from nodules_app.services.cache import volume_folder
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults
from tests.browser.viewing import PLACES, Pair, Screen, join, keep, lung, opened, pair, with_balls
from tests.maps import breathing

WITHIN_MM = 2.0
WRITTEN_TO_MM = 0.1


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def shown(transactional_db: None) -> Pair:
    return pair()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_room_is_accessible_and_keeps_the_policy(
    visit: Visit, reader: User, shown: Pair, language: str, screen: str
) -> None:
    visitor = visit(language=language, viewport=SCREENS[screen], theme="dark", as_=reader)
    opened(visitor, shown.patient)
    assert faults(visitor) == []
    visitor.page.keyboard.press("?")
    assert visitor.page.locator("#keys").is_visible()
    assert faults(visitor) == []


def test_the_value_under_the_pointer_is_the_scanners(visit: Visit, reader: User, shown: Pair) -> None:
    screen = opened(visit(as_=reader), shown.patient)
    volumes = {"prior": shown.prior, "current": shown.current}
    for role, volume in volumes.items():
        for across, down in np.random.default_rng(3).uniform(0.3, 0.7, (12, 2)):
            screen.page.mouse.move(*screen.at(role, across, down))
            screen.settle()
            index = volume.index_from_lps(screen.lps(role))
            index[0] = screen.slice(role)
            # The place is written to 0.1 mm, so a voxel's border may be crossed: one of the nearest has the value.
            slack = WRITTEN_TO_MM / 2 / volume.spacing_zyx_mm[2]
            rows, columns = ({round(at - slack), round(at + slack)} for at in index[1:])
            possible = {int(volume.array_hu[screen.slice(role), row, column]) for row in rows for column in columns}
            assert screen.hu(role) in possible


@pytest.mark.parametrize("painter", ["cpu", "webgl"])
def test_the_grey_is_the_value_through_the_window(visit: Visit, reader: User, shown: Pair, painter: str) -> None:
    screen = opened(visit(as_=reader), shown.patient, f"?painter={painter}")
    screen.press("x", "o", "q")  # nothing drawn over, native pixels
    for width, level, key in ((1500, -600, "2"), (400, 40, "1")):
        screen.press(key)
        for across, down in np.random.default_rng(4).uniform(0.35, 0.65, (8, 2)):
            screen.page.mouse.move(*screen.at("current", across, down))
            screen.settle()
            lightness = np.clip((screen.hu("current") - (level - 0.5)) / (width - 1) + 0.5, 0, 1)
            box = screen.box("current")
            x, y = (np.floor(np.array(screen.at("current", across, down))) - (box["x"], box["y"]) + 0.5) / (
                box["width"],
                box["height"],
            )
            screen.page.mouse.move(*screen.at("prior", 0.9, 0.9))  # the linked mark goes elsewhere
            screen.settle()
            seen = screen.grey("current", float(x), float(y))
            assert abs(seen - 255 * lightness) <= 1 or near_a_border(screen, shown, across, down)


def near_a_border(screen: Screen, shown: Pair, across: float, down: float) -> bool:
    """Whether half a pixel further another voxel lies: the screen's pixel then shows that one."""
    box = screen.box("current")
    values = set()
    for dx in (-0.5, 0.5):
        for dy in (-0.5, 0.5):
            screen.page.mouse.move(*screen.at("current", across + dx / box["width"], down + dy / box["height"]))
            screen.settle()
            values.add(screen.hu("current"))
    return len(values) > 1


def test_a_point_of_one_scan_is_marked_on_the_other(visit: Visit, reader: User, shown: Pair) -> None:
    screen = opened(visit(as_=reader), shown.patient)
    assert screen.page.locator("#room-sync").text_content() == "REG"
    for across, down in ((0.4, 0.45), (0.55, 0.5), (0.5, 0.6)):
        screen.page.mouse.move(*screen.at("prior", across, down))
        screen.settle()
        truth = shown.found.current_from_prior(screen.lps("prior"))
        assert np.linalg.norm(screen.lps("current") - truth) < WITHIN_MM / 4
        screen.page.mouse.move(*screen.at("current", across, down))
        screen.settle()
        truth = shown.found.prior_from_current(screen.lps("current"))
        assert np.linalg.norm(screen.lps("prior") - truth) < WITHIN_MM / 4


def test_scrolling_one_scan_scrolls_the_other_to_the_registered_slice(visit: Visit, reader: User, shown: Pair) -> None:
    screen = opened(visit(as_=reader), shown.patient)
    screen.page.mouse.click(*screen.at("prior", 0.5, 0.5))
    for _ in range(5):
        screen.page.mouse.wheel(0, 120)
        screen.settle()
        screen.page.mouse.move(2, 2)
        screen.settle()
        here = shown.prior.lps_from_index([screen.slice("prior"), 0, 0])[2]
        focus = screen.lps("prior")
        assert focus[2] == pytest.approx(here, abs=0.06)
        truth = shown.found.current_from_prior(focus)
        expected = shown.current.index_from_lps(truth)[0]
        assert abs(screen.slice("current") - expected) <= 0.6
        screen.page.mouse.move(*screen.at("prior", 0.5, 0.5))


def test_a_feet_first_scan_stands_the_same_way_up(visit: Visit, reader: User, shown: Pair) -> None:
    screen = opened(visit(as_=reader), shown.patient)
    for plane, letters in (("7", "APRL"), ("8", "HFRL"), ("9", "HFAP")):
        screen.press(plane)
        for role in ("prior", "current"):
            edges = "".join(screen.says(role, edge) for edge in ("top", "bottom", "left", "right"))
            assert edges == letters, (plane, role)
    screen.press("7", "n")
    for role, towards_feet in (("prior", -1), ("current", 1)):
        before = screen.slice(role)
        screen.page.locator(f"{screen.pane(role)} .canvas").focus()
        screen.press("ArrowDown")
        assert np.sign(screen.slice(role) - before) == towards_feet


def test_the_pair_is_at_the_same_nodule_and_n_goes_to_the_next(visit: Visit, reader: User, shown: Pair) -> None:
    screen = opened(visit(as_=reader), shown.patient)
    for number in (0, 1, 2, 0):
        place = np.asarray(PLACES[number])
        assert np.linalg.norm(screen.lps("prior") - place) < 1.1  # the middle of its slice
        assert np.linalg.norm(screen.lps("current") - shown.found.current_from_prior(place)) < 1.1
        assert screen.hu("prior") == screen.hu("current") == 30
        current = screen.page.locator('a[data-jump][aria-current="true"]')
        assert (current.text_content() or "").startswith(f"N{number + 1}")
        screen.press("n")
    screen.press("p", "p")  # from the second, past the first, to the last
    assert np.linalg.norm(screen.lps("prior") - PLACES[2]) < 1.1


def test_what_is_not_kept_is_waited_for_and_shown_when_it_comes(visit: Visit, reader: User, shown: Pair) -> None:
    scan = Scan.objects.get(pk=shown.comparison.current_id)
    for file in volume_folder(scan.series).iterdir():
        file.unlink()
    visitor = visit(as_=reader)
    visitor.see(f"/patients/{shown.patient.code}/read")
    waiting = visitor.page.locator('.pane[data-when="current"] [data-waiting]')
    waiting.get_by_text("Waiting for a worker.").wait_for()
    expect(waiting.get_by_role("link", name="Read without the slices meanwhile")).to_be_visible()
    assert faults(visitor) == []
    keep(scan, shown.current)
    visitor.page.wait_for_selector("[data-room][data-complete-ms]")
    expect(waiting).to_be_hidden()
    screen = Screen(visitor.page)
    screen.settle()
    assert screen.hu("current") == 30


def test_a_third_exam_stands_to_the_left_and_is_linked_by_way_of_the_prior(
    visit: Visit, reader: User, shown: Pair
) -> None:
    earliest = factories.scan(shown.patient, factories.PRIOR_ON - timedelta(days=190))
    volume = with_balls(lung((40, 128, 128), (2.0, 0.7, 0.7), np.eye(3), 3), PLACES)
    keep(earliest, volume)
    found = breathing(volume, seed=5)
    join(factories.comparison(earliest, shown.comparison.prior), found)
    visitor = visit(as_=reader)
    screen = opened(visitor, shown.patient)
    screen.page.get_by_label("A third exam").select_option(str(earliest.code))
    screen.page.get_by_role("button", name="Show", exact=True).click()
    expect(screen.page.locator(".pane")).to_have_count(3)
    screen.page.wait_for_selector("[data-room][data-complete-ms]")
    screen.settle()
    assert faults(visitor) == []
    lefts = [screen.box(role)["x"] for role in ("third", "prior", "current")]
    assert lefts == sorted(lefts)
    for across, down in ((0.45, 0.45), (0.55, 0.5)):
        screen.page.mouse.move(*screen.at("third", across, down))
        screen.settle()
        on_prior = found.current_from_prior(screen.lps("third"))
        assert np.linalg.norm(screen.lps("prior") - on_prior) < WITHIN_MM / 4
        assert np.linalg.norm(screen.lps("current") - shown.found.current_from_prior(on_prior)) < WITHIN_MM / 4


def test_a_reader_looks_first_where_the_clinic_wants_it(visit: Visit, reader: User, shown: Pair) -> None:
    Clinic.objects.filter(pk=shown.patient.clinic_id).update(proposals_on_request=True)
    screen = opened(visit(as_=reader), shown.patient)
    assert not screen.page.locator("a[data-jump]").first.is_visible()
    before = screen.slice("prior")
    screen.press("n")
    assert screen.slice("prior") == before
    with screen.page.expect_navigation():
        screen.page.keyboard.press("y")
    screen.page.wait_for_selector("[data-room][data-complete-ms]")
    assert screen.page.locator("a[data-jump]").first.is_visible()
