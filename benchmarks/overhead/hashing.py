"""What hashing a large prompt costs, and whom: `python -m benchmarks.overhead.hashing [--kilobytes 200]`.

The caller: CPU time of his thread for a call with that prompt, hashed and not, by turns. Our thread, or who looks at
the span: CPU time of one hashing. Everybody: how long another thread of Python, which only looks at the clock, is kept
from running at most while one prompt is hashed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import anthropic
from benchmarks.overhead import transport
from benchmarks.overhead.measure import REQUEST
from opentelemetry.sdk.trace import TracerProvider

from firsttoken import AnthropicInstrumentor, background
from firsttoken.fingerprint import fingerprint, text_of_request
from firsttoken.request import asked_in

WORDS = "The sea is wide and the ships upon it are small but many and they carry "


def prompt(kilobytes: int) -> dict[str, Any]:
    """A conversation of 40 turns, of that size."""
    text = (WORDS * (kilobytes * 1000 // 40 // len(WORDS) + 1))[: kilobytes * 1000 // 40]
    turns = [{"role": ("user", "assistant")[turn % 2], "content": f"{turn} {text}"} for turn in range(39)]
    return {**REQUEST, "system": text, "messages": turns}


def not_hashed(*_: object) -> bool:
    return False


def caller_us(request: dict[str, Any], rounds: int, calls: int) -> tuple[float, float]:
    """Median CPU µs of a call, and how much more it is where the prompt is hashed."""
    http = transport.httpx.Client(transport=transport.Transport(1))
    client: Any = anthropic.Anthropic(http_client=http, api_key="none")
    hashed: Callable[..., Any] = background.sent
    us: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        for on in (True, False) if number % 2 else (False, True):
            background.sent = hashed if on else not_hashed
            began = time.thread_time_ns()
            for _ in range(calls):
                client.messages.create(**request)
            us[on].append((time.thread_time_ns() - began) / calls / 1e3)
    background.sent = hashed
    return statistics.median(us[False]), statistics.median(
        with_it - without for with_it, without in zip(us[True], us[False], strict=True)
    )


def read(body: bytes) -> None:
    """All that is done with a request's bytes."""
    request = json.loads(body)
    asked_in(request)
    fingerprint(request)
    text_of_request(request)


def hashing_ms(body: bytes) -> float:
    began = time.thread_time_ns()
    read(body)
    return (time.thread_time_ns() - began) / 1e6


def longest_hold_ms(work: Callable[[], object]) -> float:
    """The longest that a thread which looks at the clock all the time is kept from it while `work` runs in another."""
    longest, stop = 0.0, threading.Event()
    thread = threading.Thread(target=lambda: (work(), stop.set()))
    before = time.perf_counter()
    thread.start()
    done = False
    while not done:
        done, now = stop.is_set(), time.perf_counter()
        longest, before = max(longest, now - before), now
    thread.join()
    return longest * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kilobytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    transport.WAIT_S = 0.1  # the shortest that an API can be expected to take: hashing is done by then
    AnthropicInstrumentor().instrument(tracer_provider=TracerProvider())
    request = prompt(args.kilobytes)
    body = json.dumps(request).encode()
    base, added = caller_us(request, args.rounds, 5)
    print(f"caller: {base:.0f} µs a call of {len(body) / 1e3:.0f} kB, {added:+.0f} µs with hashing (median)")
    times = [hashing_ms(body) for _ in range(args.rounds)]
    print(f"our thread: {statistics.median(times):.2f} ms of CPU a prompt (median), {min(times):.2f} ms (lowest)")
    sys.setswitchinterval(1e-5)  # a thread asks for the interpreter at once: what is left is what cannot be interrupted
    holds = [longest_hold_ms(lambda: read(body)) for _ in range(args.rounds)]
    print(f"longest hold of the interpreter: {statistics.median(holds):.2f} ms (median), {min(holds):.2f} ms (lowest)")


if __name__ == "__main__":
    main()
