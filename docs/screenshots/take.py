"""Take the pictures in this folder: `python docs/screenshots/take.py [PAGE …]`.

It wants chromium and `pip install -e ".[test]"`. A store of simulated calls is made for them; every page is taken in
light and dark, at the width of a desk and of a telephone. What it prints is each picture's size: they belong into the
repository only while they are small.
"""

# ruff: noqa: INP001, T201 - a script beside its pictures

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image
from playwright.sync_api import sync_playwright

import firsttoken.store
from firsttoken_dashboard.simulate import fill

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parent
PAGES: Final = (
    "overview",
    "recommendations",
    "calls",
    "call",
    "sites",
    "caching",
    "models",
    "compare",
    "errors",
    "data",
)
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTHS: Final = {"desk": 1280, "telephone": 390}
CALLS: Final = 12_000
TALLEST: Final = 1500

#: Whether nothing is being made or drawn any more, and has not been for this long: what is made beside a page arrives
#: after the page's own end, and draws it again.
STILL_MS: Final = 1200
DRAWN: Final = """(still) => {
    const shadows = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    const roots = shadows.map((shadow) => shadow.querySelector(".root")).filter(Boolean);
    const height = document.querySelector("[data-testid=stMain]").scrollHeight;
    const drawn = document.querySelector("[data-testid=stApp]").dataset.testScriptState !== "running"
        && document.querySelector("[role=progressbar]") === null
        && document.body.innerText.includes("Times are UTC.")
        && roots.length > 0 && roots.every((root) => root.childElementCount > 0);
    const now = performance.now();
    if (!drawn || window.drawnHeight !== height || window.drawnWidth !== innerWidth) window.drawnSince = now;
    window.drawnHeight = height;
    window.drawnWidth = innerWidth;
    return now - window.drawnSince > still;
}"""


def main() -> None:
    """Make the store, serve it, take every picture."""
    with tempfile.TemporaryDirectory() as folder:
        store = firsttoken.store.open(Path(folder) / "calls.duckdb", memory_limit="1GB")
        fill(store, CALLS, days=2.0, seed=5)
        with store.read() as con:
            row = con.execute(
                "SELECT span_id FROM calls WHERE stream AND attempts > 1 AND error_type IS NULL "
                "AND code_function = 'step' ORDER BY start_time DESC LIMIT 1"
            ).fetchone()
        command = [sys.executable, "-m", "firsttoken_dashboard.cli", "dashboard", "--port", "0", "--no-browser"]
        with subprocess.Popen([*command, "--store", str(store.path)], stdout=subprocess.PIPE, text=True) as server:
            try:
                told = server.stdout.readline() if server.stdout else ""
                match = re.search(r"http://\S+", told)
                if match is None or row is None:
                    sys.exit(f"The dashboard did not start: {told}")
                _take_all(match[0], str(row[0]))
            finally:
                server.terminate()


def _take_all(address: str, call: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        addresses = {"overview": "?live=false", "call": f"calls?call={call}&live=false"}
        for name in sys.argv[1:] or PAGES:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(f"{address}/{addresses.get(name, f'{name}?live=false')}")
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                for size, width in WIDTHS.items():
                    _take(page, FOLDER / f"{name}-{theme}-{size}.png", width)
            context.close()
        browser.close()


def _take(page: Page, file: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(DRAWN, arg=STILL_MS, polling=100, timeout=120_000)
    height = int(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))
    page.set_viewport_size({"width": width, "height": max(500, min(height, TALLEST))})
    page.wait_for_function(DRAWN, arg=STILL_MS, polling=100)
    page.screenshot(path=file)
    # A palette is enough for flat colours, and a third of the bytes.
    Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
