"""Why a list cannot be read, and what is wrong with one of its cells: each one sentence and what to do."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop

SAVE_AS_XLSX = gettext_noop("Open it in your spreadsheet program, save it as .xlsx or CSV, and send that file.")


class FileRefused(Refused):
    """The base of everything that makes a whole file unreadable."""


class EmptyFile(FileRefused):
    """Nothing in it."""

    code = "list_empty"
    sentence = gettext_noop("The file holds no line.")
    remedy = gettext_noop("Send the list itself, with its line of headings.")


class OldExcel(FileRefused):
    """The format before 2007."""

    code = "list_old_excel"
    sentence = gettext_noop("The file is in the Excel format before 2007 (.xls).")
    remedy = SAVE_AS_XLSX


class PasswordProtected(FileRefused):
    """Encrypted as a whole."""

    code = "list_password"
    sentence = gettext_noop("The file is protected by a password.")
    remedy = gettext_noop("Take the password off (File, Info, Protect Workbook) and send it again.")


class HoldsMacro(FileRefused):
    """A program in a file that should hold data."""

    code = "list_macro"
    sentence = gettext_noop("The file holds a macro.")
    remedy = gettext_noop("Save it as a workbook without macros (.xlsx) and send that file.")


class NotAList(FileRefused):
    """Something else than a table."""

    code = "not_a_list"
    sentence = gettext_noop("The file is neither CSV nor an Excel workbook.")
    remedy = SAVE_AS_XLSX


class Damaged(FileRefused):
    """Cut off, or written by a program that does not keep to the format."""

    code = "list_damaged"
    sentence = gettext_noop("The file is damaged: it cannot be read to its end.")
    remedy = SAVE_AS_XLSX


class LoneQuotationMark(FileRefused):
    """One that opens and never closes would swallow every line after it."""

    code = "list_lone_quotation_mark"
    sentence = gettext_noop("A quotation mark in or before line {line} has no partner; lines would run together.")
    remedy = gettext_noop("Look for it above that line and take it out, or save the list as .xlsx.")


class MarksInsideACell(FileRefused):
    """A quoted cell goes on after its closing mark: the marks inside it were not doubled."""

    code = "list_marks_inside_a_cell"
    sentence = gettext_noop("Line {line} has a cell in quotation marks that holds quotation marks of its own.")
    remedy = gettext_noop("Take the inner ones out or double them, or save the list as .xlsx.")


class CellTooLong(FileRefused):
    """Longer than any cell of a list; most often a quotation mark far above never closes."""

    code = "list_cell_too_long"
    sentence = gettext_noop("A cell that ends in or after line {line} holds more than {limit} characters.")
    remedy = gettext_noop("Shorten it; if it should be short, a quotation mark above that line has no partner.")


class UnpacksTooLarge(FileRefused):
    """A small file that holds an enormous one."""

    code = "list_unpacks_too_large"
    sentence = gettext_noop("The file unpacks to {unpacked_mb} MB; a list may unpack to {limit_mb} MB.")
    remedy = gettext_noop("Copy the list alone into a new workbook and send that file.")


class FileTooLarge(FileRefused):
    """More bytes than a list has."""

    code = "list_too_large"
    sentence = gettext_noop("The file has {sent_mb} MB; a list may have {limit_mb} MB.")
    remedy = gettext_noop("Send the list in parts, by year or by letter.")


class TooManyLines(FileRefused):
    """More lines than are taken in at once."""

    code = "list_too_long"
    sentence = gettext_noop("The list has more than {limit} lines.")
    remedy = gettext_noop("Send it in parts. What was stored already is known and is not stored twice.")


class TooManyColumns(FileRefused):
    """Wider than any list."""

    code = "list_too_wide"
    sentence = gettext_noop("The list has more than {limit} columns.")
    remedy = gettext_noop("Send the columns about patients and nodules alone.")


class NoHeadings(FileRefused):
    """No line says what the columns are."""

    code = "list_without_headings"
    sentence = gettext_noop("No line of headings was found in “{sheet}”.")
    remedy = gettext_noop("Give each column a heading, such as “Number” and “Name”.")


class NoSuchSheet(FileRefused):
    """The sheet that was named is gone."""

    code = "no_such_sheet"
    sentence = gettext_noop("The file has no sheet “{sheet}”.")
    remedy = gettext_noop("Choose one of its sheets.")


class DayOrderUnknown(FileRefused):
    """03/04/2025 without any line that tells which is the month."""

    code = "day_order_unknown"
    sentence = gettext_noop("Column {column} writes days as {value}, and no line shows which figure is the month.")
    remedy = gettext_noop("Say it on the page of columns: day first or month first.")


class CellRefused(Refused):
    """The base of what is wrong with one cell; its facts name column and value."""


class Missing(CellRefused):
    """A line without what every line needs."""

    code = "cell_missing"
    sentence = gettext_noop("Column {column} is empty.")
    remedy = gettext_noop("Fill it in; without it nobody knows whose line this is.")


class NoDay(CellRefused):
    """Text that is no day."""

    code = "cell_no_day"
    sentence = gettext_noop("Column {column}: “{value}” is no day.")
    remedy = gettext_noop("Write it as 2025-04-03.")


class NoSuchDay(CellRefused):
    """The 31st of February."""

    code = "cell_no_such_day"
    sentence = gettext_noop("Column {column}: there is no day “{value}”.")
    remedy = gettext_noop("Look the day up and correct it.")


class OnlyPartOfADay(CellRefused):
    """A year, or a month where a day is needed."""

    code = "cell_part_of_a_day"
    sentence = gettext_noop("Column {column}: “{value}” is no whole day.")
    remedy = gettext_noop("Give day, month and year.")


class MixedDays(CellRefused):
    """A column that writes both 25/03 and 03/25."""

    code = "cell_mixed_days"
    sentence = gettext_noop(
        "Column {column}: “{value}” may be either of two days, and the column writes days both ways."
    )
    remedy = gettext_noop("Write it as 2025-04-03, or say on the page of columns which comes first.")


class DayOutOfRange(CellRefused):
    """A day that this fact cannot have."""

    code = "cell_day_out_of_range"
    sentence = gettext_noop("Column {column}: “{value}” lies outside {earliest} to {latest}.")
    remedy = gettext_noop("Check the year.")


class NoSize(CellRefused):
    """Text that is no size."""

    code = "cell_no_size"
    sentence = gettext_noop("Column {column}: “{value}” is no size.")
    remedy = gettext_noop("Write one or two lengths in mm, such as 7.2 or 8 x 6.")


class SizeOutOfRange(CellRefused):
    """A size that no nodule has."""

    code = "cell_size_out_of_range"
    sentence = gettext_noop("Column {column}: “{value}” is {size_mm} mm; a nodule has {least_mm} to {most_mm} mm.")
    remedy = gettext_noop("Check the unit: mm or cm.")


class UnknownWord(CellRefused):
    """A word outside its list."""

    code = "cell_unknown_word"
    sentence = gettext_noop("Column {column}: “{value}” is not understood.")
    remedy = gettext_noop("Use one of: {allowed}.")


class BrokenFormula(CellRefused):
    """#N/A and its kin, or a formula that was never computed."""

    code = "cell_broken_formula"
    sentence = gettext_noop("Column {column} holds a formula without a value: “{value}”.")
    remedy = gettext_noop("Open the list in your spreadsheet program, let it compute, save it, or type the value.")


