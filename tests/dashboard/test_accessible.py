"""The pages hold to WCAG 2.1 AA, judged by axe in the browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.conftest import Open
from tests.dashboard.test_pages import ADDRESSES, whole

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_has_no_barrier(pages: str, open_page: Open, address: str, theme: str):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(f"{pages}/{address}?span=all&live=false", theme=theme)
    whole(page)
    page.wait_for_timeout(300)
    # Streamlit's own colours of code, which its theme does not let us choose, are left out.
    axe: Any = Axe()  # its types leave the answer open
    found = axe.run(page, context={"exclude": [["code .token"]]}, options=RULES)
    assert [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3], one["nodes"][0]["failureSummary"])
        for one in found.response["violations"]
    ] == []
