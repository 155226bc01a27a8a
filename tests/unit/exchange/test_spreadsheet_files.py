"""Files of every kind that clinics send, and those that are refused, each with one sentence."""

from __future__ import annotations

import csv
import time
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from nodules_app.exchange.spreadsheet_reading import errors, from_csv, from_xlsx
from nodules_app.exchange.spreadsheet_reading.cells import Broken, Cell
from nodules_app.exchange.spreadsheet_reading.columns import Because, head_of
from nodules_app.exchange.spreadsheet_reading.files import look_at, read
from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.exchange.spreadsheets import as_csv, as_xlsx

TODAY = date(2026, 11, 21)
HEAD = ("Number", "Name", "Due")
CHINESE = ("病案号", "姓名", "复查日期")
LATIN = (("007", "Müller, Jürgen", "3.4.2027"), ("008", "José Ibáñez", "4.4.2027"))
HAN = (("007", "示例甲，男", "2027年4月3日"), ("008", "示例乙", "2027年4月4日"))


def text_of(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    out = StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue()


def cells(path: Path, sheet: str = "") -> list[tuple[Cell, ...]]:
    return [line.cells for line in read(path, sheet)]


def workbook(path: Path, rows: Iterable[Sequence[object]], **changed: object) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "List"
    for row in rows:
        sheet.append(list(row))
    for name, value in changed.items():
        setattr(book, name, value)
    book.save(path)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_latin_lists(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text_of((HEAD, *LATIN), separator).encode(encoding))
    assert cells(path) == [HEAD, *LATIN]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_chinese_lists(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text_of((CHINESE, *HAN), separator).encode(encoding))
    assert cells(path) == [CHINESE, *HAN]


def test_quoted_new_lines_and_the_separator_that_excel_writes_first(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('sep=;\nNumber;Note\n007;"two\nlines; one cell"\n\n', encoding="utf-8")
    lines = list(read(path, ""))
    assert [line.cells for line in lines] == [("Number", "Note"), ("007", "two\nlines; one cell")]
    assert [line.number for line in lines] == [2, 3]


SIGNS = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
ROWS = st.lists(st.lists(st.text(SIGNS, min_size=1, max_size=12), min_size=3, max_size=3), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(ROWS)
def test_what_the_product_writes_reads_back_the_same(tmp_path: Path, rows: list[list[str]]) -> None:
    """Also what begins like a formula: it is written harmless, and read without the sign that makes it so."""
    rows = [row for row in rows if not any(cell[0] == "'" for cell in row)]
    for name, body in (("a.csv", as_csv(HEAD, rows)), ("a.xlsx", as_xlsx(HEAD, rows, title="List"))):
        path = tmp_path / name
        path.write_bytes(body)
        assert cells(path, "List" if name.endswith("xlsx") else "") == [HEAD, *map(tuple, rows)], name


def test_a_workbook_keeps_zeros_days_and_values_of_formulas(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Number", "Due", "Size"])
    sheet.append(["0071", datetime(2027, 4, 3, 8, 15), 7.5])  # noqa: DTZ001 as a workbook has it
    sheet.append([72, None, True])
    sheet["A3"].number_format = "000000"
    sheet["B3"] = "=B2+1"  # never computed: no program has stored its value
    book.save(path)
    assert cells(path, "Sheet")[1:] == [("0071", date(2027, 4, 3), 7.5), ("000072", Broken("=B2+1"), "TRUE")]
    assert look_at(path)[0].formulas == {1}


@pytest.mark.parametrize("name", ["list", "list.csv", "list.XLSX, copy", "list.xls"])
def test_a_name_does_not_make_the_file(tmp_path: Path, name: str) -> None:
    body = as_xlsx(HEAD, LATIN, title="List")
    (tmp_path / name).write_bytes(body)
    assert cells(tmp_path / name, "List") == [HEAD, *LATIN]


def test_days_of_old_macintosh_workbooks(tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", [HEAD, ("1", "A", date(2027, 4, 3))], epoch=CALENDAR_MAC_1904)
    assert cells(path, "List")[1][2] == date(2027, 4, 3)
    assert look_at(path)[0].epoch_1904


def test_titles_above_hidden_columns_and_several_sheets(tmp_path: Path) -> None:
    book = Workbook()
    cover, sheet, chart = book.active, book.create_sheet("Patients"), book.create_sheet("Empty")
    assert cover is not None
    cover.append(["Nodule clinic"])
    sheet.append(["List of the nodule clinic, November"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["MRN", "Name", "Old MRN", "Next CT due"])
    sheet.append(["0071", "Example A", "9", "2027-04-03"])
    sheet.column_dimensions["C"].hidden = True
    assert chart.max_row == 1
    out_of_sight = book.create_sheet("Old")
    out_of_sight.append(["MRN", "Name", "Born", "Next CT due"])
    out_of_sight.sheet_state = "hidden"
    book.save(tmp_path / "list.xlsx")
    sheets = look_at(tmp_path / "list.xlsx")
    assert [one.name for one in sheets] == ["Sheet", "Patients"]
    head = head_of(sheets[1], today=TODAY)
    assert (head.line, head.known) == (3, 3)
    assert [(one.field, one.because, one.hidden) for one in head.columns] == [
        (Field.IDENTIFIER, Because.HEADING, False),
        (Field.NAME, Because.HEADING, False),
        (None, Because.NOTHING, True),
        (Field.DUE_ON, Because.HEADING, False),
    ]
    with pytest.raises(errors.NoHeadings):
        head_of(sheets[0], today=TODAY)


def test_columns_without_a_word_we_know_are_told_by_their_values(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    rows = [("Number", "Name", "a", "b", "c", "d", "e", "f")]
    rows += [
        (f"{n}", "Example", "F", "RUL", "GGN", f"13800000{n}", "a@example.org", f"19{n}-01-02") for n in range(510, 530)
    ]
    path.write_text(text_of(rows), encoding="utf-8")
    head = head_of(look_at(path)[0], today=TODAY)
    found = [one.field for one in head.columns]
    assert found[2:7] == [Field.SEX, Field.LOBE, Field.ATTENUATION, Field.MOBILE, Field.EMAIL]
    assert {one.because for one in head.columns[2:7]} == {Because.VALUES}
    kept = {head.key: {"0": "identifier", "7": "note"}}
    again = head_of(look_at(path)[0], today=TODAY, kept=kept)
    assert [one.field for one in again.columns if one.field] == [Field.IDENTIFIER, Field.NOTE]


def test_a_stray_cell_in_the_last_corner_costs_nothing(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (HEAD, *LATIN):
        sheet.append(list(row))
    sheet.cell(1_048_576, 1, "x")
    book.save(tmp_path / "list.xlsx")
    (seen,) = look_at(tmp_path / "list.xlsx")
    assert [line.number for line in seen.first] == [1, 2, 3, 1_048_576]
    sheet.cell(1_048_576, 16_384, "x")
    book.save(tmp_path / "list.xlsx")
    began_s = time.process_time()
    with pytest.raises(errors.TooManyColumns):
        look_at(tmp_path / "list.xlsx")
    assert time.process_time() - began_s < 20, "17 thousand million cells were made of it"


def test_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(content: bytes, *, name: str = "list") -> type[BaseException]:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(errors.FileRefused) as told:
            whole(path)
        assert told.value.as_sentence()
        assert told.value.as_remedy()
        return told.type

    ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
    good = workbook(tmp_path / "good.xlsx", [HEAD, *LATIN]).read_bytes()
    assert refused(b"") is errors.EmptyFile
    assert refused(b"\n \n") is errors.EmptyFile
    assert refused(ole) is errors.OldExcel
    assert refused(ole + "EncryptedPackage".encode("utf-16-le")) is errors.PasswordProtected
    assert refused(b"%PDF-1.7\n" + bytes(range(256)) * 4) is errors.NotAList
    assert refused(good[: len(good) // 2]) is errors.Damaged
    assert refused(zipped({"word/document.xml": b"<a/>"})) is errors.NotAList
    assert refused(zipped({"xl/workbook.xml": b"<a/>", "xl/vbaProject.bin": b"x"})) is errors.HoldsMacro
    assert refused(zipped({"xl/workbook.xml": b"<a/>"})) is errors.Damaged
    assert refused(b"<html><table><tr><td>Number</td><td>Name</td></tr></table></html>") is errors.NotAList
    assert refused(b'Number,Name\n007,"unclosed\n008,B\n') is errors.LoneQuotationMark
    assert refused(b'Number,Note\n007,"see "old" report"\n') is errors.MarksInsideACell
    assert refused(b"Number,Note\n007," + b"x" * 140_000 + b"\n") is errors.CellTooLong
    assert refused(b"a," * 300 + b"\n" + b"1," * 300) is errors.TooManyColumns
    monkeypatch.setattr(from_csv, "MOST_LINES", 10)
    assert refused(b"Number,Name\n" + b"1,A\n" * 11) is errors.TooManyLines
    monkeypatch.setattr(from_xlsx, "UNPACKED_LIMIT", 1 << 20)
    bomb = zipped({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b" " * (5 << 20)})
    assert len(bomb) < 20_000
    assert refused(bomb) is errors.UnpacksTooLarge


def whole(path: Path) -> None:
    look_at(path)
    list(read(path, ""))


def zipped(parts: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in parts.items():
            container.writestr(name, content)
    return out.getvalue()
