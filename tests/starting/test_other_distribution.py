"""Beside another OpenTelemetry distribution ours gives way: that one's settings, and the user's, are what counts."""

from __future__ import annotations

from pathlib import Path

from tests.starting.application import Application, Ended, names
from tests.starting.collector import Collector

ONE_SPAN = """
    import os, signal, sys
    from opentelemetry import trace

    with trace.get_tracer("shop").start_as_current_span("checkout"):
        pass
"""


def settings(collector: Collector, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        **more,
    }


def test_everything_still_goes_to_the_collector_and_nothing_to_the_store(
    application: Application, collector: Collector, with_stock_distribution: Path
):
    run = application.installed_in(with_stock_distribution).run(ONE_SPAN, **settings(collector))
    assert run == Ended(0, "", "")
    assert collector.spans == ["checkout"]
    assert not application.stored()


def test_where_both_exporters_are_named_both_get_all_of_it(
    application: Application, collector: Collector, with_stock_distribution: Path
):
    named = settings(collector, OTEL_TRACES_EXPORTER="otlp,duckdb")
    run = application.installed_in(with_stock_distribution).run(ONE_SPAN, **named)
    assert run == Ended(0, "", "")
    assert collector.spans == ["checkout"]
    assert names(application.stored()) == ["checkout"]


def test_sigterm_loses_nothing_there_either(
    application: Application, collector: Collector, with_stock_distribution: Path
):
    named = settings(collector, OTEL_TRACES_EXPORTER="otlp,duckdb")
    ending = "    os.kill(os.getpid(), signal.SIGTERM)"
    run = application.installed_in(with_stock_distribution).run(ONE_SPAN + ending, **named)
    assert run == Ended(-15, "", "")
    assert collector.spans == ["checkout"]
    assert names(application.stored()) == ["checkout"]


def test_ours_can_be_chosen_by_name(application: Application, with_stock_distribution: Path):
    run = application.installed_in(with_stock_distribution).run(ONE_SPAN, OTEL_PYTHON_DISTRO="firsttoken")
    assert run == Ended(0, "", "")
    assert names(application.stored()) == ["checkout"]
    assert {span.service for span in application.stored()} == {"app"}
