"""A whole reading in a real browser: by the keyboard alone, with the viewer's words, and without any script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from nodules_app.lifecycles import NoduleState, ReadingState
from nodules_app.models import Clinic, Comparison, Patient, Reading, User
from nodules_app.services import growths, readings
from tests import factories
from tests.browser.conftest import Visit, Visitor
from tests.browser.looking import SCREENS, faults
from tests.clinic import member

AT = (0.0, 0.0, 0.0)
ELSEWHERE = (-20.0, 10.0, 10.0)
METHOD = {"method": "star-35", "version": "star-pv 2"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def patient(transactional_db: None) -> Patient:
    """One nodule on both exams, and a ball on the current one that nobody has marked."""
    of = factories.patient()
    prior, current = factories.scan(of, factories.PRIOR_ON), factories.scan(of)
    factories.keep_volume(prior, [(AT, 9.0)], seed=1)
    factories.keep_volume(current, [(AT, 10.0), (ELSEWHERE, 7.0)], seed=2)
    pair = factories.comparison(prior, current)
    nodule = factories.nodule(of)
    found = [factories.finding(nodule, scan, AT) for scan in (prior, current)]
    for at, volume_mm3 in zip(found, (380.0, 520.0), strict=True):
        factories.measurement(at, volume_mm3, **METHOD)
    graded = growths.grade_of(pair)
    assert graded
    growths.store_growth(factories.match(pair, found[0], found[1]), pair, graded)
    readings.exam_came(current)
    return of


def opened(visitor: Visitor, of: Patient) -> Page:
    page = visitor.see(f"/patients/{of.code}/reading")
    page.wait_for_selector("[data-reading-panel]")
    return page


def reach(page: Page, name: str, *, most: int = 80) -> None:
    """Go on by the tabulator until something of this name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if name in (page.evaluate("document.activeElement.innerText || document.activeElement.value || ''") or ""):
            return
    raise AssertionError(f"the keyboard does not reach {name}")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_panel_and_list_are_accessible_and_keep_the_policy(
    visit: Visit, reader: User, patient: Patient, language: str, screen: str
) -> None:
    visitor = visit(language=language, viewport=SCREENS[screen], as_=reader)
    visitor.see("/reading")
    assert faults(visitor) == []
    opened(visitor, patient)
    visitor.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert faults(visitor) == []


def test_a_reading_from_the_list_to_the_signature_by_keyboard_alone(
    visit: Visit, reader: User, patient: Patient
) -> None:
    visitor = visit(as_=reader)
    page = opened(visitor, patient)
    reach(page, "Begin reading")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Draft", exact=True)).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_text("1 of 1 reviewed")).to_be_visible()
    page.keyboard.press("g")
    expect(page.locator("[data-nodule=N1][data-state=not_a_nodule]")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator("[data-nodule=N1][data-state=active]")).to_be_visible()
    reach(page, "Sign the reading")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 1 signed by")).to_be_visible()
    assert Reading.objects.get().state == ReadingState.SIGNED
    page.keyboard.press("e")
    page.wait_for_url("**/reading")
    expect(page.get_by_text("Nothing waits to be read that nobody is at.")).to_be_visible()
    assert visitor.complaints == []


def test_a_whole_read_at_the_slices_by_keyboard_alone_as_a_screen_reader_tells_it(
    visit: Visit, reader: User, patient: Patient
) -> None:
    visitor = visit(as_=reader)
    page = visitor.see("/reading")
    page.keyboard.press("e")  # the next case
    page.wait_for_selector("[data-room][data-complete-ms]")
    for role, name in (("navigation", "Nodules"), ("toolbar", "Viewer tools"), ("complementary", "What is said")):
        expect(page.get_by_role(role, name=name)).to_be_visible()  # type: ignore[arg-type]
    for which in ("Prior", "Current"):
        expect(page.get_by_role("application", name=f"Slices of the scan: {which}")).to_be_visible()
    reach(page, "Begin reading")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Draft", exact=True)).to_be_visible()
    told = page.locator("#room-said")
    page.keyboard.press("n")
    expect(told).to_contain_text("N1 · ")
    far, back = "Alt+Shift+ArrowRight", "Alt+ArrowUp"
    for key in ("b", "Enter", far, "Enter", "Alt+ArrowDown", "Enter", "Alt+Shift+ArrowDown", back, "Enter"):
        page.keyboard.press(key)
    expect(told).to_contain_text("7.0 × 6.3 mm")
    # The two axes wait in the form of the nodule that is open, its button under the finger.
    assert page.evaluate("document.activeElement.innerText") == "Measure by these axes"
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name=re.compile("Long × short.*7.0 × 6.3"))).to_be_visible()
    log = page.get_by_role("region", name="Corrections")
    for what in ("N1 current", "N1 comparison"):
        expect(log).to_contain_text(what)
    expect(page.locator("[data-said]")).to_contain_text("followed through")
    page.keyboard.press("Control+z")
    expect(log).to_contain_text("undone")
    page.keyboard.press("f")
    expect(page.get_by_text("1 of 1 reviewed")).to_be_visible()
    reach(page, "Sign the reading")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 1 signed by")).to_be_visible()
    page.keyboard.press("e")
    page.wait_for_url("**/reading")
    assert visitor.complaints == []