class DigitsLost(CellRefused):
    """A number longer than a spreadsheet keeps."""

    code = "cell_digits_lost"
    sentence = gettext_noop("Column {column}: the spreadsheet program has rounded the long number “{value}”.")
    remedy = gettext_noop("Format the column as text and enter the number again.")


class NumberBecameFraction(CellRefused):
    """12345 that a program wrote as 12345.0; what it was before nobody knows."""

    code = "cell_number_became_fraction"
    sentence = gettext_noop("Column {column}: a program wrote the number “{value}” with decimals; zeros may be lost.")
    remedy = gettext_noop("Format the column as text, enter the number as it is, and save the list again.")


class NoNumber(CellRefused):
    """A total below the list, a heading once more, "unknown"."""

    code = "cell_no_number"
    sentence = gettext_noop("Column {column}: “{value}” holds no digit; it is no patient's number.")
    remedy = gettext_noop("Enter the number, or strike the line if it is about nobody.")


class NumberBecameDay(CellRefused):
    """3-4 that Excel took for the 3rd of April."""

    code = "cell_number_became_day"
    sentence = gettext_noop("Column {column}: the spreadsheet program has made a day, {value}, of a number.")
    remedy = gettext_noop("Format the column as text and enter the number again.")


class TooLong(CellRefused):
    """More text than the fact may have."""

    code = "cell_too_long"
    sentence = gettext_noop("Column {column} holds {length} characters; {limit} are kept.")
    remedy = gettext_noop("Shorten it.")


class NoAddress(CellRefused):
    """Text that is no e-mail address and no number."""

    code = "cell_no_address"
    sentence = gettext_noop("Column {column}: “{value}” is neither an address nor a number.")
    remedy = gettext_noop("Correct it, or leave it empty.")
