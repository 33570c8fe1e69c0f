"""Run the sample applications, as a user runs theirs: under `opentelemetry-instrument`, each in its own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.demo.lineup import LINEUP, App, sources
from firsttoken_dashboard.options import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firsttoken_dashboard.demo.api import LookAlike

#: Importing anthropic keeps a core busy for one or two seconds: started one after the other, the first applications
#: already wait for answers while the others still load.
STAGGER_S: Final = 0.6
LOOK_EVERY_S: Final = 0.25
#: An application that has not ended by then is stuck.
PATIENCE_S: Final = 120.0
ENDING_S: Final = 3.0

#: What the user's environment says about tracing and the real API must not reach the applications, nor their calls a
#: proxy or the user's own collector.
_FOREIGN: Final = ("OTEL_", "FIRSTTOKEN_", "ANTHROPIC_")


@dataclass(slots=True)
class _Running:
    app: App
    process: subprocess.Popen[bytes]
    log: Path


def run_all(
    api: LookAlike,
    folder: Path,
    store: Path,
    *,
    fixed: bool,
    progress: Callable[[float], None],
    lineup: Sequence[App] = LINEUP,
    manners: str = "",
) -> float:
    """Run every application of the `lineup` to its end; returns the seconds that took.

    Their source is copied to `folder`, where the report finds it again and the user may change it. `progress` is
    called a few times a second with the seconds so far. `manners` is what visitors add to what they ask.

    Raises:
        CommandError: an application failed, or did not end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources(fixed=fixed):
        shutil.copy(source, folder)
    runner = _opentelemetry_instrument()
    began = time.monotonic()
    running: list[_Running] = []
    waiting = list(lineup)
    try:
        while waiting or any(each.process.poll() is None for each in running):
            elapsed = time.monotonic() - began
            if waiting and elapsed >= STAGGER_S * len(running):
                running.append(_start(waiting.pop(0), api, folder, store, runner, manners))
            if elapsed > PATIENCE_S:
                stuck = ", ".join(each.app.name for each in running if each.process.poll() is None)
                raise CommandError(f"after {PATIENCE_S:.0f} s these sample applications still run: {stuck}.")
            progress(elapsed)
            time.sleep(LOOK_EVERY_S)
    finally:
        _end(running)
    for each in running:
        if each.process.returncode:
            raise CommandError(f"the sample application {each.app.name} failed; {each.log} says why.")
    return time.monotonic() - began


def _start(app: App, api: LookAlike, folder: Path, store: Path, runner: list[str], manners: str) -> _Running:
    api.behave(app.api_key, then=app.api)
    own = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
    environment = {
        **own,
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": app.api_key,
        "DEMO_MANNERS": manners,
        "FIRSTTOKEN_STORE": str(store),
        "OTEL_SERVICE_NAME": app.name.replace("_", "-"),
        "OTEL_RESOURCE_ATTRIBUTES": "firsttoken.simulated=true",
        # What is so by default where nothing else is installed; here also beside another distribution.
        "OTEL_PYTHON_DISTRO": "firsttoken",
        "OTEL_TRACES_EXPORTER": "duckdb",
    }
    log = folder / f"{app.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*runner, sys.executable, str(folder / f"{app.name}.py")],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which ends them in order
        )
    return _Running(app, process, log)


def _is_foreign(name: str) -> bool:
    return name.startswith(_FOREIGN) or name.lower().endswith("_proxy")


def _end(running: list[_Running]) -> None:
    for each in running:
        if each.process.poll() is None:
            each.process.terminate()
    for each in running:
        try:
            each.process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()


def _opentelemetry_instrument() -> list[str]:
    """The command beside this Python, called with it: its own first line may name a Python that has moved away."""
    name = "opentelemetry-instrument"
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if (folder / name).is_file():
            return [sys.executable, str(folder / name)]
        if (folder / f"{name}.exe").is_file():
            return [str(folder / f"{name}.exe")]
    if found := shutil.which(name):
        return [found]
    raise CommandError(f'{name} is not installed here; it comes with: pip install "firsttoken[dashboard]"')
