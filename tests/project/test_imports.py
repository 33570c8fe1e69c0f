"""What importing costs, and who may import whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.project.repository import ROOT

#: Seconds that `import firsttoken` may take beyond what it takes of OpenTelemetry.
BUDGET_S = 0.050

MEASURE = """
import json, sys, time
import opentelemetry.trace, opentelemetry.sdk.trace, opentelemetry.instrumentation.instrumentor
began = time.perf_counter()
import {module}
print(json.dumps([time.perf_counter() - began, sorted(sys.modules)]))
"""


def measured(module: str) -> tuple[float, set[str]]:
    """Import a module in a new process: the seconds it took, and the modules loaded then."""
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE.format(module=module)],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    seconds, modules = json.loads(ended.stdout)
    return seconds, set(modules)


def test_importing_firsttoken_is_quick() -> None:
    # The best of five: what the machine does besides is not what is measured.
    assert min(measured("firsttoken")[0] for _ in range(5)) < BUDGET_S


@pytest.mark.parametrize("module", ["firsttoken", "firsttoken.store", "firsttoken.attributes"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    _, modules = measured(module)

    assert not {"duckdb", "anthropic", "pandas", "pyarrow", "streamlit", "firsttoken_dashboard"} & modules


def test_the_command_line_loads_no_command_to_list_them() -> None:
    _, modules = measured("firsttoken_dashboard.cli")

    assert not {"duckdb", "anthropic", "streamlit", "starlette", "grpc", "firsttoken_dashboard.analysis"} & modules


def test_imports_go_one_way() -> None:
    pytest.importorskip("importlinter", reason="pip install import-linter checks who imports whom")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]

    ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120, cwd=ROOT)

    assert ended.returncode == 0, ended.stdout + ended.stderr
