"""The specification against every SDK, Python and HTTP library: `python -m benchmarks.compatibility.run [COLUMN…]`.

Makes an environment a column under `--environments` (with uv, else venv and pip), runs `tests/instrumentation` in each,
and writes docs/compatibility.md: the scenarios of `scenarios.py` by column. What fails is asked once more, by itself,
because tests of clocks fail on a busy machine. A column that was run before keeps its results unless it is named;
`--new` runs all again. A column takes one to three minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.compatibility.table import page

ROOT = Path(__file__).resolve().parents[2]
Outcome: TypeAlias = Literal["passed", "failed", "skipped"]
#: Outcomes by `file::function[parameters]`.
Results: TypeAlias = dict[str, Outcome]
#: httpx 0.28 took away an argument that the first SDKs pass.
_ALSO = {"0.40.0": ["httpx<0.28"]}


@dataclass(frozen=True)
class Column:
    """One environment. `aiohttp`: async calls go through it, and only those are run."""

    anthropic: str
    python: str = "3.11"
    aiohttp: bool = False

    def __str__(self) -> str:
        return f"{self.anthropic}-py{self.python}" + ("-aiohttp" if self.aiohttp else "")


COLUMNS = (
    *(
        Column(version)
        for version in "0.40.0 0.60.0 0.90.0 0.125.0 1.0.0 1.13.0 1.14.0 1.17.0 2.0.0 2.12.0".split()  # noqa: SIM905
    ),
    Column("0.40.0", "3.10"),
    Column("0.125.0", "3.13"),
    Column("2.12.0", "3.10"),
    Column("2.12.0", "3.12"),
    Column("2.12.0", "3.13"),
    Column("0.125.0", "3.11", aiohttp=True),
    Column("2.12.0", "3.13", aiohttp=True),
)


def interpreter(version: str) -> str | None:
    """A Python of that version on this machine."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return getattr(sys, "_base_executable", sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


def environment(column: Column, home: Path) -> Path | None:
    """The interpreter of the column's environment, made if it is not there; None without such a Python."""
    directory = home / str(column)
    python = directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    base = interpreter(column.python)
    if python.exists() or base is None:
        return python if python.exists() else None
    extra = "[aiohttp]" if column.aiohttp else ""
    wanted = [f"anthropic{extra}=={column.anthropic}", *_ALSO.get(column.anthropic, []), "-e", str(ROOT)]
    wanted += ["boto3>=1.34", "pytest>=8.2", "trio>=0.25", "typing-extensions>=4.5"]
    uv = shutil.which("uv")
    if uv is not None:
        subprocess.run([uv, "venv", "-q", "--python", base, directory], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *wanted], check=True)
    else:
        subprocess.run([base, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def versions(python: Path) -> str:
    """The HTTP library of an environment, and OpenTelemetry's SDK."""
    program = (
        "import importlib.metadata as m, importlib.util as u\n"
        "http = 'httpx2' if u.find_spec('httpx2') else 'httpx'\n"
        "print(http, m.version(http), m.version('opentelemetry-sdk'))"
    )
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def run(python: Path, column: Column, processes: int, only: Sequence[str], without: Sequence[str]) -> Results:
    """The tests, in a few processes at once because they mostly wait; then what failed, alone."""
    files = {file.stem.removeprefix("test_"): file for file in (ROOT / "tests" / "instrumentation").glob("test_*.py")}
    files = [files[name] for name in sorted(files) if name not in without and (name in only or not only)]
    # The longest ones in processes of their own.
    longest = ("chaos", "secrets", "context", "no_harm")
    own = [file for name in longest for file in files if file.stem == f"test_{name}"][: max(0, processes - 1)]
    groups = [[file] for file in own]
    if rest := [file for file in files if file not in own]:
        groups.append(rest)
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder) / f"{number}.xml" for number in range(len(groups))]
        running = [_start(python, column, report, group) for report, group in zip(reports, groups, strict=True)]
        for process in running:
            process.wait()
        results: Results = {test: outcome for report in reports for test, outcome in _outcomes(report).items()}
    return again(python, column, results)


def again(python: Path, column: Column, results: Results) -> Results:
    """`results`, with what failed asked once more."""
    failed = [test for test, outcome in results.items() if outcome == "failed"]
    if not failed:
        return results
    names = [ROOT / "tests" / "instrumentation" / f"test_{test}".replace("::", ".py::", 1) for test in failed]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "again.xml"
        _start(python, column, report, names).wait()
        return results | _outcomes(report)


def _start(python: Path, column: Column, report: Path, selection: Sequence[Path]) -> subprocess.Popen[bytes]:
    only = ["-k", "async"] if column.aiohttp else []
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *only, *selection]
    paths = os.pathsep.join(str(ROOT / half) for half in ("instrumentation", "dashboard"))
    told = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    if column.aiohttp:
        told["FIRSTTOKEN_TEST_TRANSPORT"] = "aiohttp"
    return subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.DEVNULL)


def _outcomes(report: Path) -> Results:
    found: Results = {}
    for case in ET.parse(report).iter("testcase"):
        file = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
        kinds = {child.tag for child in case}
        outcome: Outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        name = f"{file}::{case.get('name')}"
        found[name] = "failed" if found.get(name) == "failed" else outcome
    return found


def _ask(column: Column, python: Path, before: Results, args: argparse.Namespace) -> Results:
    """The column's outcomes now, where `before` are those of an earlier run."""
    if args.failed and before:
        return again(python, column, before)
    now = run(python, column, args.processes, args.only, args.without)
    return before | now if args.only else now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("columns", nargs="*", metavar="COLUMN", help=f"any of {' '.join(map(str, COLUMNS))}")
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-compatibility")
    parser.add_argument("--processes", type=int, default=3, help="at once (default: 3)")
    parser.add_argument("--new", action="store_true", help="run all columns, whatever was run before")
    parser.add_argument("--failed", action="store_true", help="of what was run before, only what failed")
    parser.add_argument("--only", action="append", default=[], metavar="FILE", help="chaos: test_chaos.py")
    parser.add_argument("--without", action="append", default=[], metavar="FILE")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "compatibility.md")
    args = parser.parse_args()
    if unknown := set(args.columns) - set(map(str, COLUMNS)):
        parser.error(f"no column is called {', '.join(sorted(unknown))}")
    results: dict[str, Results] = {}
    libraries: dict[str, str] = {}
    for column in COLUMNS:
        name = str(column)
        kept = args.environments / f"{name}.json"
        if kept.exists():
            read = json.loads(kept.read_text(encoding="utf-8"))
            results[name], libraries[name] = read["outcomes"], read["libraries"]
        everything = args.new or args.failed or args.only or name not in results
        if name not in args.columns and (args.columns or not everything):
            continue
        python = environment(column, args.environments)
        if python is None:
            print(f"{name}: there is no Python {column.python} here", file=sys.stderr)
            continue
        began = time.monotonic()
        results[name] = _ask(column, python, results.get(name, {}), args)
        libraries[name] = versions(python)
        kept.write_text(json.dumps({"libraries": libraries[name], "outcomes": results[name]}), encoding="utf-8")
        failed = [test for test, outcome in results[name].items() if outcome == "failed"]
        print(f"{name}: {len(results[name])} tests, {time.monotonic() - began:.0f} s", *failed, sep="\n  ", flush=True)
    args.output.write_text(page(results, libraries), encoding="utf-8")
    return 1 if any("failed" in outcomes.values() for outcomes in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
