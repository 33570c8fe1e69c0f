"""However a process ends, the spans that had ended are in the store, and it ends as it would have without us."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.starting.application import Application, Ended, ended, names

ONE_SPAN = """
    import asyncio, os, signal, sys, threading, time
    from opentelemetry import trace

    with trace.get_tracer("shop").start_as_current_span("checkout"):
        pass
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("pass", 0),
        ("sys.exit(7)", 7),
        ("raise ValueError('no stock')", 1),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -signal.SIGINT),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM),
        ("asyncio.run(asyncio.sleep(0, os.kill(os.getpid(), signal.SIGTERM)))", -signal.SIGTERM),
    ],
    ids=["end", "sys.exit", "exception", "SIGINT", "SIGTERM", "SIGTERM in a loop"],
)
def test_it_ends_with_the_same_status_and_its_spans_are_stored(application: Application, ending: str, status: int):
    plain = application.run_without_us(f"{ONE_SPAN}    {ending}")
    assert plain.status == status
    run = application.run(f"{ONE_SPAN}    {ending}")
    assert run == plain
    assert names(application.stored()) == ["checkout"]


def test_a_handler_of_the_applications_is_never_replaced(application: Application):
    run = application.run(f"""{ONE_SPAN}
    def stop(signum, frame):
        print("stopping")
        sys.exit(3)

    signal.signal(signal.SIGTERM, stop)
    os.kill(os.getpid(), signal.SIGTERM)
    """)
    assert run == Ended(3, "stopping\n", "")
    assert names(application.stored()) == ["checkout"]


def test_sigterm_that_the_parent_had_ignored_stays_ignored(application: Application):
    script = application.script(f"{ONE_SPAN}    os.kill(os.getpid(), signal.SIGTERM); print('alive')")
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" TERM; exec "$@"', "sh", *application.command("python", script)],
        env=application.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert ended(process) == Ended(0, "alive\n", "")


def test_a_process_of_which_nothing_is_stored_keeps_its_signals(application: Application):
    run = application.run("import signal; print(signal.getsignal(signal.SIGTERM).name)", OTEL_TRACES_EXPORTER="none")
    assert run == Ended(0, "SIG_DFL\n", "")


def test_a_collector_that_hangs_holds_up_the_end_for_a_second_and_costs_the_store_nothing(application: Application):
    script = f"""
    import socket
    silent = socket.create_server(("127.0.0.1", 0))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry import trace
    silent_url = f"http://127.0.0.1:{{silent.getsockname()[1]}}/v1/traces"
    trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter(silent_url)))
{ONE_SPAN}
    print("ready", flush=True)
    time.sleep(30)
    """
    process = application.start("python", application.script(script))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.terminate()
    run = ended(process)
    assert run.status == -signal.SIGTERM
    assert time.monotonic() - began < 2.5
    assert names(application.stored()) == ["checkout"]


def test_sigterm_while_a_lock_of_threading_is_held_does_not_hang(application: Application):
    """The handler runs between two instructions of the main thread, whatever that holds."""
    run = application.run(f"""{ONE_SPAN}
    with threading._active_limbo_lock:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(9)
    """)
    assert run.status == -signal.SIGTERM
    assert names(application.stored()) == ["checkout"]


def test_a_span_that_ends_while_the_interpreter_shuts_down_does_no_harm(application: Application):
    run = application.run(f"""{ONE_SPAN}
    import atexit

    def late():
        with trace.get_tracer("shop").start_as_current_span("late"):
            pass

    atexit.register(late)
    """)
    assert run == Ended(0, "", "")
    assert names(application.stored()) == ["checkout", "late"]


def test_the_first_span_of_all_may_end_while_the_interpreter_shuts_down(application: Application):
    run = application.run("""
        import atexit
        from opentelemetry import trace

        def late():
            with trace.get_tracer("shop").start_as_current_span("late"):
                pass

        atexit.register(late)
    """)
    assert run == Ended(0, "", "")
    assert names(application.stored()) == ["late"]
