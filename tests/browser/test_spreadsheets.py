"""A messy list of a clinic in a real browser: sent, its columns said, checked, taken over; and the same list again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from nodules_app.models import FollowUp, ListEntry, Nodule, Patient, Role, Run, User
from nodules_app.services.pipeline.execute import execute
from tests.browser.conftest import Visit, Visitor
from tests.browser.looking import SCREENS, faults
from tests.clinic import member

pytestmark = pytest.mark.django_db(transaction=True)
DUE = timezone.localdate() + timedelta(days=200)
# Titles above the headings, semicolons, decimal commas, a quoted new line, days in four forms, a slip in one line.
MESSY = f"""结节门诊随访表;;;;;;;;
;;;;;;;;
病案号;姓名;出生日期;性别;肺叶;大小（mm）;末次CT;下次复查日期;备注
0071;示例甲;1961年2月2日;女;右上叶;7,2;2025.4.3;{DUE.year}年{DUE.month}月{DUE.day}日;"两行
备注"
0072;示例乙;1956-08-19;男;左下叶;6×5;3 Apr 25;{DUE:%Y%m%d};
0073;示例丙;31-Feb-1970;女;右中叶;9;2025/4/3;{DUE.isoformat()};
0072;示例乙;1956-08-19;男;左下叶;6×5;3 Apr 25;{DUE:%Y%m%d};
""".encode("gb18030")


@pytest.fixture
def coordinator(transactional_db: None) -> User:
    return member(Role.COORDINATOR)


def work() -> None:
    execute(Run.objects.latest("pk").code)


def send(page: Page) -> None:
    page.get_by_label("The list").set_input_files({"name": "随访表.csv", "mimeType": "text/csv", "buffer": MESSY})
    page.get_by_role("button", name="Send and look at it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What do the columns say?")


def check(visitor: Visitor) -> Page:
    visitor.page.get_by_role("button", name="Check every line").click()
    visitor.page.get_by_text("Being checked").first.wait_for()
    work()
    visitor.page.get_by_text("Checked, nothing stored yet").first.wait_for()  # the page keeps itself up to date
    return visitor.page


def test_a_messy_list_is_taken_over_and_sent_again_changes_nothing(visit: Visit, coordinator: User) -> None:
    visitor = visit(as_=coordinator)
    page = visitor.see("/import")
    page.get_by_role("link", name="Bring your list (CSV, Excel)").click()
    send(page)
    assert page.locator("#id_column-5").input_value() == "size"
    page.locator("#id_column-8").select_option("")  # this clinic does not want its notes taken
    page = check(visitor)
    expect(page.get_by_text("2 lines would be taken over.")).to_be_visible()
    page.get_by_role("link", name="To be mended").click()
    expect(page.get_by_text("there is no day “31-Feb-1970”")).to_be_visible()
    assert page.get_by_text("0071").count() == 0
    with page.expect_download() as told:
        page.get_by_role("link", name="Download the verdicts").click()
    assert told.value.suggested_filename == "verdicts.xlsx"
    page.get_by_role("button", name="Take over 2 lines of 4").click()
    work()
    expect(page.get_by_text("Taken over by")).to_be_visible()
    assert {one.identifier: one.follow_ups.get().due_until for one in Patient.objects.all()} == {
        "0071": DUE,
        "0072": DUE,
    }
    assert not ListEntry.objects.exclude(note="").exists()
    before = [list(rows.objects.order_by("pk").values()) for rows in (Patient, Nodule, FollowUp, ListEntry)]
    visitor.see("/import/lists")
    send(page)
    assert page.locator("#id_column-8").input_value() == ""
    expect(page.get_by_text("as you said of such a list before").first).to_be_visible()
    page = check(visitor)
    expect(page.get_by_text("0 lines would be taken over.")).to_be_visible()
    assert page.get_by_role("button", name="Take over").count() == 0
    assert [list(rows.objects.order_by("pk").values()) for rows in (Patient, Nodule, FollowUp, ListEntry)] == before


@pytest.mark.parametrize(("language", "screen", "theme"), [("en", "desktop", "light"), ("zh-hans", "phone", "dark")])
def test_its_pages_are_accessible(visit: Visit, coordinator: User, language: str, screen: str, theme: str) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=coordinator)
    page = visitor.see("/import/lists")
    assert faults(visitor) == []
    page.locator("input[type=file]").set_input_files({"name": "list.csv", "mimeType": "text/csv", "buffer": MESSY})
    page.locator("button[data-kind=primary]").click()
    page.locator("#id_column-5").wait_for()
    assert faults(visitor) == []
    page.locator("button[data-kind=primary]").click()
    page.locator("progress").wait_for()
    work()
    page.reload()
    page.locator("tbody tr").first.wait_for()
    assert faults(visitor) == []
    page.locator("button[data-kind=primary]").click()
    page.locator("progress").wait_for()
    work()
    page = visitor.see(f"/patients/{Patient.objects.get(identifier='0071').code}/")
    page.locator("#listed-title").wait_for()
    assert faults(visitor) == []
