"""The switches that leave an application as if firsttoken were not installed."""

from __future__ import annotations

import pytest

from tests.starting.application import Application, Ended, names

PROBE = """
    import signal
    from opentelemetry import trace
    import anthropic
    from anthropic._base_client import SyncAPIClient

    with trace.get_tracer("shop").start_as_current_span("checkout") as span:
        print(span.is_recording(), signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)
    print(hasattr(SyncAPIClient.request, "__wrapped__"))
"""


@pytest.mark.parametrize(
    "switch",
    [
        {"FIRSTTOKEN_DISABLED": "1"},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "firsttoken"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests, firsttoken"},
    ],
    ids=lambda switch: "=".join(*switch.items()),
)
def test_nothing_is_patched_recorded_or_stored(application: Application, switch: dict[str, str]):
    assert application.run(PROBE, **switch) == Ended(0, "False False\nFalse\n", "")
    assert not application.stored()


def test_without_a_switch_all_three_are_there(application: Application):
    assert application.run(PROBE) == Ended(0, "True True\nTrue\n", "")


def test_a_store_that_is_off_is_silently_no_store(application: Application):
    run = application.run(PROBE, FIRSTTOKEN_STORE="off")
    assert (run.status, run.stderr) == (0, "")
    assert run.stdout.startswith("False False\n")


def test_an_exporter_named_beside_a_switched_off_instrumentation_still_stores(application: Application):
    """For spans that another instrumentation of the SDK makes."""
    run = application.run(PROBE, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="firsttoken", OTEL_TRACES_EXPORTER="duckdb")
    assert run == Ended(0, "True True\nFalse\n", "")
    assert names(application.stored()) == ["checkout"]
