"""What the README tells a newcomer to paste is what .ci/run runs, and what it names exists."""

from __future__ import annotations

import re
import subprocess

import pytest

from firsttoken_dashboard.advisor import rules
from tests.project.repository import ROOT, pyproject, text

SET_UP = 'python3 -m venv .venv && .venv/bin/pip install -e ".[{extra}]" && .venv/bin/{program}'


@pytest.mark.parametrize(
    ("extra", "program"), [("dashboard", "firsttoken demo"), ("test", "pytest -n 2 --dist loadfile")]
)
def test_the_two_commands_stand_in_the_readme_once_each(extra: str, program: str) -> None:
    assert text("README.md").splitlines().count(SET_UP.format(extra=extra, program=program)) == 1
    assert extra in pyproject()["project"]["optional-dependencies"]


def test_ci_takes_its_commands_from_the_readme() -> None:
    script = text(".ci/run")

    assert "readme_command 'firsttoken demo'" in script
    assert "readme_command 'pytest -n 2 --dist loadfile'" in script
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci/run")], check=False, timeout=10).returncode == 0


DOCS = sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *DOCS]


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text(page))
    folder = (ROOT / page).parent

    assert [target for target in targets if "://" not in target and not (folder / target).exists()] == []


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(((?:docs/)?[a-z-]+\.md)", text("README.md")))
    seen: set[str] = set()
    while linked - seen:
        page = (linked - seen).pop()
        seen.add(page)
        if (ROOT / page).exists():
            linked |= {f"docs/{name.removeprefix('docs/')}" for name in re.findall(r"\]\(([a-z-]+\.md)", text(page))}
    assert [page for page in DOCS if page not in seen] == []


def test_the_python_in_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", text("README.md"), re.DOTALL)

    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")


def test_each_rule_is_in_the_readme() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \|", text("README.md"), re.MULTILINE)
    assert documented == [module.RULE.id for module in rules.load()]
