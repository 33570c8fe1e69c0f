"""Celery's worker processes, which it forks with a multiprocessing of its own: no task's spans are lost."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.starting.application import Application, ended, names

TASKS = """
    from celery import Celery
    from opentelemetry import trace

    app = Celery("shop", broker="filesystem://")
    app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue"}

    @app.task(ignore_result=True)
    def work():
        with trace.get_tracer("shop").start_as_current_span("work"):
            pass
        print("done", flush=True)
"""
TASK_COUNT = 4


def test_a_warm_shutdown_loses_nothing(application: Application, with_celery: Path):
    application = application.installed_in(with_celery)
    application.script(TASKS, "shop.py")
    (application.directory / "queue").mkdir()
    send = f"import shop; [shop.work.delay() for _ in range({TASK_COUNT})]"
    subprocess.run([str(with_celery / "python"), "-c", send], cwd=application.directory, check=True)
    log = application.directory / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            application.command("celery", "-A", "shop", "worker", "--pool", "prefork", "--concurrency", "2"),
            cwd=application.directory,
            # Nothing is exported before the end, unless the end does it.
            env=application.environment(OTEL_BSP_SCHEDULE_DELAY="60000"),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until = time.monotonic() + 30
            while log.read_text().count("done") < TASK_COUNT and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            process.terminate()
            status = ended(process).status
    assert status == 0, log.read_text()
    assert names(application.stored()) == ["work"] * TASK_COUNT
    assert {span.service for span in application.stored()} == {"shop"}
