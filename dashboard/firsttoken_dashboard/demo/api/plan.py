"""What a request to the Messages API will get, decided at its start: answer, usage, pace; or an error."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from typing import Final

from firsttoken_dashboard.demo.api import compaction
from firsttoken_dashboard.demo.api.answer import Answer, answer
from firsttoken_dashboard.demo.api.behaviour import Behaviour
from firsttoken_dashboard.demo.api.body import Json
from firsttoken_dashboard.demo.api.cache import CacheUse, PromptCache
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.events import Pace, usage_json
from firsttoken_dashboard.demo.api.limits import RateLimiter
from firsttoken_dashboard.demo.api.prefix import prompt_blocks
from firsttoken_dashboard.demo.api.records import Record
from firsttoken_dashboard.demo.api.served import Served, served

#: Of the time to the first token, the part before the head of the response and `message_start`.
HEADERS_SHARE: Final = 0.6
#: How far a model's own figures vary from call to call, as a share of them (standard deviation).
JITTER: Final = 0.05
TOKENS_PER_DELTA: Final = 4
#: Fast mode writes up to 2.5 times as many tokens a second; it is not always that much.
FASTER: Final = 2.1
#: From this API version on, these parameters are refused.
NO_SAMPLING_SINCE: Final = "2026-10-21"
SAMPLING: Final = ("temperature", "top_p", "top_k")


@dataclass(slots=True)
class Engine:
    """What all requests share."""

    seed: int
    cache: PromptCache
    limiter: RateLimiter
    _seen: dict[str, int] = field(default_factory=dict[str, int])

    def luck(self, record: Record, body: bytes) -> random.Random:
        """Luck that depends on the seed and the request, and never on which of two requests came first.

        The same request again has other luck, the same in every run.
        """
        key = f"{self.seed}/{record.api_key}/{record.attempt}/{body!r}"
        self._seen[key] = turn = self._seen.get(key, 0) + 1
        return random.Random(f"{key}/{turn}")  # noqa: S311 - it is meant to be predictable

    def clear(self) -> None:
        """As at the start."""
        self.cache.clear()
        self.limiter.clear()
        self._seen.clear()


@dataclass(frozen=True, slots=True)
class Plan:
    """A request understood."""

    model: Served
    answer: Answer
    usage: Json
    pace: Pace
    message_id: str


def model_of(body: Json) -> Served:
    """The model asked for. Raises ApiError (404) where it is unknown or retired."""
    if not (model := served(body["model"])):
        raise ApiError(404, f"model: {body['model']}")
    return model


@dataclass(frozen=True, slots=True)
class _Read:
    """A prompt read once: how much of it came from the cache, and how long that took."""

    use: CacheUse
    tokens: int
    ttft_s: float
    headers_s: float


def plan(engine: Engine, record: Record, body: Json, raw: bytes, behaviour: Behaviour) -> Plan:
    """Decide; takes from the rate limits, reads and writes the cache. Raises ApiError."""
    model = model_of(body)
    _check(body, record)
    faster = _faster(body, model)
    rng = engine.luck(record, raw)
    made = answer(body, behaviour, model, rng)
    body = compaction.seen(body)
    read = _read(engine, record, body, model, behaviour, rng)
    usage = usage_json(read.use, _served_as(body))
    ttft_s = read.ttft_s
    limit = compaction.trigger(body)
    if limit is not None and read.tokens > limit:
        summary = compaction.summary(model, rng)
        again = _read(engine, record, compaction.summed_up(body, summary), model, behaviour, rng)
        first = {**usage, "type": "compaction", "output_tokens": summary.tokens}
        usage = usage_json(again.use, _served_as(body))
        second = {**usage, "type": "message", "output_tokens": made.output_tokens}
        usage["iterations"] = [first, second]
        record.billed = [{"model": model.id, **run} for run in (first, second)]
        made = replace(made, parts=[summary, *made.parts])
        ttft_s += again.ttft_s
    pace = Pace(
        headers_s=min(read.headers_s, ttft_s),
        ttft_s=ttft_s,
        tokens_per_second=behaviour.tokens_per_second or model.tokens_per_second * _jitter(rng) * faster,
        tokens_per_delta=behaviour.tokens_per_delta or TOKENS_PER_DELTA,
        stall_after=behaviour.stall_after,
        stall_s=math.inf if behaviour.stall_s is None else behaviour.stall_s,
    )
    return Plan(model, made, usage, pace, f"msg_{rng.getrandbits(96):024x}")


def _read(engine: Engine, record: Record, body: Json, model: Served, behaviour: Behaviour, rng: random.Random) -> _Read:
    blocks = prompt_blocks(body, model=model.id, workspace=record.api_key, chars_per_token=model.chars_per_token)
    total = sum(block.tokens for block in blocks)
    if total > model.context_tokens:
        raise ApiError(400, f"prompt is too long: {total} tokens > {model.context_tokens} maximum")
    at, minimum = record.received_at, model.min_cache_tokens
    uncached = total - engine.cache.look(blocks, minimum=minimum, now=at)
    engine.limiter.admit(record.api_key, model.family, uncached, at)
    ttft_s = behaviour.ttft_s
    if ttft_s is None:
        ttft_s = model.base_s * _jitter(rng) + model.per_token_s * uncached
    headers_s = behaviour.headers_s
    if headers_s is None:
        headers_s = ttft_s * HEADERS_SHARE
    return _Read(engine.cache.use(blocks, minimum=minimum, now=at, begins_in_s=headers_s), total, ttft_s, headers_s)


def _check(body: Json, record: Record) -> None:
    """What the API refuses, as far as applications run into it."""
    if not body["messages"]:
        raise ApiError(400, "messages: at least one message is required")
    if body["max_tokens"] == 0 and body.get("stream"):
        raise ApiError(400, "max_tokens: 0 cannot be combined with stream")
    if record.headers.get("anthropic-version", "") >= NO_SAMPLING_SINCE and (
        used := [p for p in SAMPLING if p in body]
    ):
        raise ApiError(400, f"{used[0]}: is not supported in this API version")


def _faster(body: Json, model: Served) -> float:
    """How many times faster the model writes than usual. Raises ApiError (400) where it has no fast mode."""
    if body.get("speed") != "fast":
        return 1.0
    if not model.fast_mode:
        raise ApiError(400, f"speed: fast is not supported by {model.id}")
    return FASTER


def _served_as(body: Json) -> Json:
    return {
        "service_tier": "standard",
        "speed": body.get("speed") or "standard",
        "inference_geo": body.get("inference_geo") or "global",
    }


def _jitter(rng: random.Random) -> float:
    return max(0.5, rng.gauss(1, JITTER))
