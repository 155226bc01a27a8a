"""Every key and tool of the viewer, by mouse, by keyboard and by touch; each test walks through a room once opened."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.db import transaction
from playwright.sync_api import expect

from inference.candidates import Candidate as Proposed
from nodules_app.models import User
from nodules_app.services.pipeline.proposing import keep as keep_proposals
from tests.browser.conftest import Visit
from tests.browser.viewing import DIAMETER_MM, PLACES, Pair, Screen, opened, pair

WATCH = """() => {
    window.heard = [];
    for (const name of ["viewer:point", "viewer:stroke", "viewer:measure"]) {  // heard here instead of by the panel
        document.addEventListener(name, (event) => {
            window.heard.push([name, event.detail]);
            event.stopImmediatePropagation();
        }, { capture: true });
    }
}"""
TOUCH = """([kind, id, x, y]) => document.elementFromPoint(x, y).dispatchEvent(new PointerEvent(kind,
    { pointerId: id, pointerType: "touch", isPrimary: id === 1, clientX: x, clientY: y, bubbles: true }))"""
PROPOSED = ((-30.0, -20.0, 2.0), (25.0, -25.0, 12.0))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def shown(transactional_db: None) -> Pair:
    return pair()


@pytest.fixture
def screen(visit: Visit, reader: User, shown: Pair) -> Screen:
    return watched(visit, reader, shown)


def watched(visit: Visit, reader: User, shown: Pair) -> Screen:
    opening = opened(visit(as_=reader), shown.patient)
    opening.page.evaluate(WATCH)
    opening.page.locator(f"{opening.pane('prior')} .canvas").focus()
    opening.settle()
    return opening


def heard(screen: Screen, name: str) -> list[dict[str, object]]:
    """What the viewer told the page since this was asked last."""
    told = json.loads(screen.page.evaluate("() => JSON.stringify(window.heard)"))
    screen.page.evaluate("() => { window.heard = []; }")
    return [detail for kind, detail in told if kind == name]


def pressed(screen: Screen, key: str) -> bool:
    return screen.page.locator(f'.room-tools [data-key="{key}"]').first.get_attribute("aria-pressed") == "true"


def picture(screen: Screen, role: str = "prior") -> int:
    """A number that stands for every pixel of a large view."""
    script = """(role) => {
        const canvas = document.querySelector(`.pane[data-when="${role}"] canvas[data-main]`);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let sum = 0;
        for (let k = 0; k < data.length; k += 1) sum = (31 * sum + data[k]) | 0;
        return sum;
    }"""
    return int(screen.page.evaluate(script, role))


def said(screen: Screen) -> str:
    return screen.page.locator("#room-said").text_content() or ""


def becomes_another(screen: Screen, before: int) -> bool:
    """Wait until the image is another one: it is drawn when the browser comes to it."""
    for _ in range(40):
        if picture(screen) != before:
            return True
        screen.page.wait_for_timeout(50)
    return False


# Every key of the sheet, and what is to be seen after it was pressed: text of a caption, or another picture.
WINDOWS = {"1": "W 400 L 40", "2": "W 1500 L −600", "3": "W 150 L 30", "4": "W 2500 L 480", "5": "W 80 L 40"}
SAYS = {
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
TOOLS = ("w", "z", "j", "d", "b", "E", "a", "k", "K")
MOVES = {"ArrowDown": -1, "ArrowUp": 1, "PageDown": -10, "PageUp": 10}
OTHERS = {
    "7", "Home", "End", "ArrowLeft", "ArrowRight", "n", "p", ".", ",", "S", "y", "{", "}", "Enter", "Backspace",
    "Delete", "+", "-", "=", "c", "0", "F", "Space", "Esc", "?", "Alt+↑↓←→",
}  # fmt: skip
OF_THE_PANEL = {"f", "g", "e", "Ctrl+Z", "Ctrl+Y"}  # tried where whole readings are


def test_keys_that_change_what_the_image_says(screen: Screen) -> None:
    screen.press("?")
    caps = set(screen.page.locator("#key-list kbd").all_text_contents())
    signs = {"ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→"}
    tested = {*WINDOWS, *SAYS, *TOGGLES, *TOOLS, *MOVES, *OTHERS, *OF_THE_PANEL}
    assert caps == {re.sub(r"Arrow\w+", lambda found: signs[found[0]], key) for key in tested}
    words = screen.page.locator("#key-list dd").all_text_contents()
    assert all(words)
    assert "undefined" not in words
    screen.press("?", "Space")
    at_first = picture(screen)
    for key, told in WINDOWS.items():
        screen.press(key)
        assert screen.says("prior", "window") == screen.says("current", "window") == told
    for key, (what, told) in SAYS.items():
        screen.press("Space", key)
        # Flicker takes turns, so that its words come and go: they are waited for.
        expect(screen.page.locator(f'{screen.pane("prior")} [data-say="{what}"]')).to_have_text(re.compile(told))
        assert becomes_another(screen, at_first), key
        if key == "q":
            screen.press("q")
        if key in "[]":
            screen.press("]" if key == "[" else "[")
    screen.press("Space", "8", "7")
    assert screen.says("prior", "position").startswith("z ")
    screen.press("1", "8", "m", "i", "h", "r", "+", "Space")
    assert screen.says("prior", "window") == "W 1500 L −600"
    assert screen.says("prior", "slab") == screen.says("prior", "turned") == ""
    assert picture(screen) == at_first


def test_keys_that_go_somewhere(visit: Visit, reader: User, shown: Pair) -> None:
    current = shown.comparison.current
    there = shown.found.current_from_prior(np.asarray(PROPOSED))
    found = [
        Proposed(tuple(at), 6.0, 700.0, 0.8, "same", there_lps_mm=prior, there_diameter_mm=6.0)
        for at, prior in zip(there.tolist(), PROPOSED, strict=True)
    ]
    with transaction.atomic():
        keep_proposals(patient=shown.patient, comparison=shown.comparison, found=[(current, one) for one in found])
    screen = watched(visit, reader, shown)

    def at(place: tuple[float, float, float]) -> bool:
        return bool(np.linalg.norm(screen.lps("prior") - place) < 1.1)

    for key, place in ((".", 0), (".", 1), (".", 0), (",", 1), (",", 0)):
        screen.press(key)
        assert at(PROPOSED[place]), (key, place)
    screen.press("n")
    assert at(PROPOSED[1])  # n stops at nodules and proposals alike
    screen.press("n")
    assert at(PLACES[0])
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
    screen.press("c")
    expect(screen.page.locator(f'{screen.pane("prior")} [data-say="slice"]')).not_to_have_text(re.compile(r" 1 /"))
    screen.press("Escape")
    after = screen.slice("prior")
    screen.page.wait_for_timeout(200)
    assert screen.slice("prior") == after


def test_keys_that_switch_something(screen: Screen) -> None:
    for key, at_first in TOGGLES.items():
        before = picture(screen)
        assert pressed(screen, key) is at_first
        screen.press(key)
        assert pressed(screen, key) is not at_first
        if key != "s":
            assert becomes_another(screen, before)
    before = screen.slice("current")
    screen.press("PageUp")
    assert screen.slice("current") == before  # linked scrolling is off
    assert screen.page.locator("#room-sync").text_content() == "OFF"
    screen.press("S", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
    assert "MANUAL" in (screen.page.locator("#room-sync").text_content() or "")
    assert screen.slice("current") - before == -5  # 8 mm of slices 1.6 mm apart, from the head down
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
    for key in TOOLS:
        screen.press(key)
        assert pressed(screen, key.lower() if key == "K" else key)
    box = "() => { const box = document.createElement('input'); document.body.append(box); box.focus(); }"
    screen.page.evaluate(box)
    before_typing = screen.says("prior", "window")
    screen.page.keyboard.type("1n8")  # keys rest while somebody types
    screen.settle()
    assert screen.says("prior", "window") == before_typing
    assert screen.says("prior", "position").startswith("z")


def test_prior_against_current_and_slabs(screen: Screen) -> None:
    screen.press("t")
    words = screen.page.locator(f'{screen.pane("prior")} [data-say="slab"]')
    for told in ("CURRENT carried onto the prior", "", "CURRENT carried onto the prior"):
        expect(words).to_have_text(told)
    screen.press("t", "n", "p", "x", "o", "u")
    screen.page.mouse.move(2, 2)
    screen.settle()
    # Both scans show the same ball there: carried onto each other they leave the grey of no change.
    assert abs(screen.grey("prior", 0.5, 0.5) - 127) < 12
    screen.press("u")
    assert screen.says("prior", "slab") == ""
    for _ in range(3):  # 7 mm off the middle of a ball of 10 mm: the slice itself shows lung
        screen.press("ArrowUp")
    lung = screen.grey("prior", 0.5, 0.5)
    screen.press("m")
    most = screen.grey("prior", 0.5, 0.5)
    screen.press("m")
    mean = screen.grey("prior", 0.5, 0.5)
    assert lung + 40 < most
    assert mean < most - 20
    screen.press("d")
    screen.page.mouse.click(*screen.at("prior", 0.4, 0.4))
    screen.page.mouse.click(*screen.at("prior", 0.6, 0.6))
    assert heard(screen, "viewer:measure") == []
    assert "Nothing is measured on a slab" in said(screen)
    expect(screen.page.locator("#room-said")).to_be_in_viewport()
    assert screen.page.locator("#room-said").evaluate("(one) => one.clientHeight") > 10  # said to eyes as well


def test_measures_by_mouse_and_by_keyboard(screen: Screen) -> None:
    screen.press("n", "p", "d")
    x, y = screen.at("prior", 0.5, 0.5)
    mm = 0.7 / float(re.search(r"zoom ([\d.]+)", screen.says("prior", "zoom"))[1])
    clean = picture(screen)
    screen.page.mouse.move(x - 60, y)
    screen.page.mouse.down()
    screen.page.mouse.move(x + 60, y, steps=4)
    screen.page.mouse.up()
    screen.settle()
    (ruler,) = heard(screen, "viewer:measure")
    assert ruler["kind"] == "ruler"
    assert ruler["lengths_mm"][0] == pytest.approx(120 * mm, rel=0.03)
    a, b = np.asarray(ruler["points_lps_mm"])
    assert np.linalg.norm(a - b) == pytest.approx(ruler["lengths_mm"][0])
    assert becomes_another(screen, clean)
    screen.press("Backspace")
    assert picture(screen) == clean
    screen.press("b")
    for dx, dy in ((0, -20), (0, 20), (-50, 0), (50, 0)):
        screen.page.mouse.click(x + dx, y + dy)
    (axes,) = heard(screen, "viewer:measure")
    long_mm, short_mm = axes["lengths_mm"]
    assert long_mm == pytest.approx(2.5 * short_mm, rel=0.01)
    screen.press("E")
    half = 0.3 * DIAMETER_MM / mm
    screen.page.mouse.click(x - half, y - half)
    screen.page.mouse.click(x + half, y + half)
    (ellipse,) = heard(screen, "viewer:measure")
    assert (ellipse["hu"]["mean"], ellipse["hu"]["sd"]) == (30, 0)
    assert ellipse["hu"]["voxels"] == pytest.approx(np.pi * (0.3 * DIAMETER_MM / 0.7) ** 2, rel=0.2)
    screen.page.mouse.move(2, 2)
    screen.press("Delete", "Delete")
    assert picture(screen) == clean
    screen.press("n", "p", "d", "Enter", "Alt+ArrowRight", "Alt+ArrowRight", "Alt+Shift+ArrowRight", "Enter")
    (told,) = heard(screen, "viewer:measure")
    assert told["lengths_mm"][0] == pytest.approx(12 * 0.7, abs=0.01)


def test_points_strokes_and_places_are_told(screen: Screen, shown: Pair) -> None:
    for press in ("mouse", "key"):
        screen.press("n", "p", "a")
        if press == "mouse":
            screen.page.mouse.click(*screen.at("prior", 0.5, 0.5))
        else:
            screen.press("Enter")
        (point,) = heard(screen, "viewer:point")
        assert point["scan"] == str(shown.comparison.prior.code)
        assert np.linalg.norm(np.asarray(point["lps_mm"]) - PLACES[0]) < 1.5
        assert pressed(screen, "w")  # one press, one nodule
    finding = shown.patient.nodules.get(number=1).findings.get(scan=shown.comparison.prior)
    screen.press("k", "}")
    bar = screen.page.locator("[data-brush-bar]")
    for kind in ("add", "erase", "threshold"):
        expect(bar.locator(f"[data-brush={kind}]")).to_have_attribute("aria-pressed", "true")
        if kind == "threshold":
            bar.locator("[name=low_hu]").fill("−450")
            bar.locator("[name=low_hu]").press("Tab")
        without = picture(screen)
        screen.page.mouse.click(*screen.at("prior", 0.5, 0.5))
        stroke = heard(screen, "viewer:stroke")[0]
        assert (stroke["finding"], stroke["kind"], stroke["radius_mm"]) == (str(finding.code), kind, 5.0)
        assert becomes_another(screen, without)  # shown as it comes
        screen.page.locator(f"{screen.pane('prior')} .canvas").focus()
        screen.press("K")
    assert stroke["low_hu"] == -450
    detail = {"scan": str(shown.comparison.current.code), "lps_mm": [5.0, 5.0, -8.0]}
    screen.page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('viewer:show', { detail }))", detail)
    screen.page.mouse.move(2, 2)
    screen.settle()
    assert np.linalg.norm(screen.lps("current") - [5.0, 5.0, -8.0]) < 0.2
    assert np.linalg.norm(screen.lps("prior") - shown.found.prior_from_current([5.0, 5.0, -8.0])) < 1.0


def test_mouse_and_trackpad(screen: Screen) -> None:
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
    under = screen.lps("prior")
    page.mouse.down(button="middle")
    page.mouse.move(*screen.at("prior", 0.6, 0.5), steps=5)
    page.mouse.up(button="middle")
    screen.settle()
    assert np.allclose(screen.lps("prior"), under, atol=0.3)  # what was under the pointer went with it
    slice_before = screen.slice("prior")
    for _ in range(9):
        page.mouse.wheel(0, 10)  # 90 px: two slices of 40
    screen.settle()
    assert screen.slice("prior") - slice_before == -2
    zoom = screen.says("prior", "zoom")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -50)
    page.keyboard.up("Control")
    screen.settle()
    assert screen.says("prior", "zoom") != zoom


def test_fingers(screen: Screen) -> None:
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
    screen.press("d")  # two fingers zoom whatever the tool is, and leave no half a ruler behind
    touch("pointerdown", 1, -40, 0)
    touch("pointerdown", 2, 40, 0)
    for step in range(1, 6):
        touch("pointermove", 1, -40 - 8 * step, 0)
        touch("pointermove", 2, 40 + 8 * step, 0)
    touch("pointerup", 1, -80, 0)
    touch("pointerup", 2, 80, 0)
    screen.settle()
    assert screen.says("prior", "zoom") != zoom
    assert heard(screen, "viewer:measure") == []
    screen.press("n", "p", "a")
    touch("pointerdown", 1, 0, 0)
    touch("pointerup", 1, 0, 0)
    (point,) = heard(screen, "viewer:point")
    assert np.linalg.norm(np.asarray(point["lps_mm"]) - PLACES[0]) < 1.5
    screen.press("k")
    touch("pointerdown", 1, 0, 0)
    touch("pointerup", 1, 0, 0)
    assert len(heard(screen, "viewer:stroke")) == 1
