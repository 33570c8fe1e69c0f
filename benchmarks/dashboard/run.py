"""How long until a page can be read, in a real browser, beside the same elements sent from literals.

    python benchmarks/dashboard/run.py [--store FILE | --calls 1000000] [--rounds 5] [--span 24h] [--page overview …]

Without --store it makes a store of simulated calls first. For every page, in turns: the page with the server's answers
forgotten (cold), again with them (warm), and its floor; median of the rounds, milliseconds since the reload. "CPU" is
what the server's process took of the processor. "first" is
when the first figures and the first table can be read, "whole" when nothing more comes. What is made beside the page
(audit, comparison, replay of prompts) is timed apart, at the first visit: "beside". At the end: clicks, and what memory
the server took.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

import firsttoken.store
from firsttoken_dashboard.simulate import fill

PAGES = ("overview", "recommendations", "calls", "sites", "caching", "models", "compare", "errors", "data")
HERE = Path(__file__).parent
# Runs before the page's own scripts; looks every 20 ms what there is to read.
WATCH = """
(() => {
  const told = window.told = {first: null, whole: null, audit: null};
  const full = (root) => root.childElementCount > 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    const app = document.querySelector("[data-testid=stApp]");
    if (app) {
      const shadows = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
      const roots = shadows.map((one) => one.querySelector(".root")).filter(Boolean);
      const read = roots.filter(full).length;
      const words = document.body.innerText;
      const footer = words.includes("Times are UTC.");
      const idle = app.dataset.testScriptState !== "running";
      const waits = document.querySelector("[data-testid=stProgress]") !== null;
      if (told.first === null && (read >= 2 || (footer && read === roots.length))) told.first = now;
      if (footer && idle && read === roots.length && roots.length > 0) {
        if (told.count !== roots.length) { told.count = roots.length; told.settled = now; }
        if (told.whole === null && now - told.settled > 250) told.whole = told.settled;
        if (told.audit === null && told.whole !== null && !waits) told.audit = now;
      } else { told.count = null; }
    }
    setTimeout(look, 20);
  };
  setTimeout(look, 20);
})();
"""


@contextmanager
def serving(kind: str, store: Path, recordings: Path) -> Generator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server of that kind, and its process."""
    words = ["--store", str(store), "--port", "0", "--no-browser"]
    with subprocess.Popen(
        [sys.executable, str(HERE / "serve.py"), kind, str(recordings), *words], stdout=subprocess.PIPE, text=True
    ) as process:
        match = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
        if match is None:
            sys.exit("the server did not start")
        try:
            yield match[0], process
        finally:
            process.terminate()


def timed(page: Page, address: str, *, audit: bool = False) -> dict[str, float]:
    """Milliseconds since the navigation began: first, whole, and the audit's answer."""
    page.goto(address, wait_until="commit")
    page.wait_for_function(f"window.told?.{'audit' if audit else 'whole'} !== null", timeout=240_000)
    told: dict[str, float] = page.evaluate("window.told")
    return told


def click_until(page: Page, click: str, done: str) -> float:
    """Milliseconds from a click until `done` (JavaScript) holds."""
    return float(
        page.evaluate(
            """([click, done]) => new Promise((resolve) => {
              const find = new Function(`return ${click}`), holds = new Function(`return ${done}`);
              const began = performance.now();
              find().click();
              const look = () => (holds() ? resolve(performance.now() - began) : requestAnimationFrame(look));
              look();
            })""",
            [click, done],
        )
    )


def cpu_ms(process: int) -> float:
    """The processor time that the process has taken so far: it tells also where the machine is busy."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    """The most memory the process ever had."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]


DEEP = """const deep = (css) => [...document.querySelectorAll('*')].flatMap((one) => one.shadowRoot
  ? [...one.shadowRoot.querySelectorAll(css)] : []);"""
COST_HEAD = f"(() => {{ {DEEP} return deep('th button').find((one) => one.textContent.startsWith('Cost')); }})()"
COST_SORTED = (
    f"(() => {{ {DEEP} return deep('th[aria-sort=descending]').some((one) => one.textContent.includes('Cost')); }})()"
)
FIRST_SCORE = f"(() => {{ {DEEP} return deep('.card .value')[0]?.textContent; }})()"
BUTTON = "[...document.querySelectorAll('button')].find((one) => /{}/.test(one.innerText))"


