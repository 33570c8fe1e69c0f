"""`firsttoken compare` tells what differs between two sides by more than luck, and does not invent differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firsttoken import store as stores
from firsttoken.store import Store
from firsttoken_dashboard import cli
from tests.advisor.traffic import CHAT, JOB, ROOT, Traffic


def day(seed: int, speed: float, version: str = "1.0", begins: float = 0.0) -> Traffic:
    traffic = Traffic(seed=seed, tokens_per_second=speed, resource={"service.version": version}, now=begins)
    for _ in range(30):
        with traffic.request():
            traffic.call(stream=True, output_tokens=400)
    return traffic


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Version 1.0 for an hour, then 2.0, which is slower; only 2.0 has the nightly job."""
    made = day(1, 80).store(tmp_path)
    later = day(2, 50, "2.0", 3600)
    later.call(JOB)
    made.append(later.spans)
    return made


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert cli.main(["compare", *words, "--source-root", str(ROOT), "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    [site] = found["sites"]
    assert site["site"]["label"] == f"app/chat.py:{CHAT.line} in answer"
    return {change["measure"]: change["verdict"] for change in site["changes"]}


@pytest.mark.parametrize(
    "sides", [("version:1.0", "version:2.0"), ("/2026-11-20T09:59", "2026-11-20T09:59/2026-11-21")], ids=str
)
def test_a_slower_version_is_worse_in_what_it_made_slower(
    store: Store, sides: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(capsys, *sides, "--store", str(store.path))

    said = verdicts(found)
    assert (said["duration"], said["output speed"]) == ("worse", "worse")
    assert (said["cost per call"], said["failed calls"]) == ("no difference seen", "no difference seen")
    assert [one["site"]["function"] for one in found["only_b"]] == [JOB.function]


def test_the_interval_holds_the_difference(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(capsys, "version:1.0", "version:2.0", "--store", str(store.path))

    duration = next(change for change in found["sites"][0]["changes"] if change["measure"] == "duration")
    assert duration["change"]["low"] < 400 / 50 - 400 / 80 < duration["change"]["high"]


def test_two_stores_alike_show_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(day(seed, 80).store(tmp_path, f"{seed}.duckdb").path) for seed in (5, 6)]

    assert set(verdicts(compared(capsys, *paths)).values()) == {"no difference seen"}


def test_people_read_both_sides_with_the_interval(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "version:1.0", "version:2.0", "--store", str(store.path)]) == 0

    said = capsys.readouterr().out
    assert "A: version:1.0, 30 calls" in said
    assert "worse (+" in said


@pytest.mark.parametrize("side", ["yesterday", "a/b", "2026-11-02/2026-11-01", "/"])
def test_a_side_that_is_none_is_refused(store: Store, side: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", side, "24h/", "--store", str(store.path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_store_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stores.open(tmp_path / "a.duckdb").append(day(1, 80).spans)

    assert cli.main(["compare", str(tmp_path / "a.duckdb"), str(tmp_path / "b.duckdb")]) == 3
    assert "b.duckdb" in capsys.readouterr().err
