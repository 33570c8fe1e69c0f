"""Many processes, one file, for minutes: writers, a receiver and a reader, random `kill -9`, every span counted.

    python benchmarks/store/soak.py                       the soak: ten minutes, a kill every three seconds
    python benchmarks/store/soak.py --seconds 60 --kill 0 --receivers 0     eight writers in peace
    python benchmarks/store/soak.py --seconds 60 --kill 0 --receivers 0 --writers 16

A writer deposits what a flush of an application holds, once a second, and notes it as accepted when `deposit` returns;
a client does the same with what the receiver answered. A reader asks every 500 ms what a page asks. At the end every
span that was accepted must be in the store, once. Waits are the writers' own, `behind` is how old the newest call is
that a reader sees of those that are a second old or more.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from firsttoken import store as stores
from firsttoken.store import maintenance

FIRSTTOKEN: Final = Path(sys.executable).with_name("firsttoken")
SECOND: Final = 10**9
_PAGE: Final = """
    SELECT request_model, date_trunc('minute', start_time), count(*), quantile_cont(duration_s, 0.95),
        sum(output_tokens)
    FROM calls GROUP BY ALL
"""


def attributes(span_id: str) -> dict[str, Any]:
    number = int(span_id, 16)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-haiku-4-5",
        "gen_ai.response.id": f"msg_{number:024x}",
        "gen_ai.usage.input_tokens": 1100 + number % 900,
        "gen_ai.usage.output_tokens": number % 700,
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.25,
        "firsttoken.prompt.blocks": [f"messages:{number:016x}:{place}:-" for place in range(8)],
        "firsttoken.client.id": "c-1",
        "code.file.path": "/srv/app/main.py",
        "code.line.number": number % 500,
    }


def ids(generation: int, number: int) -> tuple[str, str]:
    """Trace and span id of a generation's span; a generation is one life of one process."""
    whole = (generation + 1) << 32 | number
    return f"{whole:032x}", f"{whole:016x}"


def write(path: Path, notes: Path, generation: int, rate: int, until: float) -> None:
    """A writer's life: `rate` spans a second, noted once they are accepted, with the wait in milliseconds."""
    store = stores.open(path)
    draw = random.Random(generation)
    due = time.monotonic() + draw.random()
    first = 0
    with notes.open("a") as out:
        while time.monotonic() < until:
            time.sleep(max(0.0, due - time.monotonic()))
            due += 1
            now = time.time_ns()
            batch = stores.SpanBatch(keep_content=False)
            for number in range(first, first + rate):
                trace_id, span_id = ids(generation, number)
                batch.add(
                    trace_id=trace_id,
                    span_id=span_id,
                    parent_span_id=None,
                    name="chat claude-haiku-4-5",
                    kind="CLIENT",
                    start_time=now - (number - first) * 1000,
                    end_time=now,
                    status_code="UNSET",
                    status_message=None,
                    scope_name="firsttoken",
                    scope_version="1",
                    resource={"service.name": f"writer-{generation % 8}"},
                    attributes=attributes(span_id),
                )
            began = time.monotonic()
            store.deposit(batch)
            out.write(f"{generation} {first} {rate} {(time.monotonic() - began) * 1e3:.2f} {due - began:.2f}\n")
            out.flush()
            first += rate


def send(port: int, notes: Path, generation: int, rate: int, until: float) -> None:
    """A client of the receiver; what was not answered is sent again, for as long as it takes."""
    first = 0
    with notes.open("a") as out:
        while time.monotonic() < until:
            began = time.monotonic()
            now = time.time_ns()
            spans = [
                {
                    "traceId": ids(generation, number)[0],
                    "spanId": ids(generation, number)[1],
                    "name": "chat claude-haiku-4-5",
                    "kind": 3,
                    "startTimeUnixNano": str(now - SECOND),
                    "endTimeUnixNano": str(now),
                    "attributes": [
                        {"key": key, "value": _any_value(value)}
                        for key, value in attributes(ids(generation, number)[1]).items()
                    ],
                }
                for number in range(first, first + rate)
            ]
            scope = {"scope": {"name": "firsttoken"}, "spans": spans}
            body = json.dumps({"resourceSpans": [{"scopeSpans": [scope]}]})
            while True:
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    pass  # it was killed; the next one listens on the same port
                time.sleep(0.2)
            out.write(f"{generation} {first} {rate} {(time.monotonic() - began) * 1e3:.2f} 0\n")
            out.flush()
            first += rate
            time.sleep(max(0.0, began + 1 - time.monotonic()))


def _any_value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}  # pyright: ignore[reportUnknownVariableType]
    return {"stringValue": value}


def read(path: Path, notes: Path, until: float) -> None:
    """A page, every 500 ms: notes the milliseconds, how far behind it is in seconds, and errors."""
    store = stores.open(path, memory_limit="2GB")
    with notes.open("a") as out:
        while time.monotonic() < until:
            began = time.monotonic()
            now = time.time_ns()
            try:
                with store.read() as connection:
                    connection.execute(_PAGE).fetchall()
                    newest = connection.execute("SELECT epoch_ns(max(start_time)) FROM calls").fetchone()
                behind = (now - newest[0]) / SECOND if newest and newest[0] else -1
                out.write(f"{(time.monotonic() - began) * 1e3:.1f} {behind:.2f}\n")
            except stores.StoreMissing:
                pass  # nobody wrote yet
            except Exception as error:  # noqa: BLE001 - it is what is counted
                out.write(f"error {type(error).__name__}: {str(error).splitlines()[0]}\n")
            out.flush()
            time.sleep(max(0.0, began + 0.5 - time.monotonic()))


