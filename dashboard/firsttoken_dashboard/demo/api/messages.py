"""`POST /v1/messages`: send a planned answer, each byte at its time."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Final

from firsttoken_dashboard.demo.api.behaviour import Behaviour
from firsttoken_dashboard.demo.api.body import parse
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.events import Step, message_json, message_start, steps
from firsttoken_dashboard.demo.api.http import Headers, Reply
from firsttoken_dashboard.demo.api.plan import Engine, Plan, plan
from firsttoken_dashboard.demo.api.records import Record
from firsttoken_dashboard.demo.api.served import served

#: A reset overtakes what the client has not read yet: let it read first.
SETTLE_S: Final = 0.02


async def create(
    engine: Engine, record: Record, raw: bytes, behaviour: Behaviour, headers: list[tuple[str, str]], reply: Reply
) -> None:
    """Answer one attempt. Raises ApiError while nothing has been sent; `headers` gets the rate limits either way."""
    body = parse(raw, "model", "messages", "max_tokens")
    record.model, record.stream = body["model"], bool(body.get("stream"))
    if behaviour.model not in {None, record.model}:
        behaviour = Behaviour()
    try:
        await _fail_if_told(engine, record, raw, behaviour)
        planned = plan(engine, record, body, raw, behaviour)
    finally:  # refusals carry them too
        if model := served(body["model"]):
            headers.extend(engine.limiter.headers(record.api_key, model.family, record.received_at))
    record.output_tokens = planned.answer.output_tokens
    record.thinking_tokens = planned.answer.thinking_tokens
    record.usage = {**planned.usage, "output_tokens": planned.answer.output_tokens}
    record.stop_reason = planned.answer.stop_reason
    family = planned.model.family
    if record.stream:
        await _stream(record, planned, behaviour, headers, reply)
    else:
        await _whole(record, planned, behaviour, headers, reply)
    engine.limiter.produced(record.api_key, family, planned.answer.produced_tokens, time.monotonic())


async def _fail_if_told(engine: Engine, record: Record, raw: bytes, behaviour: Behaviour) -> None:
    """Raise the error that the behaviour wants for this attempt, after its delay."""
    status = behaviour.status
    if status is None or status < 400 or (behaviour.attempts is not None and record.attempt >= behaviour.attempts):
        return
    if behaviour.share is not None and engine.luck(record, raw).random() >= behaviour.share:
        return
    await _until(record.received_at + (behaviour.error_delay_s or 0.0))
    raise ApiError(status, behaviour.message, retry_after_s=behaviour.retry_after_s)


async def _whole(record: Record, planned: Plan, behaviour: Behaviour, headers: Headers, reply: Reply) -> None:
    message = message_json(planned.answer, planned.message_id, planned.model.id, planned.usage)
    data = json.dumps(message).encode()
    if behaviour.cut_after is not None:
        await _until(record.received_at + planned.pace.at(behaviour.cut_after))
        _cut(record, reply)
        return
    await _until(record.received_at + planned.pace.at(max(0, planned.answer.produced_tokens - 1)))
    record.status = 200
    record.headers_sent_at = record.ended_at = time.monotonic()
    reply.send(200, [*headers, ("content-type", "application/json")], data)


async def _stream(record: Record, planned: Plan, behaviour: Behaviour, headers: Headers, reply: Reply) -> None:
    await _until(record.received_at + planned.pace.headers_s)
    started = message_start(planned.message_id, planned.model.id, planned.usage)
    record.status = 200
    record.headers_sent_at = time.monotonic()
    reply.start(200, [*headers, ("content-type", "text/event-stream; charset=utf-8")], started)
    for step in steps(planned.answer, planned.pace, planned.usage):
        await _until(record.received_at + step.at_s)
        if behaviour.cut_after is not None and step.done > behaviour.cut_after:
            await asyncio.sleep(SETTLE_S)
            _cut(record, reply)
            return
        if behaviour.error_after is not None and step.done > behaviour.error_after:
            overloaded = ApiError(529, behaviour.message)
            record.error_type = overloaded.type
            record.ended_at = time.monotonic()
            reply.end(b"event: error\ndata: " + overloaded.body(record.request_id) + b"\n\n")
            return
        _note(record, step)
        reply.write(step.data)
    record.ended_at = time.monotonic()
    reply.end()


def _note(record: Record, step: Step) -> None:
    if not step.is_delta:
        return
    record.last_delta_at = now = time.monotonic()
    record.first_delta_at = record.first_delta_at or now
    if step.is_text:
        record.first_text_at = record.first_text_at or now
    record.deltas.append((now, step.tokens))


def _cut(record: Record, reply: Reply) -> None:
    record.cut = True
    record.ended_at = time.monotonic()
    reply.cut()


async def _until(at: float) -> None:
    """Sleep up to a `time.monotonic()`; infinity ends only with the task."""
    if at == math.inf:
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(max(0.0, at - time.monotonic()))
