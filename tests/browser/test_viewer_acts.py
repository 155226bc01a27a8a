"""Every key and tool of the viewer, by mouse, by keyboard and by touch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from playwright.sync_api import expect

from nodules_app.models import User
from tests.browser.conftest import Visit
from tests.browser.viewing import DIAMETER_MM, PLACES, Pair, Screen, opened, pair

WATCH = """() => {
    window.heard = [];
    for (const name of ["viewer:point", "viewer:stroke", "viewer:measure", "viewer:at"]) {
        document.addEventListener(name, ({ detail }) => window.heard.push([name, detail]));
    }
}"""
TOUCH = """([kind, id, x, y]) => document.elementFromPoint(x, y).dispatchEvent(new PointerEvent(kind,
    { pointerId: id, pointerType: "touch", isPrimary: id === 1, clientX: x, clientY: y, bubbles: true }))"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def shown(transactional_db: None) -> Pair:
    return pair()


@pytest.fixture
def screen(visit: Visit, reader: User, shown: Pair) -> Screen:
    opening = opened(visit(as_=reader), shown.patient)
    opening.page.evaluate(WATCH)
    opening.page.locator(f"{opening.pane('prior')} .canvas").focus()
    opening.settle()
    return opening


def heard(screen: Screen, name: str) -> list[dict[str, object]]:
    told = json.loads(screen.page.evaluate("() => JSON.stringify(window.heard)"))
    return [detail for kind, detail in told if kind == name]


def pressed(screen: Screen, key: str) -> bool:
    return screen.page.locator(f'.room-tools [data-key="{key}"]').first.get_attribute("aria-pressed") == "true"


def picture(screen: Screen, role: str = "prior") -> bytes:
    return screen.page.locator(f"{screen.pane(role)} .canvas").screenshot()


# Every key of the sheet, and what is to be seen after it was pressed: text of a caption, or another picture.
WINDOWS = {"1": "W 400 L 40", "2": "W 1500 L −600", "3": "W 150 L 30", "4": "W 2500 L 480", "5": "W 80 L 40"}
SAYS = {
    "7": ("position", r"^z "),
    "8": ("position", r"^y "),
    "9": ("position", r"^x "),
    "m": ("slab", "MIP 10 mm"),
    "]": ("slab", "MIP 11 mm"),
    "[": ("slab", "MIP 9 mm"),
    "u": ("slab", "CURRENT minus PRIOR"),
    "t": ("slab", "CURRENT carried onto the prior"),
    "i": ("window", "inverted"),
    "q": ("zoom", "native pixels"),
    "h": ("turned", "mirrored"),
    "v": ("turned", "mirrored"),
    "r": ("turned", "90°"),
    "l": ("turned", "270°"),
    "Shift+ArrowUp": ("window", "L −580"),
    "Shift+ArrowDown": ("window", "L −620"),
    "Shift+ArrowRight": ("window", "W 1550"),
    "Shift+ArrowLeft": ("window", "W 1450"),
}
TOGGLES = {"s": True, "x": True, "o": True}
TOOLS = ("w", "z", "j", "d", "b", "E", "a", "k")
MOVES = {"ArrowDown": -1, "ArrowUp": 1, "PageDown": -10, "PageUp": 10}
OTHERS = {
    "Home", "End", "ArrowLeft", "ArrowRight", "n", "p", ".", ",", "S", "y", "{", "}", "Enter", "Backspace", "Delete",
    "+", "-", "=", "c", "0", "F", "Space", "Esc", "?", "Alt+↑↓←→",
}  # fmt: skip


def test_every_key_of_the_sheet_is_tested_here(screen: Screen) -> None:
    screen.press("?")
    caps = set(screen.page.locator("#key-list kbd").all_text_contents())
    signs = {"ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→"}
    tested = {*WINDOWS, *SAYS, *TOGGLES, *TOOLS, *MOVES, *OTHERS}
    written = {re.sub(r"Arrow\w+", lambda found: signs[found[0]], key) for key in tested}
    assert caps == written
    words = screen.page.locator("#key-list dd").all_text_contents()
    assert all(words)
    assert "undefined" not in words


