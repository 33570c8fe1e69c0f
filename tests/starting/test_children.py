"""Processes that an application starts: each one's spans are stored, once, under the application's name."""

from __future__ import annotations

import pytest

from tests.starting.application import Application, names

WORK = """
    import multiprocessing, os, subprocess, sys, time
    from concurrent.futures import ProcessPoolExecutor
    from opentelemetry import trace

    def work(number=0):
        with trace.get_tracer("shop").start_as_current_span(f"work {number}"):
            return number

    def main():
        with trace.get_tracer("shop").start_as_current_span("parent"):
            pass
"""
BEGIN = """

    if __name__ == "__main__":
        main()
"""

# From 3.12 on Python warns of a fork beside a thread; OpenTelemetry's own is one, from the first span's end on.
OF_FORKS = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_lose_nothing(application: Application, method: str):
    run = application.run(f"""{WORK}
        context = multiprocessing.get_context({method!r})
        children = [context.Process(target=work, args=(number,)) for number in range(2)]
        for child in children: child.start()
        for child in children: child.join()
        print([child.exitcode for child in children])
    {BEGIN}""")
    assert (run.stdout, run.stderr) == ("[0, 0]\n", "")
    assert sorted(names(application.stored())) == ["parent", "work 0", "work 1"]
    assert {span.service for span in application.stored()} == {"app"}


def test_workers_of_pools_lose_nothing_however_the_pool_ends(application: Application):
    """A multiprocessing pool used as a context manager sends its workers SIGTERM."""
    run = application.run(f"""{WORK}
        context = multiprocessing.get_context("fork")
        with context.Pool(1) as pool:
            pool.map(work, [1])
        with ProcessPoolExecutor(1, context) as executor:
            list(executor.map(work, [2]))
    {BEGIN}""")
    assert (run.status, run.stderr) == (0, "")
    assert sorted(names(application.stored())) == ["parent", "work 1", "work 2"]


def test_a_child_that_is_terminated_keeps_what_it_finished(application: Application):
    run = application.run(f"""{WORK}
        def work_on(ready):
            work(1)
            ready.set()
            time.sleep(30)
        context = multiprocessing.get_context("fork")
        ready = context.Event()
        child = context.Process(target=work_on, args=(ready,))
        child.start()
        ready.wait()
        child.terminate()
        child.join()
        print(child.exitcode)
    {BEGIN}""")
    assert (run.stdout, run.stderr) == ("-15\n", "")
    assert sorted(names(application.stored())) == ["parent", "work 1"]


def test_a_child_of_os_fork_that_exits_by_itself_loses_nothing(application: Application):
    run = application.run(
        f"""{WORK}
        if os.fork() == 0:
            work(1)
            sys.exit(0)
        print(os.wait()[1])
    {BEGIN}""",
        **OF_FORKS,
    )
    assert (run.stdout, run.stderr) == ("0\n", "")
    assert sorted(names(application.stored())) == ["parent", "work 1"]


def test_what_the_parent_has_not_yet_exported_at_the_fork_is_exported_once(application: Application):
    application.run(f"""{WORK}
        for _ in range(3):
            if os.fork() == 0:
                sys.exit(0)
            os.wait()
    {BEGIN}""")
    assert names(application.stored()) == ["parent"]


def test_a_program_that_the_application_runs_is_recorded_under_its_own_name(application: Application):
    application.script(f"{WORK}\n        work(1)\n{BEGIN}", "tool.py")
    run = application.run(f"""{WORK}
        subprocess.run([sys.executable, "tool.py"], check=True)
    {BEGIN}""")
    assert (run.status, run.stderr) == (0, "")
    assert sorted((span.service, span.name) for span in application.stored()) == [
        ("app", "parent"),
        ("tool", "parent"),
        ("tool", "work 1"),
    ]
