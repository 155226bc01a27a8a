"""``manage.py validate``: predictions beside outcomes, as a report that opens anywhere and as CSV."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string
from django.utils import timezone

from inference.validation.bench import LIMITS, PairReport, Predictions, Probabilities, Report, bench
from inference.validation.calibration import Coefficient
from inference.validation.discrimination import Share
from inference.validation.froc import RATES, Froc, froc
from inference.validation.resampling import DRAWS, Interval
from nodules_app.charts.validation import figures, froc_figure
from nodules_app.exchange.spreadsheets import Cell, as_csv
from nodules_app.services.validation import Columns, read_marks, read_predictions, recorded
from registration.errors import Refused

WORDS: Final = {
    "roc": "ROC",
    "pr": "Precision over sensitivity",
    "calibration": "Calibration",
    "decision": "Decision curve",
    "froc": "FROC",
}
Values = tuple[float | None, float | None, float | None]  # with the ends of its 95 % interval
Size = tuple[int | None, int | None]  # cases, events
HEAD: Final = ("section", "model", "figure", "value", "low_95", "high_95", "cases", "events")


def limit(text: str) -> float:
    """Parse a threshold between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ArgumentTypeError(f"{text!r}: write a probability between 0 and 1")
    return value


class Command(BaseCommand):
    help = "Judge predictions by outcomes: ROC, PR, calibration, decision curve, two models, subgroups; or marks: FROC."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", type=Path, nargs="?", help="CSV with one case a line; with --froc one mark a line")
        source.add_argument(
            "--clinic", metavar="CODE", help="the outcomes that a clinic has recorded, in place of a file"
        )
        parser.add_argument(
            "--score", action="append", default=[], help="column with a model's scores; may be repeated"
        )
        parser.add_argument("--outcome", default="outcome", help="column with 1 (malignant) and 0")
        parser.add_argument("--patient", default="", help="column that names the patient: its cases are drawn together")
        parser.add_argument("--group", action="append", default=[], help="column by which subgroups are formed")
        parser.add_argument("--limit", type=limit, action="append", help="class limit for the NRI (0.05 and 0.65)")
        parser.add_argument("--froc", action="store_true", help="columns scan, nodule, score: see docs/validation.md")
        parser.add_argument("--draws", type=int, default=DRAWS, help="of the bootstrap")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--out", type=Path, required=True, help="folder for report.html and figures.csv")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        if options["froc"] and options["clinic"]:
            raise CommandError("No marks are recorded in the tables: give --froc a file.")
        limits = tuple(sorted(options["limit"] or LIMITS))
        try:
            if options["froc"]:
                marks = froc(read_marks(options["file"]), draws=options["draws"], seed=options["seed"])
                self._write(options, None, marks, limits)
            else:
                report = bench(self._predictions(options), limits=limits, draws=options["draws"], seed=options["seed"])
                self._write(options, report, None, limits)
        except Refused as refusal:
            raise CommandError(f"{refusal.as_sentence()} {refusal.as_remedy()}".strip()) from None
        except (OSError, UnicodeDecodeError) as trouble:
            raise CommandError(f"{options['file']} cannot be read as UTF-8 text: {trouble}") from None

    def _predictions(self, options: dict[str, Any]) -> Predictions:
        if options["clinic"]:
            return recorded(options["clinic"], options["score"] or ["brock_2b"])
        columns = Columns(
            tuple(options["score"]) or ("score",), options["outcome"], options["patient"], tuple(options["group"])
        )
        return read_predictions(options["file"], columns)

    def _write(
        self, options: dict[str, Any], report: Report | None, marks: Froc | None, limits: tuple[float, ...]
    ) -> None:
        drawn = (figures(report) if report else {}) | ({"froc": froc_figure(marks)} if marks else {})
        context = {
            "title": f"Validation of {', '.join(one.model for one in report.models) if report else 'marks'}",
            "source": options["file"].name if options["file"] else f"outcomes recorded at {options['clinic']}",
            "made_at": timezone.localtime().strftime("%Y-%m-%d %H:%M"),
            "report": report,
            "froc": marks,
            "rates": RATES,
            "plots": [(name, WORDS[name], figure) for name, figure in drawn.items()],
            "limits": ", ".join(f"{100 * one:g} %" for one in limits),
            "plotly": (settings.BASE_DIR / "static" / "vendor" / "plotly-basic.min.js").read_text("utf-8"),
        }
        folder: Path = options["out"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(render_to_string("validation/report.html", context), "utf-8")
        rows = [*(_rows(report) if report else ()), *(_mark_rows(marks) if marks else ())]
        (folder / "figures.csv").write_bytes(as_csv(HEAD, rows))
        self.stdout.write(f"{folder / 'report.html'}\n{folder / 'figures.csv'}")


def _rows(report: Report) -> Iterator[list[Cell]]:
    """Every figure of the report, one a line."""
    for one in report.models:
        size = (one.cases, one.events)
        yield _row("model", one.model, "auc", _share(one.area), size)
        yield _row("model", one.model, "average_precision", _figure(one.average_precision), size)
        if one.probabilities is not None:
            yield from _probability_rows(one.model, one.probabilities, size)
    for group in report.groups:
        values = _share(group.area) if group.area else (None, None, None)
        yield _row(f"group {group.group}", group.model, f"auc {group.value}", values, (group.cases, group.events))
    for pair in report.pairs:
        yield from _pair_rows(pair)


def _probability_rows(model: str, sure: Probabilities, size: Size) -> Iterator[list[Cell]]:
    yield _row("model", model, "brier", _figure(sure.brier), size)
    yield _row("model", model, "brier_skill", (sure.brier_skill_ratio, None, None), size)
    if sure.calibration is not None:
        yield _row("model", model, "calibration_intercept", _figure(sure.calibration.intercept), size)
        yield _row("model", model, "calibration_slope", _figure(sure.calibration.slope), size)
        for group in sure.calibration.groups:
            events = round(group.observed.share * group.count)
            said = f"{group.predicted_share:.6f}"
            yield _row("calibration", model, said, _share(group.observed), (group.count, events))
    for threshold, benefit in zip(sure.decisions.thresholds, sure.decisions.model, strict=True):
        yield _row("net_benefit", model, f"{threshold:.2f}", (float(benefit), None, None), size)


def _pair_rows(pair: PairReport) -> Iterator[list[Cell]]:
    name, size = f"{pair.second} - {pair.first}", (pair.cases, None)
    yield _row("pair", name, "auc", (pair.area.difference_ratio, pair.area.low_ratio, pair.area.high_ratio), size)
    yield _row("pair", name, "p_delong", (pair.area.p_probability, None, None), size)
    if pair.brier is not None and pair.reclassified is not None:
        yield _row("pair", name, "brier", _figure(pair.brier), size)
        yield _row("pair", name, "nri_events", (pair.reclassified.events_nri_ratio, None, None), size)
        yield _row("pair", name, "nri_others", (pair.reclassified.others_nri_ratio, None, None), size)
        yield _row("pair", name, "idi", (pair.reclassified.idi_ratio, None, None), size)


def _mark_rows(marks: Froc) -> Iterator[list[Cell]]:
    for rate, one in zip(RATES, marks.at_rates, strict=True):
        yield _row("froc", "", f"found at {rate:g} false marks a scan", _share(one), (None, None))
    yield _row("froc", "", "mean", _share(marks.mean), (None, None))


def _row(section: str, model: str, figure: str, values: Values, size: Size) -> list[Cell]:
    return [section, model, figure, *values, *size]


def _share(one: Share) -> Values:
    return one.share, one.low_share, one.high_share


def _figure(one: Interval | Coefficient) -> Values:
    return one.value_ratio, one.low_ratio, one.high_ratio
