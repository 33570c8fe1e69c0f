"""Uninstalling as docs/turning-off.md says: nothing is left but the store's directory, and nothing breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.project.repository import ROOT, files
from tests.starting.application import Application

pytestmark = pytest.mark.slow

SCRIPT = """
    import sys, anthropic
    client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
    ask = [{"role": "user", "content": "Yes?"}]
    print(client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ask).type)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """An environment into which firsttoken was installed as the README says, from a clone, beside anthropic."""
    clone = tmp_path / "clone"
    for path in files():
        if path.relative_to(ROOT).parts[0] in {"instrumentation", "dashboard"} or path.parent == ROOT:
            (clone / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, clone / path.relative_to(ROOT))
    venv.create(tmp_path / "environment", with_pip=False, symlinks=True)
    bin_directory = tmp_path / "environment" / "bin"
    installed = pip(bin_directory, "install", str(clone), "anthropic")
    if installed.returncode:
        pytest.skip(f"needs a package index: {installed.stderr.strip()[-200:]}")
    return bin_directory


def pip(programs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*pip, *words], capture_output=True, text=True, check=False)


def test_uninstalling_leaves_the_stores_directory_and_an_application_that_runs(
    programs: Path, application: Application, claude_api: LookAlike, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    application = application.installed_in(programs)
    own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "FIRSTTOKEN_STORE": ""}

    ran = application.run(SCRIPT, claude_api.url, **own)
    assert (ran.status, ran.stdout, ran.stderr) == (0, "message\n", "")
    left = sorted(path.relative_to(home) for path in home.rglob("*") if path.is_file())
    assert {path.parts[:2] for path in left} == {("data", "firsttoken")}
    said = subprocess.run(
        [str(programs / "firsttoken"), "store", "info"],
        env=application.environment(**own),
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(home / "data" / "firsttoken") in said.stdout

    assert pip(programs, "uninstall", "--yes", "firsttoken").returncode == 0
    environment = programs.parent
    assert [path for path in environment.rglob("*firsttoken*") if "__pycache__" not in path.parts] == []
    again = application.run(SCRIPT, claude_api.url, **own)
    assert (again.status, again.stdout) == (0, "message\n")
    assert sorted(path.relative_to(home) for path in home.rglob("*") if path.is_file()) == left
    named = application.run(SCRIPT, claude_api.url, **own, OTEL_TRACES_EXPORTER="duckdb")
    assert (named.status, named.stdout, named.stderr) == (0, "message\n", "")