def test_windows(screen: Screen) -> None:
    for key, told in WINDOWS.items():
        screen.press(key)
        assert screen.says("prior", "window") == told
        assert screen.says("current", "window") == told


@pytest.mark.parametrize("key", SAYS)
def test_a_key_changes_what_the_image_says(screen: Screen, key: str) -> None:
    what, told = SAYS[key]
    before = picture(screen)
    if key == "7":
        screen.press("8")
    screen.press(key)
    # Flicker takes turns, so that its words come and go: they are waited for.
    expect(screen.page.locator(f'{screen.pane("prior")} [data-say="{what}"]')).to_have_text(re.compile(told))
    if key != "7":
        assert picture(screen) != before


def test_space_brings_everything_back(screen: Screen) -> None:
    screen.press("Space")
    before = picture(screen)
    screen.press("1", "8", "m", "i", "h", "r", "+", "Space")
    assert screen.says("prior", "window") == "W 1500 L −600"
    assert screen.says("prior", "slab") == screen.says("prior", "turned") == ""
    assert picture(screen) == before


def test_slices_by_key(screen: Screen) -> None:
    for key, step in MOVES.items():
        screen.press("n", "p")
        before = screen.slice("prior")
        screen.press(key)
        assert screen.slice("prior") - before == step
    screen.press("Home")
    assert screen.slice("prior") == 0
    screen.press("End")
    assert screen.slice("prior") == 39
    screen.press("ArrowRight")
    assert "data-active" in screen.page.locator(screen.pane("current")).evaluate("(one) => one.getAttributeNames()")
    screen.press("Home")
    assert screen.slice("current") == 0
    screen.press("ArrowLeft", "Home")
    assert screen.slice("prior") == 0


