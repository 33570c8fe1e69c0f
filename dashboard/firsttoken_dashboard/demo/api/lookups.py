"""The paths that generate nothing: token counts, models, batches (which are through at once, results included)."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field

from firsttoken_dashboard.demo.api.answer import answer
from firsttoken_dashboard.demo.api.behaviour import Behaviour
from firsttoken_dashboard.demo.api.body import Json, parse
from firsttoken_dashboard.demo.api.cache import CacheUse
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.events import message_json, usage_json
from firsttoken_dashboard.demo.api.http import Request
from firsttoken_dashboard.demo.api.plan import Engine, model_of
from firsttoken_dashboard.demo.api.prefix import prompt_blocks
from firsttoken_dashboard.demo.api.records import Record
from firsttoken_dashboard.demo.api.served import Served, all_served, served


@dataclass(slots=True)
class Lookups:
    """Answers by path; batches live as long as the server."""

    engine: Engine
    _results: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])

    def answer(self, request: Request, record: Record) -> tuple[str, bytes]:  # noqa: PLR0911 - one line a path
        """Content type and body. Raises ApiError; 404 for a path that the look-alike does not have."""
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v1", "messages", "count_tokens"]:
                return _json({"input_tokens": _prompt_tokens(parse(request.body, "model", "messages"))})
            case "GET", ["v1", "models"]:
                return _json(_page([_model_info(model) for model in all_served()]))
            case "GET", ["v1", "models", name]:
                if not (model := served(name)):
                    raise ApiError(404, f"model: {name}")
                return _json(_model_info(model))
            case "POST", ["v1", "messages", "batches"]:
                return _json(self._batch(self._run(request, record), request))
            case "GET", ["v1", "messages", "batches"]:
                return _json(_page([self._batch(batch, request) for batch in self._results]))
            case "GET", ["v1", "messages", "batches", batch]:
                return _json(self._batch(batch, request))
            case "GET", ["v1", "messages", "batches", batch, "results"]:
                lines = [json.dumps(result) for result in self._known(batch)]
                return "application/x-jsonl", ("\n".join(lines) + "\n").encode()
            case _:
                raise ApiError(404, "Not Found")

    def _run(self, request: Request, record: Record) -> str:
        items: list[Json] = parse(request.body, "requests")["requests"]
        rng = self.engine.luck(record, request.body)
        batch = f"msgbatch_{rng.getrandbits(96):024x}"
        self._results[batch] = []
        for item in items:
            body = item["params"]
            model = model_of(body)
            made = answer(body, Behaviour(), model, rng)
            usage = usage_json(CacheUse(0, 0, 0, _prompt_tokens(body)), {"service_tier": "batch"})
            message = message_json(made, f"msg_{rng.getrandbits(96):024x}", model.id, usage)
            result = {"type": "succeeded", "message": message}
            self._results[batch].append({"custom_id": item["custom_id"], "result": result})
            record.billed.append({"model": model.id, **message["usage"]})
        return batch

    def _known(self, batch: str) -> list[Json]:
        if batch not in self._results:
            raise ApiError(404, f"batch: {batch}")
        return self._results[batch]

    def _batch(self, batch: str, request: Request) -> Json:
        now = dt.datetime.now(dt.timezone.utc)
        succeeded = len(self._known(batch))
        counts = {"processing": 0, "succeeded": succeeded, "errored": 0, "canceled": 0, "expired": 0}
        return {
            "id": batch,
            "type": "message_batch",
            "processing_status": "ended",
            "request_counts": counts,
            "created_at": now.isoformat(),
            "ended_at": now.isoformat(),
            "expires_at": (now + dt.timedelta(days=1)).isoformat(),
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"http://{request.headers['host']}/v1/messages/batches/{batch}/results",
        }


def _prompt_tokens(body: Json) -> int:
    model = model_of(body)
    blocks = prompt_blocks(body, model=model.id, workspace="", chars_per_token=model.chars_per_token)
    return sum(block.tokens for block in blocks)


def _model_info(model: Served) -> Json:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": f"{model.released}T00:00:00Z",
        "lifecycle": "active",
        "line": model.family,
        "max_input_tokens": model.context_tokens,
        "max_tokens": model.max_output_tokens,
    }


def _page(data: list[Json]) -> Json:
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}


def _json(data: Json) -> tuple[str, bytes]:
    return "application/json", json.dumps(data).encode()