@dataclass
class Soak:
    """The processes of one run, and their next lives."""

    chosen: argparse.Namespace
    directory: Path
    until: float
    generation: int = 0
    kills: int = 0
    port: int = 0
    lives: list[BaseProcess] = field(default_factory=list[BaseProcess])
    receiver: subprocess.Popen[str] | None = None

    @property
    def store(self) -> Path:
        return self.directory / "soak.duckdb"

    def start(self, target: Any, *arguments: Any) -> BaseProcess:
        process = multiprocessing.get_context("spawn").Process(target=target, args=arguments, daemon=True)
        process.start()
        return process

    def writer(self) -> BaseProcess:
        self.generation += 1
        notes = self.directory / f"accepted-{self.generation}"
        return self.start(write, self.store, notes, self.generation, self.chosen.rate, self.until)

    def receive(self) -> None:
        command = [str(FIRSTTOKEN), "receive", "--store", str(self.store), "--grpc-port", "0"]
        while True:
            self.receiver = subprocess.Popen(
                [*command, "--http-port", str(self.port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            assert self.receiver.stdout is not None
            line = self.receiver.stdout.readline()
            if "/v1" in line:
                self.port = int(line.split("/v1")[0].rsplit(":", 1)[1])
                return
            # A port that the system lends out may be lent to somebody else between two lives.
            print("receiver:", self.receiver.communicate()[1].strip(), flush=True)
            time.sleep(1)

    def run(self) -> None:
        self.lives = [self.writer() for _ in range(self.chosen.writers)]
        reader = self.start(read, self.store, self.directory / "reads", self.until)
        client = None
        if self.chosen.receivers:
            self.receive()
            self.generation += 1
            notes = self.directory / f"accepted-{self.generation}"
            client = self.start(send, self.port, notes, self.generation, self.chosen.rate, self.until)
        draw = random.Random(1)
        while time.monotonic() < self.until:
            if not self.chosen.kill:
                time.sleep(0.5)
                continue
            time.sleep(draw.random() * 2 * self.chosen.kill)
            victim = draw.randrange(len(self.lives) + (self.receiver is not None))
            self.kills += 1
            if victim == len(self.lives) and self.receiver is not None:
                self.receiver.kill()
                self.receiver.wait()
                self.receive()
            else:
                self.lives[victim].kill()
                self.lives[victim].join()
                self.lives[victim] = self.writer()
        for process in (*self.lives, reader, *([client] if client else [])):
            process.join(90)
        if self.receiver is not None:
            self.receiver.send_signal(signal.SIGTERM)
            self.receiver.wait(30)


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    return "/".join(f"{ordered[min(len(ordered) - 1, int(len(ordered) * part))]:.0f}" for part in (0.5, 0.95, 0.99))


def report(soak: Soak) -> int:
    """The figures; gives how many accepted spans are missing or there twice, and errors of readers."""
    accepted: set[str] = set()
    waits: list[float] = []
    sent = 0
    clients = {soak.chosen.writers + 1} if soak.chosen.receivers else set[int]()
    for notes in soak.directory.glob("accepted-*"):
        for line in notes.read_text().splitlines():
            parts = line.split()
            if len(parts) < 5:
                continue  # it was killed while it wrote the note
            generation, first, count = map(int, parts[:3])
            accepted.update(ids(generation, number)[1] for number in range(first, first + count))
            if generation in clients:
                sent += count
            else:
                waits.append(float(parts[3]))
    store = stores.open(soak.store, memory_limit="2GB")
    began = time.monotonic()
    while True:
        with store.read(patience_s=120) as connection:
            stored = [row[0] for row in connection.execute("SELECT span_id FROM spans").fetchall()]
            calls = connection.execute("SELECT count(*) FROM calls").fetchone()
        if not maintenance.info(store).outbox_segments:
            break
    drained = time.monotonic() - began
    reads = (soak.directory / "reads").read_text().splitlines()
    errors = [line for line in reads if line.startswith("error")]
    told = [tuple(map(float, line.split())) for line in reads if not line.startswith("error")]
    missing, twice = len(accepted - set(stored)), len(stored) - len(set(stored))
    assert calls is not None
    seconds = soak.chosen.seconds
    print(f"{soak.chosen.writers} writers × {soak.chosen.rate}/s, {seconds} s, {soak.kills} kills (-9)")
    print(f"accepted   {len(accepted):,} spans ({len(accepted) / seconds:,.0f}/s), {sent:,} of them by the receiver")
    print(f"stored     {len(stored):,} spans, {calls[0]:,} calls; missing {missing}, twice {twice}")
    print(
        f"writers    waited {percentiles(waits)} ms (p50/p95/p99, {len(waits):,} flushes), at most {max(waits):.0f} ms"
    )
    print(f"reader     {percentiles([ms for ms, _ in told])} ms, {len(told):,} pages, {len(errors)} errors")
    behind = sorted(seconds for _, seconds in told)
    print(f"behind     {behind[int(len(behind) * 0.95)]:.1f} s (p95), at most {behind[-1]:.1f} s")
    print(f"store      {soak.store.stat().st_size / 2**20:.0f} MiB; the rest was taken in within {drained:.1f} s")
    for line in errors[:5]:
        print(line)
    return missing + twice + len(errors) + (calls[0] != len(set(stored)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--rate", type=int, default=200, help="spans a second of each writer, and of the client")
    parser.add_argument("--receivers", type=int, choices=(0, 1), default=1)
    parser.add_argument("--kill", type=float, default=3.0, help="seconds between two kills, in the mean; 0: none")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIRECTORY"), ignore_cleanup_errors=True) as name:
        soak = Soak(chosen, Path(name), time.monotonic() + chosen.seconds)
        soak.run()
        return 1 if report(soak) else 0


if __name__ == "__main__":
    sys.exit(main())