def test_switches(screen: Screen) -> None:
    for key, at_first in TOGGLES.items():
        before = picture(screen)
        assert pressed(screen, key) is at_first
        screen.press(key)
        assert pressed(screen, key) is not at_first
        if key != "s":
            assert picture(screen) != before
    before = screen.slice("current")
    screen.press("PageUp")
    assert screen.slice("current") == before  # linked scrolling is off
    assert screen.page.locator("#room-sync").text_content() == "OFF"
    screen.press("S", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
    assert "MANUAL" in (screen.page.locator("#room-sync").text_content() or "")
    assert screen.slice("current") - before == -5  # 8 mm of slices 1.6 mm apart, from the head down


def test_zoom_fit_and_one_scan_alone(screen: Screen) -> None:
    wide = screen.says("prior", "zoom")
    screen.press("+")
    assert screen.says("prior", "zoom") != wide
    screen.press("-")
    assert screen.says("prior", "zoom") == wide
    screen.press("=")
    width = screen.box("prior")["width"]
    screen.press("0")
    assert screen.box("prior")["width"] > 1.8 * width
    screen.press("0")
    assert screen.box("prior")["width"] == width
    screen.press("F")
    screen.page.wait_for_function("() => document.fullscreenElement !== null")
    screen.press("F")
    screen.page.wait_for_function("() => document.fullscreenElement === null")


def test_the_slices_run_by_themselves_until_told_to_stop(screen: Screen) -> None:
    before = screen.slice("prior")
    screen.press("c")
    screen.page.wait_for_timeout(500)
    screen.press("Escape")
    after = screen.slice("prior")
    assert after != before
    screen.page.wait_for_timeout(250)
    assert screen.slice("prior") == after


def test_flicker_takes_turns(screen: Screen) -> None:
    screen.press("t")
    said = set()
    for _ in range(12):
        said.add(screen.says("prior", "slab"))
        screen.page.wait_for_timeout(120)
    assert said == {"", "CURRENT carried onto the prior"}
    screen.press("t")
    screen.page.wait_for_timeout(600)
    assert screen.says("prior", "slab") == ""


def test_what_is_subtracted_cancels_where_nothing_changed(screen: Screen) -> None:
    screen.press("n", "p", "x", "o", "u")
    screen.page.mouse.move(2, 2)
    screen.settle()
    # Both scans show the same ball there: carried onto each other they leave the grey of no change.
    assert abs(screen.grey("prior", 0.5, 0.5) - 127) < 12


def test_a_ruler_measures_what_is_there(screen: Screen) -> None:
    screen.press("n", "p", "d")
    x, y = screen.at("prior", 0.5, 0.5)
    mm = 0.7 / float(re.search(r"zoom ([\d.]+)", screen.says("prior", "zoom"))[1])
    screen.page.mouse.move(x - 60, y)
    screen.page.mouse.down()
    screen.page.mouse.move(x + 60, y, steps=4)
    screen.page.mouse.up()
    screen.settle()
    (told,) = heard(screen, "viewer:measure")
    assert told["kind"] == "ruler"
    assert told["lengths_mm"][0] == pytest.approx(120 * mm, rel=0.03)
    a, b = np.asarray(told["points_lps_mm"])
    assert np.linalg.norm(a - b) == pytest.approx(told["lengths_mm"][0])
    with_it = picture(screen)
    screen.press("Backspace")
    assert picture(screen) != with_it


def test_two_axes_by_four_clicks_longest_first(screen: Screen) -> None:
    screen.press("b")
    x, y = screen.at("current", 0.5, 0.5)
    for dx, dy in ((0, -20), (0, 20), (-50, 0), (50, 0)):
        screen.page.mouse.click(x + dx, y + dy)
    (told,) = heard(screen, "viewer:measure")
    long_mm, short_mm = told["lengths_mm"]
    assert long_mm == pytest.approx(2.5 * short_mm, rel=0.01)


def test_an_ellipse_in_a_ball_says_its_density(screen: Screen) -> None:
    screen.press("n", "p", "E")
    x, y = screen.at("prior", 0.5, 0.5)
    mm = 0.7 / float(re.search(r"zoom ([\d.]+)", screen.says("prior", "zoom"))[1])
    half = 0.3 * DIAMETER_MM / mm
    screen.page.mouse.click(x - half, y - half)
    screen.page.mouse.click(x + half, y + half)
    (told,) = heard(screen, "viewer:measure")
    assert told["hu"]["mean"] == 30
    assert told["hu"]["sd"] == 0
    assert told["hu"]["voxels"] == pytest.approx(np.pi * (0.3 * DIAMETER_MM / 0.7) ** 2, rel=0.2)


def test_nothing_is_measured_on_a_slab_and_the_reason_is_said(screen: Screen) -> None:
    screen.press("m", "d")
    screen.page.mouse.click(*screen.at("prior", 0.4, 0.4))
    screen.page.mouse.click(*screen.at("prior", 0.6, 0.6))
    assert heard(screen, "viewer:measure") == []
    assert "Nothing is measured on a slab" in (screen.page.locator("#room-said").text_content() or "")


def test_a_slab_of_maxima_shows_what_lies_beside_and_a_mean_dilutes_it(screen: Screen) -> None:
    screen.press("x", "o", "n", "p")
    for _ in range(3):  # 7 mm off the middle of a ball of 10 mm: the slice itself shows lung
        screen.press("ArrowUp")
    screen.page.mouse.move(2, 2)
    screen.settle()
    lung = screen.grey("prior", 0.5, 0.5)
    screen.press("m")
    most = screen.grey("prior", 0.5, 0.5)
    screen.press("m")
    mean = screen.grey("prior", 0.5, 0.5)
    assert lung + 40 < most
    assert mean < most - 20


def test_a_measure_by_keyboard_alone(screen: Screen) -> None:
    screen.press("n", "p", "d", "Enter")
    screen.press("Alt+ArrowRight", "Alt+ArrowRight", "Alt+Shift+ArrowRight", "Enter")
    (told,) = heard(screen, "viewer:measure")
    assert told["lengths_mm"][0] == pytest.approx(12 * 0.7, abs=0.01)


def test_the_point_tool_tells_where(screen: Screen, shown: Pair) -> None:
    screen.press("n", "p", "a")
    screen.page.mouse.click(*screen.at("prior", 0.5, 0.5))
    screen.press("Enter")
    by_mouse, by_key = heard(screen, "viewer:point")
    assert by_mouse["scan"] == str(shown.comparison.prior.code)
    for told in (by_mouse, by_key):
        assert np.linalg.norm(np.asarray(told["lps_mm"]) - PLACES[0]) < 1.5


def test_a_stroke_names_the_nodule_it_is_drawn_on(screen: Screen, shown: Pair) -> None:
    screen.press("n", "p", "k", "}")
    screen.page.mouse.click(*screen.at("prior", 0.5, 0.5))
    told = heard(screen, "viewer:stroke")[0]
    finding = shown.patient.nodules.get(number=1).findings.get(scan=shown.comparison.prior)
    assert (told["finding"], told["kind"], told["radius_mm"]) == (str(finding.code), "add", 5.0)


def test_the_panel_can_send_the_viewer_to_a_place(screen: Screen, shown: Pair) -> None:
    detail = {"scan": str(shown.comparison.current.code), "lps_mm": [5.0, 5.0, -8.0]}
    screen.page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('viewer:show', { detail }))", detail)
    screen.settle()
    assert np.linalg.norm(screen.lps("current") - [5.0, 5.0, -8.0]) < 0.2
    assert np.linalg.norm(screen.lps("prior") - shown.found.prior_from_current([5.0, 5.0, -8.0])) < 1.0


