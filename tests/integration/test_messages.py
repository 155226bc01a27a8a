"""Translations: every message of the sources is found, translated and names the same facts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from django.conf import settings
from django.template import Context, Template
from django.utils import translation

from nodules_app.management import catalogues
from nodules_app.management.template_messages import UntranslatableTemplate, extract_template

ROOT = Path(settings.BASE_DIR)
PO = ROOT / "nodules_app" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def found_in(source: str) -> list[tuple[str, object]]:
    return [(name, messages) for _, name, messages, _ in extract_template(io.BytesIO(source.encode()), [], [], {})]


@pytest.fixture(scope="module")
def sources() -> Catalog:
    return catalogues.in_sources(ROOT)


def test_every_message_is_translated(sources: Catalog) -> None:
    assert catalogues.faults(catalogues.read(PO, "zh_Hans"), sources) == []


@pytest.mark.parametrize(
    "message",
    [
        "Skip to content",  # a template
        "Keep these settings",
        "The images carry no patient number.",  # gettext_noop in a service
        "This cannot be done.",  # gettext_noop of the cores
        "Sign out",
        "Slightly larger",  # gettext_lazy of a model
    ],
)
def test_messages_are_found_wherever_they_are_marked(sources: Catalog, message: str) -> None:
    assert sources.get(message) is not None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% translate "Sign in" %}', [("gettext", "Sign in")]),
        ('{% translate "Sign in" as title %}', [("gettext", "Sign in")]),
        ('{% translate "F" context "sex" %}', [("pgettext", ("sex", "F"))]),
        ("{% translate name %}", []),
        ('{% translate "62 % done" %}', [("gettext", "62 %% done")]),
        ('{% include "a.html" with label=_("Open") %}', [("gettext", "Open")]),
        ("{{ value|default:_('none') }}", [("gettext", "none")]),
        ("{% blocktranslate %}by {{ day }}{% endblocktranslate %}", [("gettext", "by %(day)s")]),
        (
            "{% blocktranslate count n=rows %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}",
            [("ngettext", ("%(n)s row", "%(n)s rows"))],
        ),
        ("{% blocktranslate trimmed %}\n  two\n  lines\n{% endblocktranslate %}", [("gettext", "two lines")]),
    ],
)
def test_each_way_of_marking_in_a_template_is_understood(source: str, expected: list[tuple[str, object]]) -> None:
    assert found_in(source) == expected


def test_a_block_that_does_not_end_is_said_with_its_line() -> None:
    with pytest.raises(UntranslatableTemplate, match="line 2"):
        found_in("\n{% blocktranslate %}never ends")


def test_what_is_extracted_is_what_django_looks_up(sources: Catalog) -> None:
    """Django doubles per cent signs of a template before it looks them up; so do we."""
    with translation.override("zh-hans"):
        source = '{% translate "{} % sent. Stay on this page until all is sent." %}'
        assert Template(source).render(Context()) == "已发送 {} %。全部发送完之前请留在本页。"


def catalog(**messages: str) -> Catalog:
    made = Catalog(locale="zh_Hans")
    for message, string in messages.items():
        made.add(message, string)
    return made


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (catalog(), "not in the catalogue"),
        (catalog(**{"after {slice}": ""}), "not translated"),
        (catalog(**{"after {slice}": "在之后"}), "other placeholders"),
        (catalog(**{"after {slice}": "在 {slice} 之后", "gone": "旧"}), "no longer in the sources"),
    ],
)
def test_each_fault_of_a_catalogue_is_said(kept: Catalog, said: str) -> None:
    faults = catalogues.faults(kept, catalog(**{"after {slice}": ""}))
    assert len(faults) == 1
    assert said in faults[0]


def test_a_fuzzy_message_is_a_fault() -> None:
    kept = Catalog(locale="zh_Hans")
    kept.add("Open", "打开", flags=["fuzzy"])
    assert catalogues.faults(kept, catalog(Open="")) == ["fuzzy: 'Open'"]


def test_bringing_up_to_date_guesses_nothing() -> None:
    kept = catalogues.brought_up_to_date(catalog(Opened="已打开"), catalog(Open=""))
    assert kept.get("Open").string == ""
    assert kept.get("Opened") is None


def test_writing_twice_changes_nothing(tmp_path: Path, sources: Catalog) -> None:
    path = tmp_path / "django.po"
    texts = []
    for _ in range(2):
        source = path if path.exists() else PO
        catalogues.write(catalogues.brought_up_to_date(catalogues.read(source, "zh_Hans"), sources), path)
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]


def test_what_is_compiled_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "django.mo"
    catalogues.compile_to(catalog(Open="打开"), path)
    with path.open("rb") as file:
        assert read_mo(file).get("Open").string == "打开"
    assert list(tmp_path.iterdir()) == [path]
