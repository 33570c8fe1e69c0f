"""An application that sets its own TracerProvider wins: it keeps every span it had, and the store gets them too."""

from __future__ import annotations

from tests.starting.application import Application, names

OWN_PROVIDER = """
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    early = trace.get_tracer("early")
    early_too = trace.get_tracer_provider().get_tracer("early.too")

    own = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(own))
    trace.set_tracer_provider(provider)
    assert trace.get_tracer_provider() is provider

    with early.start_as_current_span("early"), early_too.start_as_current_span("early too"):
        with trace.get_tracer("late").start_as_current_span("late"):
            pass
    print(sorted(span.name for span in own.get_finished_spans()))
    print({span.resource.attributes["service.name"] for span in own.get_finished_spans()})
    print(len({span.context.trace_id for span in own.get_finished_spans()}))
"""


def test_it_becomes_the_global_one_without_a_warning_and_gets_the_spans_of_every_tracer(application: Application):
    """Tracers that were handed out before it was set are the trap: without us they would have followed it."""
    ended = application.run(OWN_PROVIDER)
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["['early', 'early too', 'late']", "{'shop'}", "1"]


def test_the_store_gets_its_spans_each_once_with_its_resource(application: Application):
    application.run(OWN_PROVIDER)
    assert sorted(names(application.stored())) == ["early", "early too", "late"]
    assert {span.service for span in application.stored()} == {"shop"}


def test_spans_that_ended_before_it_was_set_are_in_the_store(application: Application):
    ended = application.run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        with trace.get_tracer("shop").start_as_current_span("import time"):
            pass
        trace.set_tracer_provider(TracerProvider())
    """)
    assert ended.stderr == ""
    assert names(application.stored()) == ["import time"]


def test_its_sampler_holds_for_every_tracer(application: Application):
    application.run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

        early = trace.get_tracer("early")
        trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
        with early.start_as_current_span("early"):
            pass
    """)
    assert application.stored() == []


def test_a_second_one_of_its_own_is_refused_as_ever(application: Application):
    ended = application.run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(TracerProvider())
        trace.set_tracer_provider(TracerProvider())
    """)
    assert ended.stderr.strip() == "Overriding of current TracerProvider is not allowed"


def test_setting_the_one_that_is_there_changes_nothing(application: Application):
    ended = application.run("""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(trace.get_tracer_provider())
        with trace.get_tracer("shop").start_as_current_span("first"):
            pass
        own = TracerProvider()
        trace.set_tracer_provider(own)
        assert trace.get_tracer_provider() is own
        with trace.get_tracer("shop").start_as_current_span("second"):
            pass
    """)
    assert (ended.status, ended.stderr) == (0, "")
    assert names(application.stored()) == ["first", "second"]


def test_one_that_already_writes_to_a_store_is_not_given_a_second_exporter(application: Application):
    own = application.directory / "own.duckdb"
    application.run(
        """
        import sys
        from firsttoken import DuckDBSpanExporter
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(DuckDBSpanExporter(sys.argv[1])))
        trace.set_tracer_provider(provider)
        with trace.get_tracer("shop").start_as_current_span("checkout"):
            pass
        """,
        str(own),
    )
    assert own.exists()
    assert application.stored() == []


def test_one_that_is_not_of_the_sdk_is_left_alone(application: Application):
    ended = application.run("""
        from opentelemetry import trace

        class Plain(trace.TracerProvider):
            def get_tracer(self, *args, **kwargs):
                return trace.NoOpTracer()

        early = trace.get_tracer("early")
        trace.set_tracer_provider(Plain())
        with early.start_as_current_span("early") as span:
            print(span.is_recording())
    """)
    assert (ended.stdout, ended.stderr) == ("False\n", "")
    assert application.stored() == []


def test_one_set_beside_metrics_that_are_exported_finds_both_at_work(application: Application):
    ended = application.run(
        """
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider

        print(type(metrics.get_meter_provider()) is MeterProvider)
        trace.set_tracer_provider(TracerProvider())
        """,
        OTEL_METRICS_EXPORTER="console",
    )
    assert ended.stdout.splitlines()[0] == "True"
    assert ended.stderr == ""
