"""Components and the small drawings in them: what they say, and the laws their positions obey."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import plotly.offline
import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.models import ComparisonWord
from nodules_app.templatetags import drawings, icons, imports, quantities, refusals, words

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
DAY = date(2026, 11, 18)

mm = st.floats(0.1, 40)
days = st.floats(20, 5000)


def drawn(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


# Icons and words


def test_every_icon_that_a_template_names_is_drawn() -> None:
    named = {name for path in TEMPLATES for name in re.findall(r'{% icon "([\w-]+)" %}', path.read_text())}
    assert named
    assert named <= icons.drawings().keys()


def test_an_icon_that_nobody_drew_is_a_fault() -> None:
    with pytest.raises(KeyError):
        icons.icon("unheard-of")


@pytest.mark.parametrize("word", ComparisonWord.values)
def test_every_comparison_word_has_its_sign_and_the_model_s_label(word: str) -> None:
    sign = words.COMPARISON[word]
    assert sign.icon in icons.drawings()
    assert str(sign.label) == str(ComparisonWord(word).label)
    assert f'data-word="{word}"' in render_to_string("components/change.html", {"word": word})


def test_no_two_comparison_words_share_a_sign() -> None:
    signs = [sign.icon for sign in words.COMPARISON.values()]
    assert len(set(signs)) == len(signs)


def test_a_comment_stands_on_one_line_or_it_would_be_printed() -> None:
    for path in TEMPLATES:
        for line in path.read_text().splitlines():
            assert line.count("{#") == line.count("#}"), f"{path.name}: {line}"


def test_every_component_opens_by_saying_what_it_is() -> None:
    for path in (ROOT / "templates" / "components").glob("*.html"):
        assert re.match(r"(?:{% load [\w ]+ %}\n)?{# ", path.read_text()), path.name


# Drawings


@given(mm, mm)
def test_a_larger_nodule_never_has_the_smaller_glyph(one_mm: float, other_mm: float) -> None:
    small, large = sorted((one_mm, other_mm))
    assert 0 < drawings.glyph_radius(small) <= drawings.glyph_radius(large) <= 12


@pytest.mark.parametrize("attenuation", ["solid", "part_solid", "ground_glass"])
def test_density_is_drawn_as_texture(attenuation: str) -> None:
    classes = {"solid": ["solid"], "part_solid": ["rim", "solid"], "ground_glass": ["haze", "haze"]}
    page = drawn("{% load drawings %}{% glyph a 8 6 %}", a=attenuation)
    assert re.findall(r'class="(\w+)" cx', page) == [*classes[attenuation], "was"]


def test_a_position_is_never_written_with_a_decimal_comma() -> None:
    with translation.override("de"):
        assert re.findall(r' r="([^"]+)"', drawn("{% load drawings %}{% glyph 'solid' 7.3 %}")) == ["6.2"]


@given(value=days, spread=st.floats(1.01, 5), limits=st.tuples(days, days))
def test_a_meter_keeps_everything_in_order_and_inside(value: float, spread: float, limits: tuple[float, float]) -> None:
    first, second = sorted(limits)
    made = drawings.meter(
        name="VDT",
        label="433 d",
        value=value,
        interval_95=(value / spread, value * spread),
        thresholds=[(first, "400 d"), (second, "600 d")],
        zones=[("c", "work-up"), ("b", "biopsy or CT"), ("a", "discharge")],
        logarithmic=True,
    )
    assert 0 <= made.low <= made.value <= made.high <= drawings.METER_WIDTH_PX
    assert sum(zone.width for zone in made.zones) == pytest.approx(drawings.METER_WIDTH_PX, abs=0.2)
    for threshold, (x, _) in zip((first, second), made.ticks, strict=True):
        assert (value <= threshold) == (made.value <= x) or made.value == pytest.approx(x, abs=0.1)


def test_an_interval_without_end_runs_to_the_edge_and_has_no_cap() -> None:
    made = drawings.meter(
        name="VDT", label="900 d", value=900, interval_95=(400, None), thresholds=[(600, "600 d")],
        zones=[("c", "work-up"), ("a", "discharge")], logarithmic=True,
    )  # fmt: skip
    assert made.high == drawings.METER_WIDTH_PX
    assert render_to_string("components/meter.html", {"meter": made}).count("28v10") == 1


def test_a_meter_with_a_zone_too_few_is_a_fault() -> None:
    with pytest.raises(ValueError, match="2 thresholds make 3 zones"):
        drawings.meter(name="", label="", value=1, interval_95=(1, 2), thresholds=[(1, ""), (2, "")], zones=[("a", "")])


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=4))
def test_shares_fill_the_bar_most_likely_first(weights: list[float]) -> None:
    total = sum(weights)
    laid = drawings.shares([(weight / total, "x") for weight in weights])
    assert sum(branch.width for branch in laid) == pytest.approx(100, abs=0.5)
    assert [branch.width for branch in laid] == sorted((branch.width for branch in laid), reverse=True)


@pytest.mark.parametrize(
    ("probability", "said"), [(0.55, "55 %"), (0.004, "<1 %"), (0.996, ">99 %"), (1.0, "100 %"), (0.0, "0 %")]
)
def test_a_doubt_is_never_said_to_be_none(probability: float, said: str) -> None:
    assert drawings.percent(probability) == said


# Quantities


@pytest.mark.parametrize(("language", "written"), [("en", "18-Nov-2026"), ("zh-hans", "2026-11-18")])
def test_a_day_cannot_be_misread(language: str, written: str) -> None:
    with translation.override(language):
        assert quantities.day(DAY) == f'<time datetime="2026-11-18">{written}</time>'


@pytest.mark.parametrize(
    ("late_by", "english", "chinese"),
    [
        (26, "26 days late", "逾期 26 天"),
        (1, "1 day late", "逾期 1 天"),
        (0, "today", "今日"),
        (-9, "in 9 days", "还有 9 天"),
    ],
)
def test_lateness_is_said_in_days(late_by: int, english: str, chinese: str) -> None:
    assert quantities.lateness(DAY - timedelta(days=late_by), DAY) == english
    with translation.override("zh-hans"):
        assert quantities.lateness(DAY - timedelta(days=late_by), DAY) == chinese


@pytest.mark.parametrize(("ratio", "said"), [(1.36, "+36 %"), (0.7, "−30 %"), (1.001, "0 %"), (None, "–")])
def test_change_has_a_true_minus_sign(ratio: float | None, said: str) -> None:
    assert quantities.signed_percent(ratio) == said


class Grown:
    """A growth row, as far as its words need it."""

    def __init__(self, ratio: float, vdt: float | None, low: float | None, high: float | None, sure: bool) -> None:
        self.volume_ratio, self.significant = ratio, sure
        self.vdt_days, self.vdt_low_days, self.vdt_high_days = vdt, low, high


@pytest.mark.parametrize(
    ("growth", "said"),
    [
        (Grown(1.36, 413, 228, 2220, sure=True), "413 d (228–2220)"),
        (Grown(1.1, 1300, 400, None, sure=False), "1300 d (400 – unbounded)"),
        (Grown(0.7, None, None, None, sure=True), "shrinking"),
        (Grown(0.98, None, None, None, sure=False), "no doubling seen"),
    ],
)
def test_a_doubling_time_is_never_negative_or_infinite(growth: Grown, said: str) -> None:
    assert quantities.vdt_words(growth) == said


def test_a_measure_shows_the_half_width_of_its_95_percent_interval() -> None:
    page = render_to_string(
        "components/measure.html", {"name": "Volume", "value": 541.2, "standard_deviation": 50, "unit": "mm³"}
    )
    assert 'value="541.2"' in page
    assert "541 <abbr" in page
    assert "± 98" in page


def test_a_moment_of_today_needs_no_day() -> None:
    now = datetime.now(UTC)
    assert quantities.moment_text(now) == now.strftime("%H:%M")
    assert quantities.moment_text(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "02-Jan-2026 03:04"


# Refusals and names


REFUSAL = {
    "code": "upload_too_large",
    "sentence": "The files are 3 MB together; this clinic takes 1 MB at once.",
    "template": "The files are {sent_mb} MB together; this clinic takes {limit_mb} MB at once.",
    "remedy": "",
    "facts": {"sent_mb": 3, "limit_mb": 1},
}


def test_a_refusal_is_said_in_the_reader_s_language_with_its_facts() -> None:
    assert refusals.refusal_sentence(REFUSAL) == REFUSAL["sentence"]
    with translation.override("zh-hans"):
        assert refusals.refusal_sentence(REFUSAL) == "文件共 3 MB；本门诊一次最多接收 1 MB。"


def test_a_refusal_whose_facts_were_lost_keeps_its_english_words() -> None:
    with translation.override("zh-hans"):
        assert refusals.refusal_sentence(REFUSAL | {"facts": {}}) == REFUSAL["sentence"]


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("Demo^Patient", "Demo, Patient", "Demo, Patient"),
        ("Wang^XiaoDong=王^小东", "Wang, XiaoDong", "王小东"),
        ("=王^小东", "王, 小东", "王小东"),
        ("Demo Patient 0042", "Demo Patient 0042", "Demo Patient 0042"),
        ("", "", ""),
    ],
)
def test_a_dicom_name_is_written_for_people(name: str, english: str, chinese: str) -> None:
    assert imports.person_name(name) == english
    with translation.override("zh-hans"):
        assert imports.person_name(name) == chinese


# Panels with a body, and the vendored chart program


def test_a_panel_carries_its_body_and_escapes_its_title() -> None:
    page = drawn('{% load components %}{% panel title=t id="x" %}<p>in it</p>{% endpanel %}', t="<b>")
    assert "<p>in it</p>" in page
    assert '<h2 id="x-title">&lt;b&gt;</h2>' in page
    assert 'aria-labelledby="x-title"' in page


def test_the_next_step_is_the_heading_of_its_page() -> None:
    page = drawn('{% load components %}{% next_step title="Discuss" %}<a>Act</a>{% endnext_step %}')
    assert page.count("<h1") == 1
    assert "<a>Act</a>" in page


def test_plotly_in_the_browser_is_the_version_that_the_wheel_writes_for() -> None:
    bundle = (ROOT / "static" / "vendor" / "plotly-basic.min.js").read_text(encoding="utf-8")
    assert f"v{plotly.offline.get_plotlyjs_version()}" in bundle[:200]
    assert "MIT License" in (ROOT / "static" / "vendor" / "plotly-basic.LICENSE.txt").read_text()


def test_no_style_sheet_reaches_outside() -> None:
    for path in (ROOT / "static" / "css").glob("*.css"):
        assert not re.search(r"url\(|@import", path.read_text()), path.name


def test_the_facts_of_a_refusal_survive_the_way_through_json() -> None:
    assert refusals.refusal_sentence(json.loads(json.dumps(REFUSAL))) == REFUSAL["sentence"]
