"""Spans a second that `firsttoken receive` makes durable, and that `firsttoken import` reads.

    python benchmarks/receive/throughput.py [--spans 600000] [--only floor http-1000 http-100 grpc import]

Every span is unique, an SDK call of 24 attributes; deduplication and `calls` are part of it. Ten clients in a process
of their own send bodies that were made before, gzipped, over connections that stay open, and wait for each answer.
`answered/s` is what they see; `merged/s` counts until every span is in the tables. `floor` is a server of the same
kind that parses each request and drops it. CPU is that of the server, and of the clients, in microseconds a span.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from firsttoken import store as stores

CLIENTS: Final = 10
FIRSTTOKEN: Final = Path(sys.executable).with_name("firsttoken")
_TEMPLATE: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-haiku-4-5",
    "gen_ai.response.model": "claude-haiku-4-5",
    "gen_ai.request.max_tokens": 1024,
    "gen_ai.request.stream": True,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.cache_write.input_tokens": 100,
    "anthropic.message.stop_reason": "end_turn",
    "anthropic.response.service_tier": "standard",
    "server.address": "api.anthropic.com",
    "server.port": 443,
    "code.file.path": "/srv/app/main.py",
    "code.function.name": "answer",
    "gen_ai.output.type": "text",
}


def message(draw: random.Random, spans: int) -> ExportTraceServiceRequest:
    """A request of unique spans, 24 attributes and some 950 bytes each; times are set by `fresh`."""
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add()
    for key, value in (("service.name", "bench"), ("service.version", "1"), ("service.instance.id", "i-1")):
        pair = resource.resource.attributes.add(key=key)
        pair.value.string_value = value
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "com.anthropic.sdk.python", "1"
    now = time.time_ns()
    for number in range(spans):
        began = now - draw.randrange(10**9)
        span = scope.spans.add(
            trace_id=draw.randbytes(16),
            span_id=draw.randbytes(8),
            name="chat claude-haiku-4-5",
            kind=3,
            start_time_unix_nano=began,
            end_time_unix_nano=began + 10**9,
        )
        own = {
            "gen_ai.response.id": f"msg_{draw.getrandbits(96):024x}",
            "gen_ai.usage.input_tokens": draw.randrange(1100, 9000),
            "gen_ai.usage.output_tokens": draw.randrange(1, 900),
            "gen_ai.response.time_to_first_chunk": draw.random(),
            "anthropic.request.id": f"req_{draw.getrandbits(96):024x}",
            "gen_ai.conversation.id": f"{draw.getrandbits(64):016x}",
            "http.response.status_code": 200,
            "http.request.resend_count": number % 2,
            "code.line.number": draw.randrange(500),
        }
        for key, value in {**_TEMPLATE, **own}.items():
            held = span.attributes.add(key=key).value
            if isinstance(value, bool):
                held.bool_value = value
            elif isinstance(value, int):
                held.int_value = value
            elif isinstance(value, float):
                held.double_value = value
            else:
                held.string_value = value
    return made


def bodies(directory: Path, size: int, total: int) -> list[Path]:
    """Files of one serialized request each, made before the clock runs."""
    directory.mkdir(parents=True, exist_ok=True)
    made = [directory / f"{number}" for number in range(total // size)]
    for number, path in enumerate(made):
        if not path.exists():
            # A seed of its own: beside bodies that were kept, no span may come twice.
            path.write_bytes(message(random.Random(f"{size} {number}"), size).SerializeToString())
    return made


def post_all(port: int, packed: list[bytes], outcome: Any) -> None:
    """A process of ten clients over HTTP; puts the seconds that it took, and the CPU seconds."""
    share = [packed[n::CLIENTS] for n in range(CLIENTS)]

    def client(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for body in mine:
            while True:
                headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
                connection.request("POST", "/v1/traces", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                if answer.status != 503:
                    raise SystemExit(f"status {answer.status}")
                time.sleep(float(answer.headers["Retry-After"]))

    _together(client, share, outcome)


def call_all(port: int, packed: list[bytes], outcome: Any) -> None:
    """A process of ten clients over gRPC."""
    share = [packed[n::CLIENTS] for n in range(CLIENTS)]

    def client(mine: list[bytes]) -> None:
        with grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)], compression=grpc.Compression.Gzip
        ) as channel:
            call: Any = channel.unary_unary  # pyright: ignore[reportUnknownMemberType]
            export = call("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            for body in mine:
                while True:
                    try:
                        export(body, timeout=60)
                        break
                    except grpc.RpcError as error:
                        if error.code() is not grpc.StatusCode.UNAVAILABLE:  # pyright: ignore[reportAttributeAccessIssue]
                            raise
                        time.sleep(1)

    _together(client, share, outcome)


def _together(client: Callable[[list[bytes]], None], share: list[list[bytes]], outcome: Any) -> None:
    threads = [threading.Thread(target=client, args=(mine,)) for mine in share]
    began, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.put((time.monotonic() - began, time.process_time() - cpu))


@contextmanager
def receiver(command: list[str]) -> Generator[tuple[subprocess.Popen[str], int, int]]:
    """A server in a process of its own; gives its ports for HTTP and gRPC."""
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout is not None
    ports: list[int] = []
    while len(ports) < 2 and running.poll() is None:
        line = running.stdout.readline()
        if line.startswith("OTLP/"):
            ports.append(int(line.split("/v1")[0].rsplit(":", 1)[1]))
    try:
        yield running, ports[0], ports[1]
    finally:
        running.terminate()
        running.wait(60)


def cpu_seconds(process: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(name: str, command: list[str], store: stores.Store | None, files: list[Path], size: int) -> None:
    """One row of the table."""
    grpcs = name.endswith("grpc")
    packed = [path.read_bytes() if grpcs else gzip.compress(path.read_bytes(), 1) for path in files]
    total = len(files) * size
    context = multiprocessing.get_context("fork")
    outcome: Any = context.Queue()
    with receiver(command) as (running, http_port, grpc_port):
        before = cpu_seconds(running.pid)
        client = context.Process(
            target=call_all if grpcs else post_all, args=(grpc_port if grpcs else http_port, packed, outcome)
        )
        began = time.monotonic()
        client.start()
        answered, client_cpu = outcome.get()
        client.join()
        if store is not None:
            wait_until_merged(http_port)
        merged = time.monotonic() - began
        used = cpu_seconds(running.pid) - before
    stored = "" if store is None else f"{counted(store):>11,}  {store.path.stat().st_size / total:.0f} B/call"
    print(
        f"{name:<16} {size:>6} {total:>9,} {total / answered:>11,.0f} {total / merged:>11,.0f}"
        f" {used / total * 1e6:>8.1f} {client_cpu / total * 1e6:>8.1f} {stored}",
        flush=True,
    )


def wait_until_merged(port: int) -> None:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/health")
        told = json.loads(connection.getresponse().read())
        if not told["spans_beside_the_tables"] and not told["spans_waiting"]:
            return
        time.sleep(0.05)


def counted(store: stores.Store) -> int:
    with store.read() as connection:
        row = connection.execute("SELECT count(*), (SELECT count(*) FROM spans) FROM calls").fetchone()
    assert row is not None
    assert row[0] == row[1]
    return row[0]


def imported(directory: Path, total: int, kept: Path | None) -> None:
    """A collector's JSON lines, 1,000 spans a line, through `firsttoken import`."""
    line = 1000
    file = (kept or directory) / f"traces-{total}.jsonl"
    if not file.exists():
        write_lines(file, line, total)
    with file.open("rb") as held:  # into the page cache: the disk's speed is another figure
        while held.read(2**24):
            pass
    store = stores.open(directory / "imported.duckdb", memory_limit="2GB")
    command = [str(FIRSTTOKEN), "import", str(file), "--store", str(store.path)]
    began = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    assert running.returncode == 0
    used = usage.ru_utime + usage.ru_stime
    print(
        f"{'import':<16} {line:>6} {total:>9,} {'':>11} {total / took:>11,.0f} {used / total * 1e6:>8.1f} {'':>8}"
        f" {counted(store):>11,}  {store.path.stat().st_size / total:.0f} B/call, {usage.ru_maxrss / 1024:.0f} MB",
        flush=True,
    )


