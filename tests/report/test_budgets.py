from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from firsttoken_dashboard import cli
from firsttoken_dashboard.advisor import states, verify
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window
from tests.advisor.traffic import CHAT, JOB, ROOT, Traffic


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat that streams after 0.9 s, and a job of which one call in ten fails."""
    traffic = Traffic()
    for number in range(40):
        with traffic.request():
            traffic.call(CHAT, stream=True, output_tokens=200)
        bad = number % 10 == 0
        traffic.call(JOB, output_tokens=200, error="api_error" if bad else None, status=500 if bad else None)
    return traffic.store(tmp_path_factory.mktemp("budgets")).path


def checked(store: Path, folder: Path, text: str, *words: str) -> int:
    (folder / "budgets.toml").write_text(text)
    budget = str(folder / "budgets.toml")
    return cli.main(["check", "--store", str(store), "--source-root", str(ROOT), "--budget", budget, *words])


def test_within_the_budget_is_exit_code_0(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = '[[budget]]\nname = "chat"\nsite = "app/*"\nttft_p95_s = 3\ntokens_per_second_p50 = 40\nerror_rate = 0.01\n'

    assert checked(store, tmp_path, text) == 0
    assert capsys.readouterr().out.count("good") == 3


def test_over_the_budget_is_exit_code_1_and_says_what_by_how_much(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert checked(store, tmp_path, '[[budget]]\nname = "job"\nsite = "jobs/*"\nerror_rate = 0.05\n') == 1

    assert "job: error_rate at most 0.05: 0.1, 100 % over" in capsys.readouterr().out


def test_sites_and_services_have_budgets_of_their_own(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = (
        '[[budget]]\nname = "all"\nerror_rate = 0.06\n'
        '[[budget]]\nname = "chat"\nsite = "app/chat.py:answer"\nerror_rate = 0\n'
        '[[budget]]\nname = "shop"\nservice = "shop"\nusd_per_call = 0.02\n'
    )

    assert checked(store, tmp_path, text, "--format", "json") == 0

    verdicts = json.loads(capsys.readouterr().out)["verdicts"]
    assert [one["value"] for one in verdicts[:2]] == [0.05, 0]
    assert verdicts[2]["value"] == pytest.approx((800 * 5 + 200 * 25) / 1e6)


def test_open_findings_can_be_budgeted(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert checked(store, tmp_path, "[[budget]]\nfindings_high = 0\n", "--format", "json") in {0, 1}

    [verdict] = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["measure"] == "findings_high"


def test_what_was_dismissed_or_snoozed_is_not_held_against_the_build(tmp_path: Path):
    traffic = Traffic()
    for _ in range(40):
        with traffic.request():
            traffic.call(CHAT, output_tokens=600)
    made = traffic.store(tmp_path)
    budget = '[[budget]]\nsite = "app/*"\nfindings = 0\n'
    assert checked(made.path, tmp_path, budget) == 1
    found = verify.follow(made, audit(made, Window(), source_root=ROOT)).findings

    for number, one in enumerate(found):
        if number % 2:
            states.snooze(made, one.id, datetime(2100, 1, 1))
        else:
            states.dismiss(made, one.id, "nobody reads it")

    assert checked(made.path, tmp_path, budget) == 0


def test_a_limit_that_measures_nothing_does_not_pass(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The job never streams: it has no time to first token."""
    assert checked(store, tmp_path, '[[budget]]\nsite = "jobs/*"\nttft_p95_s = 3\n') == 1

    assert "not measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["", "[[budget]]\nttft = 3", "[[budget]]\nttft_p95_s = 'fast'", "[[budget", "budget = [3]", "[[budget]]\nname = 3"],
)
def test_a_budgets_file_that_cannot_be_used_is_one_sentence_and_exit_code_2(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
):
    assert checked(store, tmp_path, text) == 2

    assert capsys.readouterr().err.count("\n") == 1