def test_the_left_button_changes_the_window_and_the_others_zoom_and_pan(screen: Screen) -> None:
    page = screen.page
    for button, what in (("left", "window"), ("right", "zoom")):
        before = screen.says("prior", what)
        page.mouse.move(*screen.at("prior", 0.5, 0.5))
        page.mouse.down(button=button)
        page.mouse.move(*screen.at("prior", 0.6, 0.6), steps=5)
        page.mouse.up(button=button)
        screen.settle()
        assert screen.says("prior", what) != before
    page.mouse.move(*screen.at("prior", 0.5, 0.5))
    screen.settle()
    before = screen.lps("prior")
    page.mouse.down(button="middle")
    page.mouse.move(*screen.at("prior", 0.6, 0.5), steps=5)
    page.mouse.up(button="middle")
    screen.settle()
    assert np.allclose(screen.lps("prior"), before, atol=0.3)  # what was under the pointer went with it


def test_a_trackpad_scrolls_by_its_way_and_pinches(screen: Screen) -> None:
    page = screen.page
    page.mouse.move(*screen.at("prior", 0.5, 0.5))
    before = screen.slice("prior")
    for _ in range(9):
        page.mouse.wheel(0, 10)  # 90 px: two slices of 40
    screen.settle()
    assert screen.slice("prior") - before == -2
    zoom = screen.says("prior", "zoom")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -50)
    page.keyboard.up("Control")
    screen.settle()
    assert screen.says("prior", "zoom") != zoom


def test_one_finger_scrolls_and_two_zoom(screen: Screen) -> None:
    page = screen.page
    x, y = screen.at("prior", 0.5, 0.5)

    def touch(kind: str, number: int, dx: float, dy: float) -> None:
        page.evaluate(TOUCH, [kind, number, x + dx, y + dy])

    page.evaluate("() => { Element.prototype.setPointerCapture = () => {}; }")  # made-up pointers cannot be captured
    before, zoom = screen.slice("prior"), screen.says("prior", "zoom")
    touch("pointerdown", 1, 0, 0)
    for step in range(1, 7):
        touch("pointermove", 1, 0, -10 * step)
    touch("pointerup", 1, 0, -60)
    screen.settle()
    assert abs(screen.slice("prior") - before) >= 3
    touch("pointerdown", 1, -40, 0)
    touch("pointerdown", 2, 40, 0)
    for step in range(1, 6):
        touch("pointermove", 1, -40 - 8 * step, 0)
        touch("pointermove", 2, 40 + 8 * step, 0)
    touch("pointerup", 1, -80, 0)
    touch("pointerup", 2, 80, 0)
    screen.settle()
    assert screen.says("prior", "zoom") != zoom


def test_keys_rest_while_somebody_types(screen: Screen) -> None:
    screen.page.evaluate(
        "() => { const box = document.createElement('input'); document.body.append(box); box.focus(); }"
    )
    before = screen.says("prior", "window")
    screen.page.keyboard.type("1n8")
    screen.settle()
    assert screen.says("prior", "window") == before
    assert screen.says("prior", "position").startswith("z")
