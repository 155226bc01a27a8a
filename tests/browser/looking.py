"""How every page is looked at: on which screens, in which languages and colours, and what counts as a fault."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import NARROW, WIDE, Visitor

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What axe finds in order, it need not describe: that alone takes twice as long as the search.
ASKED = {"runOnly": TAGS, "resultTypes": ["violations"]}
SCREENS = {"phone": NARROW, "desktop": WIDE}
# Each language on each screen, each theme on each screen, each language in each theme: four ways show what eight do.
EVERY_PAIR = [
    ("en", "phone", "dark"),
    ("en", "desktop", "light"),
    ("zh-hans", "phone", "light"),
    ("zh-hans", "desktop", "dark"),
]


def faults(visitor: Visitor) -> list[str]:
    """What axe finds, what runs over the edge, and what the browser complained of (a policy breach, a missing file)."""
    found = Axe().run(visitor.page, options=ASKED).response["violations"]
    said = [f"{fault['id']}: {node['html'][:200]}" for fault in found for node in fault["nodes"]]
    beyond = visitor.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return [*said, *([f"{beyond} px beyond the edge"] if beyond > 0 else []), *visitor.complaints]