def write_lines(file: Path, line: int, total: int) -> None:
    from google.protobuf.json_format import MessageToDict

    draw = random.Random(7)
    with file.open("w") as out:
        for _ in range(total // line):
            made = message(draw, line)
            document = MessageToDict(made)
            for told, span in zip(
                document["resourceSpans"][0]["scopeSpans"][0]["spans"],
                made.resource_spans[0].scope_spans[0].spans,
                strict=True,
            ):
                told["traceId"], told["spanId"], told["kind"] = span.trace_id.hex(), span.span_id.hex(), 3
            out.write(json.dumps(document, separators=(",", ":")) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=600_000, help="for each row; batches of 100: a third of them")
    parser.add_argument("--only", nargs="*", default=["floor", "http-1000", "http-100", "grpc", "import"])
    parser.add_argument("--bodies", type=Path, help="keep the requests here, and take them from here the next time")
    chosen = parser.parse_args()
    print("                  batch     spans  answered/s    merged/s  cpu µs  client      stored")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIRECTORY")) as name:
        directory = Path(name)
        made: dict[int, list[Path]] = {}
        for what in chosen.only:
            if what == "import":
                imported(directory, chosen.spans, chosen.bodies)
                continue
            size = 100 if what.endswith("100") else 1000
            total = chosen.spans // 3 if size == 100 else chosen.spans
            files = made.get(size) or made.setdefault(
                size, bodies((chosen.bodies or directory) / f"of-{size}", size, total)
            )
            floor = [sys.executable, str(Path(__file__).with_name("floor.py"))]
            if what == "floor":
                measured("floor", floor, None, files, size)
                measured("floor grpc", floor, None, files, size)
                continue
            store = stores.open(directory / f"{what}.duckdb", memory_limit="2GB")
            command = [str(FIRSTTOKEN), "receive", "--store", str(store.path)]
            measured(what, [*command, "--http-port", "0", "--grpc-port", "0"], store, files, size)


if __name__ == "__main__":
    main()
