"""The pages from another address: behind a token, and nothing without it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from tests.dashboard.conftest import serving
from tests.dashboard.test_accessible import barriers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOKEN = "correct horse & battery=staple"


@pytest.fixture(scope="module")
def guarded(simulated: Path) -> Iterator[str]:
    """As docker-compose.yml starts it: on every address, with the token from the environment."""
    with serving(simulated, "--host", "0.0.0.0", environment={"FIRSTTOKEN_DASHBOARD_TOKEN": TOKEN}) as address:
        yield address.replace("0.0.0.0", "127.0.0.1")


def asked(
    address: str, path: str, *, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(address).port, timeout=10)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    told = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    connection.close()
    return told


@pytest.mark.parametrize(
    "path",
    ["/", "/calls?span=all", "/static/index.js", "/_stcore/host-config", "/favicon.png", "/files/ticket/calls.csv"],
)
def test_without_the_token_every_address_is_the_login(guarded: str, path: str):
    status, _, body = asked(guarded, path)
    assert status == 401
    assert 'name="token"' in body


def test_a_health_check_needs_no_token(guarded: str):
    assert asked(guarded, "/_stcore/health")[0] == 200


def test_a_websocket_without_the_session_or_from_another_page_is_refused(guarded: str):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert asked(guarded, "/_stcore/stream", headers=upgrade)[0] == 403
    session = asked(guarded, "/", method="POST", body=f"token={quote(TOKEN)}")[1]["set-cookie"].split(";")[0]
    elsewhere = {**upgrade, "Cookie": session, "Origin": "http://attacker.example"}
    assert asked(guarded, "/_stcore/stream", headers=elsewhere)[0] == 403


@pytest.mark.parametrize("body", ["token=wrong", "", "token=" + "x" * 5000, f"other={quote(TOKEN)}", "token=%ff%00"])
def test_a_wrong_form_opens_nothing(guarded: str, body: str):
    status, headers, told = asked(guarded, "/", method="POST", body=body)
    assert status == 401
    assert "set-cookie" not in headers
    assert "That is not the token." in told


def test_the_way_on_never_leads_to_another_host(guarded: str):
    status, headers, _ = asked(guarded, "//attacker.example/x", method="POST", body=f"token={quote(TOKEN)}")
    assert status == 303
    assert headers["location"] == "/attacker.example/x"
    assert "HttpOnly" in headers["set-cookie"]


def test_a_browser_signs_in_once_without_a_barrier_and_lands_where_it_wanted_to_go(guarded: str, browser: Browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{guarded}/calls?span=all&order=-cost")
    for width, theme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        assert barriers(page) == []
    page.get_by_label("Token").fill("not it")
    page.keyboard.press("Enter")
    page.get_by_text("That is not the token.").wait_for()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("region", name="Calls", exact=True).locator("tbody tr").first.wait_for()
    assert page.url.endswith("/calls?span=all&order=-cost")
    page.goto(f"{guarded}/sites")
    page.get_by_text("Times are UTC.").wait_for()
    context.close()
