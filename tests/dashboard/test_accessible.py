"""Each page at the width of a desk and of a telephone, light and dark: it fits, and axe finds no barrier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import firsttoken.store
from tests.dashboard.conftest import Open, whole

if TYPE_CHECKING:
    from playwright.sync_api import Page

ADDRESSES = (
    "",
    "recommendations?hints=true",
    "calls",
    "calls?call={call}",
    "sites",
    "caching",
    "models",
    "compare",
    "errors",
    "data",
)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


def barriers(page: Page) -> list[Any]:
    """What axe finds against WCAG 2.1 AA."""
    from axe_playwright_python.sync_playwright import Axe

    axe: Any = Axe()  # its types leave the answer open
    # Streamlit's own colours of code, which its theme does not let us choose, are left out.
    found = axe.run(page, context={"exclude": [["code .token"]]}, options=RULES)
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3], one["nodes"][0]["failureSummary"])
        for one in found.response["violations"]
    ]


@pytest.fixture(scope="module")
def call(simulated: Path) -> str:
    """A streamed call that was tried again."""
    with firsttoken.store.open(simulated).read() as con:
        found = con.execute("SELECT span_id FROM calls WHERE stream AND attempts > 1 LIMIT 1").fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_fits_says_no_error_and_has_no_barrier(pages: str, open_page: Open, call: str, address: str):
    where = address.format(call=call)
    page = open_page(f"{pages}/{where}{'&' if '?' in where else '?'}span=all&live=false")
    # axe takes longest, and looks at colours and structure: once in each theme, once at each width.
    for width, theme, judged in (
        (1280, "light", True),
        (390, "light", False),
        (390, "dark", True),
        (1280, "dark", False),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        whole(page)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_text("This app has encountered an error").count() == 0
        assert page.get_by_text("Simulated: none of these calls").count() == 1
        assert "span=all" in page.url
        dark = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (dark == "rgb(15, 19, 22)") is (theme == "dark")
        if judged:
            assert barriers(page) == []
