"""Nothing configured, nothing else installed: `opentelemetry-instrument python app.py` records into the store."""

from __future__ import annotations

import subprocess

import pytest

from tests.starting.application import Application, ended, names, stored
from tests.starting.collector import Collector

ONE_SPAN = """
    from opentelemetry import trace

    with trace.get_tracer("shop").start_as_current_span("checkout"):
        print("sold")
"""


def test_a_script_is_recorded_in_the_default_store_and_nothing_is_printed(application: Application):
    data = application.directory.parent / "data"
    environ = {"HOME": str(application.directory), "XDG_DATA_HOME": str(data), "FIRSTTOKEN_STORE": ""}
    run = application.run(ONE_SPAN, **environ)
    assert (run.status, run.stdout, run.stderr) == (0, "sold\n", "")
    (found,) = application.directory.parent.rglob("firsttoken.duckdb")
    assert names(stored(found)) == ["checkout"]


def test_firsttoken_store_names_the_file(application: Application):
    application.run(ONE_SPAN)
    assert names(application.stored()) == ["checkout"]


def test_a_script_without_calls_loads_neither_anthropic_nor_duckdb_and_starts_no_thread(application: Application):
    run = application.run("""
        import sys, threading

        heavy = {"anthropic", "duckdb", "pandas", "pyarrow", "streamlit", "multiprocessing", "grpc"}
        print(sorted(heavy & sys.modules.keys()), threading.active_count())
    """)
    assert (run.stdout, run.stderr) == ("[] 1\n", "")
    assert not application.stored()


def test_loading_what_is_ours_takes_a_script_that_makes_no_calls_under_20_ms(application: Application):
    """`benchmarks/startup.py` compares whole starts; this holds everywhere, whatever else the machine does."""
    programs = application.command("python", "-X", "importtime", application.script("pass"))
    ended(subprocess.Popen(programs, env=application.environment(), stderr=subprocess.DEVNULL, text=True))
    loading = ended(subprocess.Popen(programs, env=application.environment(), stderr=subprocess.PIPE, text=True)).stderr
    ours = [line for line in loading.splitlines() if line.rpartition("|")[2].strip().startswith("firsttoken")]
    assert len(ours) > 3
    assert sum(int(line.split("|")[0].rpartition(":")[2]) for line in ours) < 20_000


def test_what_the_user_set_in_otel_traces_exporter_is_what_happens(application: Application):
    run = application.run(ONE_SPAN, OTEL_TRACES_EXPORTER="none")
    assert (run.status, run.stderr) == (0, "")
    assert not application.stored()


@pytest.mark.parametrize("exporters", ["otlp,duckdb", None], ids=["named", "by the endpoint alone"])
def test_a_collector_and_the_store_both_get_everything(
    application: Application, collector: Collector, exporters: str | None
):
    named = {"OTEL_TRACES_EXPORTER": exporters} if exporters else {}
    run = application.run(
        ONE_SPAN, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **named
    )
    assert (run.status, run.stderr) == (0, "")
    assert collector.spans == ["checkout"]
    assert names(application.stored()) == ["checkout"]


def test_a_collector_that_does_not_answer_costs_the_store_nothing(application: Application):
    application.run(
        ONE_SPAN,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    assert names(application.stored()) == ["checkout"]


def test_the_environment_is_left_as_it_was_for_child_processes(application: Application):
    run = application.run("""
        import os

        print(sorted(name for name in os.environ if name.startswith("OTEL_")))
    """)
    assert run.stdout == "[]\n"


def test_a_wrong_store_path_is_one_line_in_the_log_and_the_application_goes_on(application: Application):
    file = application.directory / "file"
    file.write_text("a file, where a directory is wanted")
    run = application.run(ONE_SPAN, FIRSTTOKEN_STORE=str(file / "store.duckdb"))
    assert (run.status, run.stdout) == (0, "sold\n")
    assert len(run.stderr.splitlines()) == 1
    assert "store.duckdb" in run.stderr


def test_a_store_that_is_no_duckdb_file_is_one_line_in_the_log_and_stays_as_it_is(application: Application):
    application.store.write_text("accounts")
    run = application.run(ONE_SPAN)
    assert (run.status, run.stdout) == (0, "sold\n")
    assert len(run.stderr.splitlines()) == 1
    assert application.store.read_text() == "accounts"


def test_an_application_can_set_its_own_providers_for_metrics_and_logs(application: Application):
    """They could be set only once, and the SDK's configurator would have set empty ones."""
    run = application.run("""
        from opentelemetry import metrics, trace
        from opentelemetry._logs import get_logger_provider, set_logger_provider
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk.metrics import MeterProvider

        meters, logs = MeterProvider(), LoggerProvider()
        metrics.set_meter_provider(meters)
        set_logger_provider(logs)
        print(metrics.get_meter_provider() is meters, get_logger_provider() is logs)
    """)
    assert (run.stdout, run.stderr) == ("True True\n", "")