def test_two_readers_read_apart_and_agree_before_the_signature(visit: Visit, reader: User, patient: Patient) -> None:
    Clinic.objects.update(readers_needed=2)
    colleague = member()
    first = opened(visit(as_=reader), patient)
    begin = first.get_by_role("button", name="Begin reading")
    begin.click()
    expect(begin).to_have_count(0)  # the panel came anew; what one typed before would be gone
    first.get_by_text("Change the current measurement").click()
    current = first.locator("details[data-finding]").last
    current.get_by_label("Long axis, mm").fill("13.0")
    current.get_by_label("Short axis, mm").fill("12.0")
    current.get_by_role("button", name="Measure by these axes").click()
    expect(first.get_by_role("row", name=re.compile("13.0 × 12.0"))).to_be_visible()
    second = opened(visit(as_=colleague), patient)
    own = second.get_by_role("region", name="Your own read")
    expect(own).to_be_visible()
    expect(second.get_by_text("13.0")).to_have_count(0)  # what the first one made of it would lead the second
    expect(second.get_by_role("region", name="Corrections")).to_have_count(0)
    own.get_by_label("Mean diameter, mm").fill("9.5")
    own.get_by_label("Attenuation").select_option("solid")
    own.get_by_role("button", name="Record my read").click()
    expect(second.get_by_text("a second reader is awaited")).to_be_visible()
    first.get_by_role("button", name="Read to the end, without a signature").click()
    expect(first.get_by_role("row", name=re.compile("N1, mean diameter.*9.5 mm.*12.5 mm"))).to_be_visible()
    second.reload()
    expect(second.get_by_role("row", name=re.compile("N1, mean diameter.*9.5 mm.*12.5 mm"))).to_be_visible()
    second.get_by_label("How the readers came to agree").fill("Measured again together: 12.5 mm.")
    second.get_by_role("button", name="Sign the reading").click()
    expect(second.get_by_text("Version 1 signed by")).to_be_visible()
    signed = Reading.objects.get(state=ReadingState.SIGNED)
    assert signed.content is not None
    assert signed.signed_by == colleague
    assert signed.content["consensus"] == "Measured again together: 12.5 mm."
    assert {one["by"] for one in signed.content["reads"]} == {reader.username, colleague.username}


def test_a_click_of_the_viewer_adds_a_measured_nodule_that_undo_takes_back(
    visit: Visit, reader: User, patient: Patient
) -> None:
    page = opened(visit(as_=reader), patient)
    scan = Comparison.objects.get().current.code
    tell(page, "viewer:point", {"scan": str(scan), "lps_mm": ELSEWHERE})
    expect(page.locator("[data-nodule=N2]")).to_be_visible()
    page.locator("[data-nodule=N2] summary").first.click()
    page.locator("[data-undo]").click()
    expect(page.locator("[data-nodule=N2]")).to_have_count(0)
    assert patient.nodules.get(number=2).state == NoduleState.TAKEN_BACK


def test_a_stroke_of_the_viewer_edits_the_outline_and_says_so(visit: Visit, reader: User, patient: Patient) -> None:
    page = opened(visit(as_=reader), patient)
    page.evaluate("document.addEventListener('viewer:outlines-changed', (e) => { window.told = e.detail.finding; })")
    scan = Comparison.objects.get().current
    finding = scan.findings.get()
    brush = {"kind": "add", "centre_lps_mm": (5.0, 0.0, 0.0), "radius_mm": 3.0, "low_hu": -400, "high_hu": 300}
    tell(page, "viewer:stroke", {"scan": str(scan.code), "finding": str(finding.code), **brush})
    expect(page.get_by_text("Outline edited · N1")).to_be_visible()
    expect(page.get_by_text("outline by Reader")).to_be_visible()
    assert page.evaluate("window.told") == str(finding.code)
    for key, standing in (("Control+z", 0), ("Control+y", 1), ("Control+z", 0)):
        page.keyboard.press(key)
        expect(page.get_by_text("outline by Reader")).to_have_count(standing)
    page.get_by_text("Change the current measurement").click()
    page.get_by_role("button", name="… from the next press on the slice").last.click()
    tell(page, "viewer:point", {"scan": str(scan.code), "lps_mm": (1.0, 1.0, 0.0)})
    expect(page.get_by_text("Outline made anew from another point · N1")).to_be_visible()
    assert patient.nodules.count() == 1


def test_two_axes_of_the_viewer_wait_in_the_form_for_a_yes(visit: Visit, reader: User, patient: Patient) -> None:
    page = opened(visit(as_=reader), patient)
    scan = Comparison.objects.get().current.code
    tell(page, "viewer:measure", {"scan": str(scan), "kind": "bidirectional", "lengths_mm": [9.14, 12.26]})
    assert page.evaluate("document.activeElement.type") == "submit"
    page.keyboard.press("Enter")
    expect(page.get_by_text("12.3 × 9.1")).to_be_visible()
    expect(page.get_by_text("Present, size not compared").first).to_be_visible()


def test_opening_a_nodule_takes_the_viewer_there(visit: Visit, reader: User, patient: Patient) -> None:
    page = opened(visit(as_=reader), patient)
    page.evaluate("document.addEventListener('viewer:show', (e) => { window.shown = e.detail; })")
    summary = page.locator("[data-nodule=N1] > summary")
    summary.click()
    summary.click()
    page.wait_for_timeout(
        200
    )  # the event is dispatched by the click; a function to wait for would be eval to the policy
    assert page.evaluate("window.shown.lps_mm") == list(AT)


def test_without_scripts_every_act_answers_with_the_page(visit: Visit, reader: User, patient: Patient) -> None:
    page = opened(visit(java_script_enabled=False, as_=reader), patient)
    page.get_by_role("button", name="Begin reading").click()
    page.get_by_role("button", name="Not a nodule").first.click()
    expect(page.get_by_text("Called no nodule").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Sign the reading").click()
    expect(page.get_by_text("Version 1 signed by")).to_be_visible()


def tell(page: Page, event: str, detail: dict[str, object]) -> None:
    page.evaluate("([name, detail]) => document.dispatchEvent(new CustomEvent(name, { detail }))", [event, detail])
