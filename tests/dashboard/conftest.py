"""A real browser over real pages over a real store; what a machine lacks for that skips with one line."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import firsttoken.store
from firsttoken.store import SpanRecord
from firsttoken_dashboard.simulate import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
Open = Callable[..., "Page"]
Serve = Callable[[Path], str]


# Not for the session: while it is open, Playwright's event loop runs in this thread, and no test after it can run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no browser: install one with `apt-get install chromium`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves the pages over a store until the test and its pages have ended."""
    with ExitStack() as servers:
        yield lambda store: servers.enter_context(serving(store))


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for a module: what a browser has loaded once it does not load again."""
    context = browser.new_context()
    context.set_default_timeout(60_000)  # no promise: a server's first page takes 8 s of a slow machine that is busy
    yield context
    context.close()


@pytest.fixture
def open_page(context: BrowserContext, serve: Serve) -> Iterator[Open]:
    """Opens an address; afterwards no page may have logged an error or asked anybody but this machine."""
    del serve  # asked for so that the pages close before their server does
    pages: list[Page] = []
    wrong: list[str] = []

    def opened(address: str, *, width: int = 1280, theme: Any = "light") -> Page:
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if not _here(request.url) else None)
        page.goto(address)
        return page

    yield opened
    for page in pages:
        page.close()
    assert wrong == []


def whole(page: Page) -> None:
    """Wait until the page has drawn its last element, and our own elements have drawn themselves."""
    page.get_by_text("Times are UTC.").wait_for()
    page.get_by_role("progressbar").first.wait_for(state="detached")
    page.wait_for_function("""() => {
        const shadows = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
        const roots = shadows.map((shadow) => shadow.querySelector(".root")).filter(Boolean);
        return roots.length > 0 && roots.every((root) => root.childElementCount > 0);
    }""")


def walk_to(page: Page, address: str) -> None:
    """Go to another of the pages without loading it anew, as its links do."""
    page.evaluate(
        """(address) => {
            history.pushState(null, "", address);
            window.dispatchEvent(new PopStateEvent("popstate"));
        }""",
        address,
    )
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'")


def _here(url: str) -> bool:
    return url.startswith(("http://localhost:", "http://127.0.0.1:", "data:", "blob:"))


@contextmanager
def serving(
    store: Path, *words: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Generator[str]:
    """`firsttoken dashboard` over this store, as a user starts it in that folder; its address."""
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "dashboard", "--port", "0", "--no-browser"]
    with subprocess.Popen(
        [*command, "--store", str(store), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        match = re.search(r"http://\S+", told)
        assert match is not None, told
        try:
            yield match[0]
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with 4,000 simulated calls of the last day."""
    path = tmp_path_factory.mktemp("simulated") / "calls.duckdb"
    fill(firsttoken.store.open(path, memory_limit="512MB"), 4000, days=1, seed=3)
    return path


@pytest.fixture(scope="session")
def pages(simulated: Path) -> Iterator[str]:
    """The address of the pages over the simulated calls."""
    with serving(simulated) as address:
        yield address


def span(
    number: int,
    *,
    name: str = "chat claude-sonnet-5-5",
    service: str = "shop",
    ago_s: float = 5.0,
    attributes: Mapping[str, Any] | None = None,
) -> SpanRecord:
    """A call as our instrumentation records it."""
    import json

    now = int(datetime.now(timezone.utc).timestamp() * 1e9)
    start = now - int(ago_s * 1e9)
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5-5",
        "gen_ai.response.model": "claude-sonnet-5-5",
        "gen_ai.response.id": f"msg_{number}",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "code.file.path": "/app/shop.py",
        "code.line.number": 7,
        "code.function.name": "reply",
    }
    told |= attributes or {}
    return SpanRecord(
        trace_id=f"{number + 1:032x}",
        span_id=f"{number + 1:016x}",
        parent_span_id=None,
        name=name,
        kind="CLIENT",
        start_time=start,
        end_time=start + 1_500_000_000,
        status_code="UNSET",
        status_message=None,
        scope_name="firsttoken",
        scope_version="1",
        service_name=service,
        resource=json.dumps({"service.name": service}),
        attributes=json.dumps(told),
        events="[]",
        links="[]",
    )
