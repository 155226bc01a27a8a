"""An example list with our own headings, in English and Chinese: plainly simulated people, written as lists are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nodules_app.exchange.spreadsheets import as_csv, as_xlsx

Row = tuple[str, ...]
HEADINGS: Final[Mapping[str, Row]] = {
    "en": (
        "Number",
        "Name",
        "Date of birth",
        "Sex",
        "Mobile",
        "E-mail",
        "Nodule",
        "Lobe",
        "Size (mm)",
        "Attenuation",
        "Measured on",
        "Last CT",
        "Next step",
        "Due",
        "Owner",
        "Notes",
    ),
    "zh": (
        "患者编号",
        "姓名",
        "出生日期",
        "性别",
        "手机号码",
        "邮箱",
        "结节",
        "肺叶",
        "大小（mm）",
        "密度",
        "测量日期",
        "末次CT",
        "下一步",
        "到期日",
        "负责人",
        "备注",
    ),
}
ROWS: Final[Mapping[str, tuple[Row, ...]]] = {
    "en": (
        ("000501", "Example^Patient A", "2 Feb 1961", "F", "+1 555 010 0501", "", "1", "RUL", "7.2", "solid",
         "3 Apr 25", "2025-04-03", "CT", "2026-04-03", "", "simulated"),
        ("000501", "Example^Patient A", "2 Feb 1961", "F", "", "", "2", "LLL", "6 x 5", "ground glass",
         "3 Apr 25", "2025-04-03", "CT", "2026-04-03", "", "a second nodule: the same number again"),
        ("000502", "Example^Patient B", "1956-08-19", "M", "", "patient.b@example.org", "1", "LUL", "0.9 cm",
         "part-solid", "25/03/2025", "25/03/2025", "PET-CT", "Mar 2026", "", "a month is enough for a due day"),
    ),
    "zh": (
        ("000601", "示例甲", "1961年2月2日", "女", "+86 138 0000 0601", "", "1", "右上叶", "7.2", "实性",
         "2025年4月3日", "2025.4.3", "复查CT", "2026年4月3日", "", "模拟数据"),
        ("000601", "示例甲", "1961年2月2日", "女", "", "", "2", "左下叶", "6×5", "磨玻璃",
         "2025年4月3日", "2025.4.3", "复查CT", "2026年4月3日", "", "第二个结节:同一编号再写一行"),
        ("000602", "示例乙", "1956-08-19", "男", "", "", "1", "左上叶", "0.9厘米", "部分实性",
         "2025-03-25", "2025-03-25", "PET-CT", "2026年3月", "", "到期日可只写月份"),
    ),
}  # fmt: skip


def template_file(language: str, form: str) -> bytes:
    """Write the example in one language, as ``xlsx`` or ``csv``."""
    head, rows = HEADINGS[language], ROWS[language]
    return as_csv(head, rows) if form == "csv" else as_xlsx(head, rows, title="Nodules" if language == "en" else "结节")
