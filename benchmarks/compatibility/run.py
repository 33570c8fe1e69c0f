"""The specification against every SDK that is supported: `python -m benchmarks.compatibility.run [VERSION…]`.

Builds one environment per version under `--environments`, runs `tests/instrumentation` in each, one after the other,
and prints a table for docs/compatibility.md: what passed, by the file that specifies it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("0.40.0", "0.60.0", "0.90.0", "0.125.0", "1.0.0", "1.13.0", "1.14.0", "1.17.0", "2.0.0", "2.12.0")
#: httpx 0.28 took away an argument that the first SDKs pass.
_ALSO = {"0.40.0": ["httpx<0.28"]}


def environment(version: str, home: Path) -> Path:
    """The interpreter of an environment with that SDK, made if it is not there."""
    directory = home / version
    python = directory / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        wanted = [f"anthropic=={version}", *_ALSO.get(version, []), "pytest>=8.2", "typing-extensions>=4.5"]
        uv = shutil.which("uv")
        if uv is not None:
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, directory], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, *wanted, "-e", ROOT], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", directory], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *wanted, "-e", ROOT], check=True)
    return python


def run(python: Path, report: Path, selection: list[str]) -> dict[str, Counter[str]]:
    """Outcomes of the tests by the file they are in."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *selection]
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    found: dict[str, Counter[str]] = {}
    for case in ET.parse(report).iter("testcase"):
        name = case.get("classname", "").rpartition(".")[2].removeprefix("test_").replace("_", " ")
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found.setdefault(name, Counter())[outcome] += 1
        if outcome == "failed":
            print(f"  failed: {case.get('classname')}::{case.get('name')}", file=sys.stderr)
    return found


def table(results: dict[str, dict[str, Counter[str]]]) -> str:
    """Files down, versions across; `12/13` is passed of run, and what a version does not have is not run."""
    names = sorted({name for result in results.values() for name in result})
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        cells: list[str] = []
        for result in results.values():
            counts = result.get(name, Counter())
            done = counts["passed"] + counts["failed"]
            cells.append(f"{counts['passed']}/{done}" if done else "–")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-compatibility")
    parser.add_argument("--select", nargs="*", default=["tests/instrumentation"], help="what pytest is to run")
    args = parser.parse_args()
    results: dict[str, dict[str, Counter[str]]] = {}
    for version in args.versions:
        print(f"anthropic {version} …", file=sys.stderr)
        python = environment(version, args.environments)
        results[version] = run(python, args.environments / f"{version}.xml", list(args.select))
    print(table(results))
    return 1 if any(counts["failed"] for result in results.values() for counts in result.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
