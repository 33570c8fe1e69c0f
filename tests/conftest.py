"""What tests of every part share: the look-alike of the Claude API, with the real SDK as its client."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from firsttoken_dashboard.demo.api import Behaviour, LookAlike

# A proxy that this machine may need for the internet must not get the calls to loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# Where the tests run in the background of a shell, the programs that they start and interrupt must not ignore that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

QUICK = Behaviour(ttft_s=0.02, tokens_per_second=1000.0, output_tokens=30)


@pytest.fixture(scope="session")
def _look_alike() -> Iterator[LookAlike]:
    with LookAlike(seed=1, keep_bodies=True) as api:
        yield api


@pytest.fixture
def claude_api(_look_alike: LookAlike) -> Iterator[LookAlike]:
    """The look-alike, with nothing recorded yet: `.url` for `base_url`, `.records` for the server's own clocks.

    Answers are quick unless told otherwise: first token after 20 ms, 1,000 tokens a second, 30 tokens. Tell it by
    `extra_headers={"x-lookalike-ttft-s": "0.1"}` per request, `.behave(api_key, ...)` per key, or `.default`.
    """
    _look_alike.clear()
    _look_alike.default = QUICK
    yield _look_alike
    _look_alike.clear()
    if _look_alike.failures:
        raise _look_alike.failures.pop()
