"""What the machine writes: each kind of nodule and step, the same numbers everywhere, plain for patients."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from django.utils import translation

from nodules_app.exchange import documents_plain as plain
from nodules_app.exchange import reports_sentences as sentences
from nodules_app.exchange import reports_words
from nodules_app.exchange.documents_letter import letter
from nodules_app.exchange.documents_readability import reading_age_years
from nodules_app.exchange.documents_templates import DOCTOR, OWN, PATIENT
from nodules_app.models import ComparisonWord, OutcomeKind
from nodules_app.selectors.reports_conference import Conference, Task
from nodules_app.selectors.reports_facts import Guidance, NoduleFacts, Other, SignedFacts, Size, Step
from nodules_app.services.reports_templates import SAMPLE
from nodules_app.templatetags import quantities, words

PLAIN_YEARS = 11
CONTACT = "Do you have questions? Call us: 555 0100."
FACTS = replace(SAMPLE, clinic="Clinic")
SIZE = Size(True, "solid", 541.0, 50.0, 10.1, 0.3, 11.0, 9.3, "star-35")
STEPS = [
    None,
    *(Step(kind, "", date(2027, 5, 18), date(2027, 8, 18)) for kind in ("ct", "workup", "discharge", "review")),
    Step("ct", "", date(2027, 5, 18), date(2027, 8, 18), date(2027, 6, 1)),
]


CONFIRMED_AT = datetime(2026, 11, 26, 15, tzinfo=UTC)


def conference(kind: OutcomeKind, *tasks: Task) -> Conference:
    ct_on = date(2027, 2, 20) if kind == OutcomeKind.CT else None
    told = tasks or (Task("book it", "Doctor C", date(2026, 12, 10), ""),)
    return Conference(date(2026, 11, 26), kind, ct_on, "In words.", "Chair D", CONFIRMED_AT, told, None, "")


def nodule(word: str, label: str = "N1", **facts: Any) -> NoduleFacts:  # noqa: ANN401 any field of it
    return replace(NoduleFacts(label, "active", "RUL", SIZE, SIZE, word), **facts)


def text_of(facts: SignedFacts, kind: str, language: str = "en") -> str:
    with translation.override(language):
        written = letter(facts, OWN[kind, language], contact=CONTACT)
    return "\n\n".join("\n".join(part.shown) for part in written.parts)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind if step else "none")
@pytest.mark.parametrize("several", [False, True])
def test_every_letter_to_a_patient_is_plain(step: Step | None, several: bool) -> None:
    for word in (*ComparisonWord.values, ""):
        seen = (nodule(word), *((nodule("unchanged", "N2"), nodule(word, "N3")) if several else ()))
        text = text_of(replace(FACTS, nodules=seen, step=step), PATIENT)
        age = reading_age_years(text)
        assert age is not None
        assert age <= PLAIN_YEARS, (age, text)
        assert "mm" not in text


@pytest.mark.parametrize("kind", OutcomeKind)
def test_what_a_conference_decided_is_told_plainly_with_who_and_by_when(kind: OutcomeKind) -> None:
    facts = replace(FACTS, conference=conference(kind), step=STEPS[2])
    told = text_of(facts, PATIENT)
    age = reading_age_years(told)
    assert age is not None
    assert age <= PLAIN_YEARS, (age, told)
    assert "26-Nov-2026" in told
    assert "Doctor C will see to this by 10-Dec-2026: book it." in told
    assert "In words." not in told, "the words of the minutes are for doctors"
    colleague = text_of(facts, DOCTOR)
    assert f"The conference of 26-Nov-2026 decided: {kind.label}." in colleague
    assert "In words." in colleague
    assert "book it: Doctor C, by 10-Dec-2026." in colleague
    assert "2026-11-26" in text_of(facts, PATIENT, "zh-hans")
    assert "Chair D" in " ".join(letter(facts, OWN[PATIENT, "en"], contact=CONTACT).made_from)


def test_an_action_that_is_done_is_told_to_the_doctor_alone() -> None:
    done = Task("book it", "Doctor C", date(2026, 12, 10), "Booked.")
    facts = replace(FACTS, conference=conference(OutcomeKind.CT, done))
    assert "book it" not in text_of(facts, PATIENT)
    assert "book it: Doctor C, done: Booked." in text_of(facts, DOCTOR)


def test_a_template_without_a_place_for_the_conference_tells_it_before_the_next_step() -> None:
    own = OWN[PATIENT, "en"]
    old = replace(own, text=own.text.replace("{conference}\n\n", ""))
    facts = replace(FACTS, conference=conference(OutcomeKind.CT))
    shown = [part.shown for part in letter(facts, old, contact=CONTACT).parts]
    assert shown == [part.shown for part in letter(facts, own, contact=CONTACT).parts]
    assert "A team of doctors" not in text_of(FACTS, PATIENT)


def test_a_nodule_that_had_gone_before_the_prior_exam_is_told_no_more() -> None:
    gone = replace(nodule("", "N2"), prior=Size(present=False), current=Size(present=False))
    assert "could not see" not in text_of(replace(FACTS, nodules=(nodule("unchanged"), gone)), PATIENT)
    assert "One pulmonary nodule is followed" in text_of(replace(FACTS, nodules=(nodule("unchanged"), gone)), DOCTOR)


def test_a_letter_says_that_spots_do_no_harm_only_where_nothing_grows_and_no_test_is_due() -> None:
    for word, step in product(("larger-slightly", "larger-markedly", "new"), STEPS):
        assert "no harm" not in text_of(replace(FACTS, nodules=(nodule(word),), step=step), PATIENT)
    workup = Step("workup", "", date(2027, 5, 18), date(2027, 8, 18))
    assert "no harm" not in text_of(replace(FACTS, step=workup), PATIENT)
    assert "no harm" in text_of(FACTS, PATIENT)


def test_a_nodule_that_is_none_is_no_spot() -> None:
    only = replace(FACTS, nodules=(nodule("not-a-nodule", state="not_a_nodule"),))
    with translation.override("en"):
        assert plain.result(only) == "The scan shows no spot in your lungs that we need to watch."
        assert [one.key for one in sentences.findings(only)] == ["none", "N1-none"]


def test_numbers_are_written_as_the_pages_write_them() -> None:
    with translation.override("en"):
        assert reports_words.percent_change(1.362) == quantities.signed_percent(1.362)
        assert reports_words.percent_change(0.7) == quantities.signed_percent(0.7)
        assert reports_words.half_width_95(50.0, "1") == quantities.half_width_95(50.0)
        assert sentences.size_words(SIZE) == "541 ± 98 mm³, mean diameter 10.1 ± 0.6 mm, 11.0 × 9.3 mm"
        for word in ComparisonWord.values:
            assert reports_words.comparison(word) == str(words.comparison_sign(word).label)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"vdt_days": 413, "vdt_low_days": 290, "vdt_high_days": 800}, "413 days (95 % interval 290 to 800)"),
        ({"vdt_days": 413, "vdt_low_days": 290}, "413 days (95 % interval 290 days to unbounded)"),
        (
            {"significant": False, "volume_ratio_low": 0.9, "volume_ratio_high": 1.9},
            "This does not go beyond the error of measurement.",
        ),
        ({"volume_ratio_low": 1.1, "volume_ratio_high": 1.7}, "(95 % interval +10 % to +70 %)"),
    ],
)
def test_growth_is_said_with_its_interval(facts: dict[str, Any], said: str) -> None:
    grown = nodule("larger-slightly", "N1", **{"volume_ratio": 1.36, "significant": True} | facts)
    with translation.override("en"):
        text = "\n".join(one.text for one in sentences.findings(replace(FACTS, nodules=(grown,))))
    assert "Volume +36 % in 183 days" in text
    assert said in text


@pytest.mark.parametrize(
    ("ratio", "low", "high", "said"),
    [
        (1.12, 1.07, 1.17, ["This goes beyond the error of measurement, but stays below the 25 % from which"]),
        (0.9, 0.85, 0.95, ["This goes beyond the error of measurement, but stays below the 25 % from which"]),
        (0.6, 0.5, 0.7, []),
        (1.3, 0.95, 1.7, ["This does not go beyond the error of measurement."]),
        (0.97, 0.86, 1.08, ["This does not go beyond the error of measurement."]),
    ],
)
def test_a_change_that_is_no_growth_is_called_error_only_where_it_may_be(
    ratio: float, low: float, high: float, said: list[str]
) -> None:
    one = nodule("unchanged", "N1", volume_ratio=ratio, volume_ratio_low=low, volume_ratio_high=high, significant=False)
    with translation.override("en"):
        text = "\n".join(told.text for told in sentences.findings(replace(FACTS, nodules=(one,))))
    assert [words in text for words in said] == [True] * len(said)
    assert text.count("error of measurement") == len(said)


@pytest.mark.parametrize(
    ("others", "stated", "said"),
    [
        ((), True, "no other recommendation is likely"),
        ((), False, "is not known"),
        ((Other("no_routine_followup", 0.351),), True, "a probability of 35 %: No routine follow-up imaging."),
        ((Other("no_routine_followup", 0.004),), True, "a probability of less than 1 %"),
        (
            (Other("no_routine_followup", 0.2), Other("bts_ct_3m", 0.1)),
            True,
            "a probability of 30 %: No routine follow-up imaging (20 %); CT at 3 months (10 %).",
        ),
    ],
)
def test_another_recommendation_is_named_with_its_probability(
    others: tuple[Other, ...],
    stated: bool,
    said: str,
) -> None:
    one = Guidance("BTS2015", "2015", "BTS2015.X", "", "bts_ct_12m", "R1", others, errors_were_stated=stated)
    with translation.override("en"):
        text = "\n".join(one.text for one in sentences.assessment(replace(FACTS, guidance=(one,))))
    assert said in text


@pytest.mark.parametrize(
    ("name", "language", "written"),
    [
        ("Demo^Patient 0042", "en", "Patient 0042 Demo"),
        ("张^三", "zh-hans", "张三"),
        ("Zhang^San=张^三", "zh-hans", "张三"),
        ("Zhang^San=张^三", "en", "San Zhang"),
        ("=张^三", "en", "张三"),
        ("Doe^Jane^Q", "en", "Jane Q Doe"),
        ("Doe", "en", "Doe"),
        ("", "en", ""),
    ],
)
def test_a_name_is_written_as_one_addresses_people(name: str, language: str, written: str) -> None:
    with translation.override(language):
        assert reports_words.person(name) == written


def test_a_chinese_text_holds_no_english_sentence() -> None:
    with translation.override("zh-hans"):
        report = sentences.report(FACTS)
    texts = [one.text for one in report.sentences()] + [text_of(FACTS, kind, "zh-hans") for kind in (PATIENT, DOCTOR)]
    for text in texts:
        assert not {"the", "The", "and", "with", "Next", "scan"} & set(text.replace("(", " ").split()), text
