"""`firsttoken doctor` says what is in force here, and where calls are not recorded, why not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.starting.application import Application, Ended, ended

HEALTHY = "Calls made under `opentelemetry-instrument` are recorded here."


def doctor(application: Application, *words: str, **variables: str) -> Ended:
    process = subprocess.Popen(
        [str(application.programs / "python"), "-m", "firsttoken_dashboard.cli", "doctor", *words],
        cwd=application.directory,
        env=application.environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return ended(process)


def line(report: Ended, subject: str) -> str:
    """What the report says of a subject, its state before it."""
    (found,) = [each for each in report.stdout.splitlines() if each.split()[1:2] == [subject]]
    return " ".join(found.split())


def test_where_nothing_is_configured_all_is_well(application: Application):
    report = doctor(application)
    assert (report.status, report.stderr) == (0, "")
    assert report.stdout.splitlines()[-1] == HEALTHY
    assert line(report, "distribution").startswith("ok distribution firsttoken")
    assert line(report, "exporters") == "ok exporters DuckDBSpanExporter"
    assert line(report, "store") == f"ok store {application.store}: made with the first call"


@pytest.mark.parametrize(
    ("variables", "subject", "told"),
    [
        ({"FIRSTTOKEN_DISABLED": "1"}, "instrumentor", "off, by FIRSTTOKEN_DISABLED=1; unset it."),
        ({"OTEL_TRACES_EXPORTER": "none"}, "exporters", "set OTEL_TRACES_EXPORTER=duckdb"),
        ({"FIRSTTOKEN_STORE": "off"}, "store", "switched off (FIRSTTOKEN_STORE=off)"),
        ({"FIRSTTOKEN_STORE": "/dev/null/store.duckdb"}, "store", "is no directory to write to"),
    ],
    ids=["disabled", "no exporter", "store off", "no directory"],
)
def test_what_keeps_calls_from_being_recorded_is_named(
    application: Application, variables: dict[str, str], subject: str, told: str
):
    report = doctor(application, **variables)
    assert (report.status, report.stderr) == (3, "")
    assert line(report, subject).startswith("wrong")
    assert told in line(report, subject)


def test_beside_another_distribution_it_says_how_to_have_both(application: Application, with_stock_distribution: Path):
    report = doctor(application.installed_in(with_stock_distribution), OTEL_TRACES_EXPORTER="console")
    assert report.status == 3
    assert "opentelemetry.distro" in line(report, "distribution")
    assert "set OTEL_TRACES_EXPORTER=console,duckdb" in line(report, "exporters")


def test_a_program_is_run_and_what_of_it_was_recorded_is_told(application: Application):
    application.script("""
        import sys
        from opentelemetry import trace

        trace.get_tracer("shop").start_span("checkout").end()
        print("sold")
        sys.exit(5)
    """)
    report = doctor(application, "--", sys.executable, "app.py")
    assert report.stdout.startswith("sold\n")
    assert line(report, "recorded").endswith("ended with status 5; 0 calls and 1 span in all are in the store")


def test_a_program_that_is_not_there_is_one_sentence(application: Application):
    report = doctor(application, "--", "no-such-program")
    assert (report.status, report.stdout) == (2, "")
    assert len(report.stderr.splitlines()) == 1


def test_json_has_the_same_checks_and_no_secrets(application: Application):
    report = doctor(
        application,
        "--format",
        "json",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer secret",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://user:secret@127.0.0.1:9",
        FIRSTTOKEN_HASH_KEY="secret",
    )
    assert {check["subject"] for check in json.loads(report.stdout)} >= {"distribution", "exporters", "store"}
    assert "secret" not in report.stdout
