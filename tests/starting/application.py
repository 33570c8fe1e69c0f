"""Scripts that never heard of firsttoken, run in processes of their own by the real `opentelemetry-instrument`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import firsttoken.store
from firsttoken.store import StoreMissing

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Ended:
    """How a process ended and what it wrote."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Stored:
    """A span that the store has."""

    name: str
    scope: str | None
    service: str | None
    resource: dict[str, Any]


@dataclass(frozen=True)
class Application:
    """A directory with scripts in it, the store that they are to fill, and the environment whose programs run them."""

    directory: Path
    store: Path
    programs: Path = PROGRAMS

    def installed_in(self, programs: Path) -> Application:
        return replace(self, programs=programs)

    def script(self, source: str, name: str = "app.py") -> Path:
        path = self.directory / name
        path.write_text(dedent(source))
        return path

    def command(self, *words: str | Path) -> list[str]:
        """What a user types: `opentelemetry-instrument WORDS`; a first word `python` is the environment's."""
        first, *rest = [str(word) for word in words]
        return [str(self.programs / "opentelemetry-instrument"), str(self.programs / first), *rest]

    def environment(self, **extra: str) -> dict[str, str]:
        """The test run's own, without what would configure OpenTelemetry, and with the store's path."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "FIRSTTOKEN_", "PYTHON", "COV_"))
        }
        return {**kept, "FIRSTTOKEN_STORE": str(self.store), **extra}

    def start(self, *words: str | Path, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            cwd=self.directory,
            env=self.environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: str, *arguments: str, **extra: str) -> Ended:
        """Run a script to its end; `extra` are variables of its environment."""
        return ended(self.start("python", self.script(source), *arguments, **extra))

    def start_plain(self, *words: str | Path, **extra: str) -> subprocess.Popen[str]:
        """Run the environment's Python, without `opentelemetry-instrument`."""
        return subprocess.Popen(
            [str(self.programs / "python"), *map(str, words)],
            cwd=self.directory,
            env=self.environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_without_us(self, source: str) -> Ended:
        process = subprocess.Popen(
            [sys.executable, str(self.script(source))],
            cwd=self.directory,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return ended(process)

    def stored(self) -> list[Stored]:
        """The spans in the store, in the order in which they began; none where there is no store."""
        return stored(self.store)


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process's end; one that does not come is killed, and the test fails."""
    try:
        stdout, stderr = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"still running after 60 s\n{stdout}\n{stderr}") from None
    return Ended(process.returncode, stdout, stderr)


def stored(path: Path) -> list[Stored]:
    """What a reader finds, who takes in what a process laid down before it ended."""
    store = firsttoken.store.open(path)
    try:
        with store.read() as connection:
            rows = connection.execute(
                "SELECT name, scope_name, service_name, resource FROM spans ORDER BY start_time"
            ).fetchall()
    except StoreMissing:
        return []
    return [Stored(name, scope, service, json.loads(resource)) for name, scope, service, resource in rows]


def names(spans: list[Stored]) -> list[str]:
    return [span.name for span in spans]
