"""The sentences of a radiology report, composed from a signed reading: examination, findings, assessment, next step.

Pure: the same facts in the same language give the same sentences. Every number stands as the pages show it, and
nothing is said that the signed reading, or what the guidelines had answered at its signature, does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext

from inference.growth import REPEATABLE_RATIO
from nodules_app.exchange import reports_words as words
from nodules_app.exchange.documents_text import PRODUCT, Grid, Part, Sentence, Written, said
from nodules_app.selectors.reports_facts import Exam, Guidance, NoduleFacts, SignedFacts, Size, Step

NO_NODULE: Final = ("not_a_nodule",)
NOT_ASKED: Final = ("not_applicable", "not_supported")


def report(facts: SignedFacts) -> Written:
    """Compose the report in the language that is active."""
    parts = (
        Part(gettext("Examination"), tuple(_examination(facts)), own_key="own-examination"),
        Part(gettext("Findings"), tuple(findings(facts)), _grid(facts), own_key="own-findings"),
        Part(gettext("Assessment"), tuple(assessment(facts)), own_key="own-assessment"),
        Part(gettext("Recommendation"), tuple(_recommendation(facts)), own_key="own-recommendation"),
        Part(gettext("Reading"), tuple(_reading(facts))),
    )
    return Written(gettext("Radiology report: CT of the chest"), identity(facts), parts, made_from(facts))


def identity(facts: SignedFacts) -> tuple[tuple[str, str], ...]:
    """Name the person, in the order of every page."""
    who = facts.who
    return (
        (gettext("Patient"), words.person(who.name) or gettext("Name not given")),
        (gettext("Born"), words.day(who.born) if who.born else gettext("unknown")),
        (gettext("Sex"), words.sex(who.sex)),
        (gettext("Number"), who.number),
        (gettext("Examination"), gettext("CT of the chest, %(day)s") % {"day": words.day(facts.exam.on)}),
    )


def made_from(facts: SignedFacts) -> tuple[str, ...]:
    """Say what the text rests on, so that it can be made again."""
    reading = gettext("Reading version %(version)s, signed by %(who)s on %(when)s, SHA-256 %(digest)s.") % {
        "version": facts.reading_version,
        "who": facts.signed_by,
        "when": date_format(localtime(facts.signed_at), "DATETIME_FORMAT"),
        "digest": facts.reading_sha256[:16],
    }
    scans = [_scan(exam) for exam in (facts.exam, facts.prior) if exam is not None]
    methods = sorted(
        {size.method for one in facts.nodules for size in (one.prior, one.current) if size and size.method}
    )
    rulesets = sorted({one.ruleset_version for one in facts.guidance if one.ruleset_version})
    editions = [f"{words.guideline(one.guideline)} ({one.edition})" for one in facts.guidance]
    lines = [reading, gettext("Scans: %(scans)s.") % {"scans": "; ".join(scans)}]
    if rulesets:
        told = {"rulesets": ", ".join(rulesets), "editions": ", ".join(editions)}
        lines.append(gettext("Ruleset %(rulesets)s with %(editions)s.") % told)
    if methods:
        lines.append(gettext("Measured by %(methods)s.") % {"methods": ", ".join(methods)})
    return (*lines, gettext("Made with %(product)s.") % {"product": PRODUCT})


def _scan(exam: Exam) -> str:
    thickness = f"{exam.slice_thickness_mm:g} mm" if exam.slice_thickness_mm else ""
    return ", ".join(filter(None, (words.day(exam.on), exam.description, exam.kernel, thickness)))


def _examination(facts: SignedFacts) -> Iterator[Sentence]:
    exam = gettext("CT of the chest of %(day)s.") % {"day": words.day(facts.exam.on)}
    yield said("exam", exam)
    if facts.prior is None:
        yield said("prior", gettext("No earlier CT was compared."))
        return
    told = {"day": words.day(facts.prior.on), "days": facts.interval_days, "grade": facts.grade}
    compared = ngettext(
        "Compared with the CT of %(day)s, %(days)s day earlier.",
        "Compared with the CT of %(day)s, %(days)s days earlier.",
        facts.interval_days or 0,
    )
    yield said("prior", compared % told)
    if facts.grade:
        yield said("grade", gettext("The two scans are comparable to grade %(grade)s.") % told)


def findings(facts: SignedFacts) -> Iterator[Sentence]:
    """Say of each nodule where it is, how large, and what became of it."""
    seen = [one for one in facts.nodules if one.state not in NO_NODULE]
    if not seen:
        yield said("none", gettext("No pulmonary nodule is described."))
    for one in seen:
        yield said(f"{one.label}-size", _size_sentence(one))
        if change := _change_sentence(one, facts):
            yield said(f"{one.label}-change", change)
    for one in facts.nodules:
        if one.state in NO_NODULE:
            text = gettext("%(label)s was judged not to be a nodule.") % {"label": one.label}
            yield said(f"{one.label}-none", text)


def _size_sentence(one: NoduleFacts) -> str:
    size = one.current
    place = words.listed(words.lobe(one.lobe) if one.lobe else "", _attenuation(one))
    told = {"label": one.label, "place": gettext(" (%(place)s)") % {"place": place} if place else ""}
    if size is None:
        return gettext("%(label)s%(place)s was not marked on this scan.") % told
    if not size.present:
        return gettext("%(label)s%(place)s is not seen on this scan.") % told
    if size.volume_mm3 is None:
        return gettext("%(label)s%(place)s is seen; it was not measured.") % told
    return gettext("%(label)s%(place)s: %(size)s.") % (told | {"size": size_words(size)})


def size_words(size: Size) -> str:
    """Write volume and diameters with half of their 95 % intervals; none where the size was not measured."""
    if size.volume_mm3 is None or size.volume_sd_mm3 is None:
        return gettext("not measured")
    parts = [f"{words.volume(size.volume_mm3)} ± {words.half_width_95(size.volume_sd_mm3, '1')} mm³"]
    if size.mean_diameter_mm is not None and size.mean_diameter_sd_mm is not None:
        half_mm = words.half_width_95(size.mean_diameter_sd_mm, "0.1")
        mean = {"mean": words.millimetres(size.mean_diameter_mm), "half": half_mm}
        parts.append(gettext("mean diameter %(mean)s ± %(half)s mm") % mean)
    if size.long_axis_mm is not None and size.short_axis_mm is not None:
        parts.append(f"{words.millimetres(size.long_axis_mm)} × {words.millimetres(size.short_axis_mm)} mm")
    return words.listed(*parts)


def _attenuation(one: NoduleFacts) -> str:
    known = next((size.attenuation for size in (one.current, one.prior) if size and size.attenuation), "")
    return words.attenuation(known)


def _change_sentence(one: NoduleFacts, facts: SignedFacts) -> str:
    if not one.word:
        return ""
    told = {"label": one.label, "word": words.comparison(one.word)}
    parts = [gettext("%(label)s compared with the prior: %(word)s.") % told]
    if one.prior is not None and one.prior.volume_mm3 is not None:
        parts[0] = gettext("%(label)s compared with the prior (%(size)s): %(word)s.") % (
            told | {"size": size_words(one.prior)}
        )
    return words.together((*parts, *_growth(one, facts)))


def _growth(one: NoduleFacts, facts: SignedFacts) -> Iterator[str]:
    if one.volume_ratio is None:
        return
    change = {"change": words.percent_change(one.volume_ratio), "days": facts.interval_days}
    if one.volume_ratio_low is None or one.volume_ratio_high is None:
        yield gettext("Volume %(change)s in %(days)s days.") % change
    else:
        change |= {
            "low": words.percent_change(one.volume_ratio_low),
            "high": words.percent_change(one.volume_ratio_high),
        }
        yield gettext("Volume %(change)s in %(days)s days (95 %% interval %(low)s to %(high)s).") % change
    if one.significant:
        if one.vdt_days is not None:
            yield _doubling(one)
    elif one.volume_ratio_low is not None and one.volume_ratio_high is not None:
        yield from _small_change(one.volume_ratio, one.volume_ratio_low, one.volume_ratio_high)


def _small_change(ratio: float, low: float, high: float) -> Iterator[str]:
    """Say why a change counts for nothing; one that counts and is no growth is told by its word and its numbers."""
    if low <= 1 <= high:
        yield gettext("This does not go beyond the error of measurement.")
    elif 1 / REPEATABLE_RATIO < ratio < REPEATABLE_RATIO:
        yield gettext("This goes beyond the error of measurement, but stays below the 25 % from which a change counts.")


def _doubling(one: NoduleFacts) -> str:
    told = {"days": one.vdt_days, "low": one.vdt_low_days, "high": one.vdt_high_days}
    if one.vdt_low_days is None:
        return gettext("Volume doubling time %(days)s days.") % told
    if one.vdt_high_days is None:
        return gettext("Volume doubling time %(days)s days (95 %% interval %(low)s days to unbounded).") % told
    return gettext("Volume doubling time %(days)s days (95 %% interval %(low)s to %(high)s).") % told


def _grid(facts: SignedFacts) -> Grid | None:
    seen = [one for one in facts.nodules if one.state not in NO_NODULE]
    if not seen:
        return None
    prior = words.day(facts.prior.on) if facts.prior else gettext("Prior")
    columns = (gettext("Nodule"), prior, words.day(facts.exam.on), gettext("Comparison"))
    rows = tuple(
        (one.label, _cell(one.prior), _cell(one.current), words.comparison(one.word) if one.word else "–")
        for one in seen
    )
    return Grid(columns, (2, 3, 3, 3), rows)


def _cell(size: Size | None) -> str:
    if size is None:
        return "–"
    if not size.present:
        return gettext("not seen")
    return f"{words.volume(size.volume_mm3)} mm³" if size.volume_mm3 is not None else gettext("not measured")


def assessment(facts: SignedFacts) -> Iterator[Sentence]:
    """Say what each guideline that applies answered and by which row; of the first, how likely another answer is."""
    applies = [one for one in facts.guidance if one.management not in NOT_ASKED]
    if not applies:
        yield said("no-guideline", gettext("No guideline of this clinic gives an answer to this case."))
    for number, one in enumerate(applies):
        yield said(f"{one.guideline}-says", _guidance(one))
        if not number:
            yield said(f"{one.guideline}-sure", _certainty(one))


def _guidance(one: Guidance) -> str:
    named = one.rule_id.removeprefix(f"{one.guideline}.")
    told = {
        "guideline": words.guideline(one.guideline),
        "says": words.management(one.management).rstrip("。."),
        "rule": one.rule_id,
        "edition": one.edition,
        "category": one.category,
    }
    if one.category and one.category != named:
        text = gettext("%(guideline)s: %(says)s (category %(category)s, rule %(rule)s, edition %(edition)s).")
    else:
        text = gettext("%(guideline)s: %(says)s (rule %(rule)s, edition %(edition)s).")
    return text % told


def _certainty(one: Guidance) -> str:
    told = {"guideline": words.guideline(one.guideline)}
    if not one.errors_were_stated:
        return gettext("%(guideline)s: how likely another recommendation would be is not known.") % told
    if not one.others:
        return gettext("%(guideline)s: within the error of measurement no other recommendation is likely.") % told
    if len(one.others) == 1:
        (other,) = one.others
        told |= {
            "says": words.management(other.management).rstrip("。."),
            "probability": words.probability(other.probability),
        }
        return (
            gettext(
                "%(guideline)s: with the error of measurement, another recommendation has a probability of "
                "%(probability)s: %(says)s."
            )
            % told
        )
    others = [
        gettext("%(says)s (%(probability)s)")
        % {
            "says": words.management(other.management).rstrip("。."),
            "probability": words.probability(other.probability),
        }
        for other in one.others
    ]
    told |= {
        "probability": words.probability(min(1.0, sum(other.probability for other in one.others))),
        "others": "; ".join(others),
    }
    text = gettext(
        "%(guideline)s: with the error of measurement, another recommendation has a probability of "
        "%(probability)s: %(others)s."
    )
    return text % told


def _recommendation(facts: SignedFacts) -> Iterator[Sentence]:
    yield said("step", step_words(facts.step))


def step_words(step: Step | None) -> str:
    """Say the next step with its window."""
    if step is None:
        return gettext("No further step is owed.")
    first, last = words.day(step.due_from), words.day(step.due_until)
    told = {"first": first, "last": last, "says": words.management(step.management) if step.management else ""}
    match step.kind:
        case "ct" if step.booked_on is not None:
            text = gettext("Next step: CT of the chest, booked on %(day)s.") % {"day": words.day(step.booked_on)}
        case "ct":
            text = gettext("Next step: CT of the chest between %(first)s and %(last)s.") % told
        case "workup":
            text = gettext("Next step: work-up by %(last)s. %(says)s") % told
        case "discharge":
            text = gettext("Next step: a clinician decides on discharge by %(last)s.") % told
        case _:
            text = gettext("Next step: a reader looks at it again by %(last)s.") % told
    return text.strip()


def _reading(facts: SignedFacts) -> Iterator[Sentence]:
    told = {"who": facts.signed_by, "when": date_format(localtime(facts.signed_at), "DATETIME_FORMAT")}
    yield said("read-by", gettext("Read and signed by %(who)s, %(when)s.") % told)
    if facts.consensus:
        yield said("consensus", gettext("Two readers agreed: %(how)s") % {"how": facts.consensus})
    for number, added in enumerate(facts.addenda, start=1):
        told = {"who": added.by, "when": date_format(localtime(added.at), "DATETIME_FORMAT"), "text": added.text}
        yield said(f"addendum-{number}", gettext("Added by %(who)s, %(when)s: %(text)s") % told)