def interactions(page: Page, address: str, forget: Any, rounds: int) -> dict[str, float]:
    """Medians of clicks, each with the server's answers forgotten before."""
    told: dict[str, list[float]] = {"calls sorted by cost": [], "calls, next page": [], "overview, 24h to 7d": []}
    for _ in range(rounds):
        timed(page, f"{address}/calls?live=false")
        forget()
        told["calls sorted by cost"].append(click_until(page, COST_HEAD, COST_SORTED))
        page.wait_for_timeout(500)
        forget()
        second = "document.body.innerText.includes('26–50 of')"
        told["calls, next page"].append(click_until(page, BUTTON.format("On|Older"), second))
        timed(page, f"{address}/?live=false&span=24h")
        page.wait_for_timeout(500)
        forget()
        changed = f"{FIRST_SCORE} !== {page.evaluate(FIRST_SCORE)!r}"
        told["overview, 24h to 7d"].append(click_until(page, BUTTON.format("^7d$"), changed))
    return {name: statistics.median(values) for name, values in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--span", default="24h")
    parser.add_argument("--page", nargs="*", default=list(PAGES))
    parser.add_argument("--no-clicks", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = args.store or Path(folder, "calls.duckdb")
        if args.store is None:
            fill(firsttoken.store.open(store, memory_limit="2GB"), args.calls, days=14.0, seed=5)
        recordings = Path(folder, "recordings")
        recordings.mkdir()
        with (
            serving("real", store, recordings) as (real, server),
            serving("floor", store, recordings) as (floor, literal),
            sync_playwright() as playwright,
        ):
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)

            def tab() -> Page:
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.add_init_script(WATCH)
                return context.new_page()

            # Each server has its own: a browser that goes from one to the other begins anew.
            page, beside = tab(), tab()

            def forget() -> None:
                os.kill(server.pid, signal.SIGUSR1)
                time.sleep(0.3)

            print(
                "| page | first, cold | whole, cold | warm | floor | cold / floor | CPU, cold | CPU, floor | beside |"
            )
            print("|---|---|---|---|---|---|---|---|---|", flush=True)
            for name in args.page:
                path = "" if name == "overview" else name
                query = f"?live=false&span={args.span}"
                audit = name in {"overview", "recommendations", "sites", "caching", "compare"}
                first_audit = timed(page, f"{real}/{path}{query}", audit=audit)["audit"]
                timed(beside, f"{floor}/{path}{query}")
                rounds: dict[str, list[float]] = {
                    name: [] for name in ("first", "cold", "warm", "floor", "cpu", "floor cpu")
                }
                for _ in range(args.rounds):
                    rounds["warm"].append(timed(page, f"{real}/{path}{query}")["whole"])
                    before = cpu_ms(literal.pid)
                    rounds["floor"].append(timed(beside, f"{floor}/{path}{query}")["whole"])
                    rounds["floor cpu"].append(cpu_ms(literal.pid) - before)
                    forget()
                    before = cpu_ms(server.pid)
                    cold = timed(page, f"{real}/{path}{query}")
                    rounds["cpu"].append(cpu_ms(server.pid) - before)
                    rounds["first"].append(cold["first"])
                    rounds["cold"].append(cold["whole"])
                middle = {key: statistics.median(values) for key, values in rounds.items()}
                ratio = middle["cold"] / middle["floor"]
                print(
                    f"| {name} | {middle['first']:.0f} | {middle['cold']:.0f} | {middle['warm']:.0f} "
                    f"| {middle['floor']:.0f} | {ratio:.2f} | {middle['cpu']:.0f} | {middle['floor cpu']:.0f} "
                    f"| {f'{first_audit:.0f}' if audit else ''} |",
                    flush=True,
                )
            if not args.no_clicks:
                for name, took in interactions(page, real, forget, args.rounds).items():
                    print(f"{name}: {took:.0f} ms")
            print(f"server memory, most: {memory_mb(server.pid):.0f} MB")
            browser.close()


if __name__ == "__main__":
    main()
