"""Hundreds of thousands of broken requests over both protocols: the receiver must answer each, and lose no neighbour.

    python benchmarks/receive/fuzz.py [--inputs 20000] [--seed 1]

An input is a good request with bytes flipped, cut, doubled, spliced or made up, as protobuf, JSON or gzip, over HTTP or
gRPC; or one of the known monsters (a bomb, deep nesting, a text of a megabyte, half a million attributes, ids of any
length, times of any year, NaN). After every 50 a good span is sent. A failure is an answer that is none of the
protocol's, a good span that is refused or missing at the end, or a connection that breaks.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from throughput import message

from firsttoken import store as stores
from firsttoken_dashboard.receive.server import Address, Receiver

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
#: What the receiver may answer over HTTP: stored, undecodable, too large, odd type or encoding, overload.
_ANSWERS: Final = {200, 400, 413, 415, 503}
_CODES: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
}


def good(number: int) -> bytes:
    """A request of one span that must arrive."""
    made = ExportTraceServiceRequest()
    span = (
        made.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            trace_id=b"good" + bytes(11) + b"\x01",
            span_id=struct.pack(">Q", number),
            name="chat",
            start_time_unix_nano=time.time_ns(),
            end_time_unix_nano=time.time_ns(),
        )
    )
    span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    return made.SerializeToString()


def json_request(draw: random.Random) -> bytes:
    span: dict[str, Any] = {
        "traceId": f"{draw.getrandbits(128):032x}",
        "spanId": f"{draw.getrandbits(64):016x}",
        "name": "chat",
        "kind": draw.choice([3, "SPAN_KIND_CLIENT", 99, -1, None, "?", 1.5]),
        "startTimeUnixNano": draw.choice([str(time.time_ns()), 0, -5, "x", 2**70, 1e300, None, True]),
        "endTimeUnixNano": draw.choice([str(time.time_ns()), 0, "7258118400000000000"]),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": draw.choice(["7", 7, "x", -1, 2**80, None])}},
            {"key": draw.choice(["a", "", "\u0000", 7, None]), "value": odd_value(draw, 0)},
        ],
        "status": draw.choice([{}, {"code": 2, "message": "x"}, {"code": 77}, 7, None, []]),
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def odd_value(draw: random.Random, depth: int) -> Any:
    made: list[Callable[[], Any]] = [
        lambda: {"doubleValue": draw.choice([float("nan"), float("inf"), "NaN", -0.0, 1e400])},
        lambda: {"stringValue": "\ud800" * draw.randrange(3)},
        lambda: {"bytesValue": "////"},
        lambda: {"arrayValue": {"values": [odd_value(draw, depth + 1) for _ in range(2)]}},
        lambda: {"kvlistValue": {"values": [{"key": "k", "value": odd_value(draw, depth + 1)}]}},
        lambda: {"novelValue": 1},
        lambda: json.loads(draw.choice(["null", "7", "[]", "{}", '"text"'])),
    ]
    return draw.choice(made if depth < 4 else made[:3])()


def mutated(draw: random.Random, body: bytes) -> bytes:
    taken = bytearray(body)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        at = draw.randrange(len(taken) + 1)
        length = draw.choice([1, 2, 8, 64])
        match draw.randrange(6):
            case 0 if taken:
                taken[at % len(taken)] ^= 1 << draw.randrange(8)
            case 1:
                del taken[at : at + length]
            case 2:
                taken[at:at] = draw.randbytes(length)
            case 3:
                taken[at:at] = taken[at : at + length]
            case 4:
                taken[at : at + length] = bytes([draw.choice([0, 255, 127, 128])]) * length
            case _:
                del taken[at:]
    return bytes(taken)


def monsters() -> list[tuple[str, str, bytes]]:
    """Content type, content encoding and body of what is bad in a known way."""
    many = ExportTraceServiceRequest.FromString(good(1))
    attributes = many.resource_spans[0].scope_spans[0].spans[0].attributes
    for number in range(500_000):
        attributes.add(key=f"a{number}").value.int_value = number
    long = ExportTraceServiceRequest.FromString(good(1))
    long.resource_spans[0].scope_spans[0].spans[0].name = "x" * 2**20
    return [
        (_PROTOBUF, "gzip", gzip.compress(bytes(200 * 2**20), 9)),
        (_JSON, "gzip", gzip.compress(b" " * (200 * 2**20), 9)),
        (_JSON, "", b"[" * 200_000),
        (_JSON, "", b'{"resourceSpans":' + b'[{"a":' * 50_000),
        (_PROTOBUF, "", b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
        (_PROTOBUF, "", bytes(range(256)) * 4000),
        (_PROTOBUF, "gzip", b"no gzip"),
        (_PROTOBUF, "zstd", b""),
        ("text/html", "", b"<p>"),
        ("", "", b""),
        (_PROTOBUF, "", long.SerializeToString()),
        (_PROTOBUF, "", many.SerializeToString()),
    ]


class Fuzz:
    def __init__(self, receiver: Receiver, draw: random.Random) -> None:
        self.draw = draw
        self.connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=60)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}")
        self.export: Any = self.channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest_s = 0.0

    def post(self, body: bytes, content_type: str, encoding: str = "") -> int:
        headers = {"Content-Type": content_type} | ({"Content-Encoding": encoding} if encoding else {})
        began = time.monotonic()
        try:
            self.connection.request("POST", "/v1/traces", body, headers)
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            # Refused while it is still being sent, a large body may break the connection.
            if len(body) < 2**20:
                self.failures.append(f"HTTP broke: {error!r} at {body[:80]!r}")
            return 0
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self.answers[f"HTTP {answer.status}"] += 1
        if answer.status not in _ANSWERS:
            self.failures.append(f"HTTP {answer.status} at {body[:80]!r}")
        return answer.status

    def call(self, body: bytes) -> str:
        try:
            self.export(body, timeout=60)
            told = "OK"
        except grpc.RpcError as error:
            code: Any = error.code()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
            told = code.name
            if code not in _CODES:
                self.failures.append(f"gRPC {told} at {body[:80]!r}")
        self.answers[f"gRPC {told}"] += 1
        return told

    def one(self, corpus: list[bytes]) -> None:
        draw = self.draw
        body = mutated(draw, draw.choice(corpus))
        match draw.randrange(5):
            case 0:
                self.call(body)
            case 1:
                packed = gzip.compress(body, 1)
                self.post(mutated(draw, packed) if draw.random() < 0.5 else packed, _PROTOBUF, "gzip")
            case 2:
                self.post(json_request(draw), _JSON)
            case 3:
                self.post(mutated(draw, json_request(draw)), _JSON)
            case _:
                self.post(body, _PROTOBUF)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    draw = random.Random(chosen.seed)
    corpus = [message(draw, spans).SerializeToString() for spans in (1, 1, 2, 5)]
    with tempfile.TemporaryDirectory() as name:
        store = stores.open(Path(name) / "fuzz.duckdb", memory_limit="2GB")
        began = time.monotonic()
        sent = 0
        with Receiver(store, Address(http_port=0, grpc_port=0)) as receiver:
            fuzz = Fuzz(receiver, draw)
            for content_type, encoding, body in monsters():
                fuzz.post(body, content_type, encoding)
                if content_type == _PROTOBUF and not encoding:
                    fuzz.call(body)
            for number in range(chosen.inputs):
                fuzz.one(corpus)
                if number % 50 == 0:
                    sent += 1
                    told = fuzz.post(good(sent), _PROTOBUF) if number % 100 else fuzz.call(good(sent))
                    if told not in {200, "OK"}:
                        fuzz.failures.append(f"a good span was answered {told}")
            fuzz.channel.close()
        took = time.monotonic() - began
        with store.read() as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (starts_with(trace_id, '676f6f64')), count(*), (SELECT count(*) FROM drops)"
                " FROM spans WHERE span_id <= ?",
                [f"{sent:016x}"],
            ).fetchone()
            everything = connection.execute("SELECT count(*) FROM spans").fetchone()
    assert row is not None
    assert everything is not None
    if row[0] != sent:
        fuzz.failures.append(f"{sent - row[0]} good spans are missing")
    print(f"{chosen.inputs:,} inputs and {len(monsters())} monsters in {took:.0f} s, slowest {fuzz.slowest_s:.2f} s")
    print(", ".join(f"{told}: {count:,}" for told, count in sorted(fuzz.answers.items())))
    print(f"good spans {row[0]:,} of {sent:,}; stored {everything[0]:,}; refused by the store {row[2]}")
    print(f"failures {len(fuzz.failures)}")
    for failure in fuzz.failures[:10]:
        print(failure)
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
