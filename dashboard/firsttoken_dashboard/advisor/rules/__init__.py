"""The rules, in the order in which they are asked and reported.

A rule is a module here with ``RULE: Rule`` and ``find(con, context) -> list[Finding]``. It reads the temporary table
``audited`` (``advisor/audited.sql``): one row per model call of the window (of a site and model with more than 20,000
so many, in whole traces drawn by their ids), with the columns of ``calls`` but the wide ones (``prompt_blocks``,
``attempt_events``: join ``calls`` on its ``rowid``) and ids that no rule reads, and

- ``call_row``: the call's ``rowid`` in ``calls``
- ``block_count``, ``marked``: how many prompt blocks are known, and whether one of them is marked for the cache
- ``site_id``: index into ``Context.sites``
- ``model``: the model that was asked for, else the one that answered
- ``interactive``: somebody waits for the answer; NULL where that is not known
- ``weight``: how many calls this row stands for (above 1 where traces are sampled, here or by the application)
- ``span_key``: what ``used_answers`` (answers that a later call of the trace uses) is joined on

Only ``operation = 'chat'`` is in it. Failed calls are: ``error_type IS NOT NULL``. What went wrong on the way is in
the temporary table ``failed_attempts``. What lies between neighbouring calls, or repeats, is asked of the view
``every_call`` (``advisor/located.sql``), which holds all of them and little else.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor.estimate import GRID
from firsttoken_dashboard.advisor.findings import Finding, Json, Range, Site

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from firsttoken_dashboard.advisor.estimate import Rates
    from firsttoken_dashboard.advisor.recorded import Recording
    from firsttoken_dashboard.analysis import Window
    from firsttoken_dashboard.pricing import Prices

#: Modules of this package, in the order of the report.
NAMES = (
    "stream_responses",
    "enable_prompt_caching",
    "use_smaller_model",
    "reuse_client",
    "run_in_parallel",
    "trim_output",
    "raise_timeout",
    "handle_overload",
    "repair_prompt_cache",
    "extend_cache_ttl",
    "cache_below_minimum",
    "lower_effort",
    "use_fast_mode",
    "compact_context",
    "speed_up_tool_loop",
    "use_batches",
    "fix_truncation",
    "replace_retired_model",
    "deduplicate_requests",
    "rate_limit_headroom",
    "slow_consumer",
)


class CannotJudge(Exception):  # noqa: N818 - an answer of a rule, not a failure
    """Raised by ``find``: str() says what is missing, as one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's face.

    ``needs`` maps columns of ``audited`` without which the rule cannot judge a call to the attribute that carries
    each. Where no call has one of them the rule is not asked and the report names the attribute.
    ``whole`` says that the rule looks at the time between calls, so sampled traces would mislead it. ``by_model`` says
    that calls of which no model is known are passed over: then the report says so.
    """

    id: str
    title: str
    docs: str
    needs: Mapping[str, str] = field(default_factory=dict[str, str])
    whole: bool = False
    by_model: bool = True


class Latency(Protocol):
    """How fast the models answer here: fitted on the user's own calls, else the reference table (wider interval)."""

    def ttft(self, model: str, uncached_tokens: float) -> Range | None:
        """Seconds to the first token for a prompt with that many uncached tokens."""
        ...

    def tps(self, model: str) -> Range | None:
        """Output tokens per second after the first."""
        ...

    def per_token(self, model: str) -> Range:
        """Seconds that one more uncached input token adds to the time to first token."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know beside the calls."""

    window: Window
    rates: Rates
    sites: Mapping[int, Site]
    prices: Prices
    fit: Latency
    source_root: Path | None = None
    sampled: bool = False
    #: Prompts that one rule has read for a replay, by site and model: the next rule need not.
    recordings: dict[tuple[int, str], Recording | None] = field(
        default_factory=dict[tuple[int, str], "Recording | None"]
    )


def ask(con: DuckDBPyConnection, question: str, context: Context, **parameters: object) -> list[tuple[Any, ...]]:
    """Every row of ``rules/<question>.sql``; ``$grid`` is there for `Distribution`."""
    return analysis.rows(con, question, context.window, package=__name__, **_grid_for(question), **parameters)


def _grid_for(question: str) -> dict[str, list[float]]:
    return {"grid": list(GRID)} if "$grid" in analysis.sql(question, __name__) else {}


def evidence(context: Context, *, n: int, traces: Sequence[str] | None, **numbers: Json) -> dict[str, Json]:
    """A finding's evidence: what every one has, then its own numbers. Figures keep six digits, None is left out."""
    window = context.rates
    common: dict[str, Json] = {
        "n": n,
        "window": {"from": _iso(window.first), "to": _iso(window.last)},
        "traces": list(traces or ()),
    }
    own = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in numbers.items()}
    return common | {name: value for name, value in own.items() if value is not None}


def _iso(moment: datetime | None) -> str | None:
    """UTC, to the second."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class RuleModule(Protocol):
    """What a module of this package offers; its name is the rule's id with underscores."""

    RULE: Rule

    def find(self, con: DuckDBPyConnection, context: Context) -> list[Finding]: ...


def load(only: Collection[str] | None = None) -> list[RuleModule]:
    """Import the rules (all, or those with the ids `only`), in the report's order."""
    names = [name for name in NAMES if only is None or name.replace("_", "-") in only]
    return [cast("RuleModule", importlib.import_module(f"{__name__}.{name}")) for name in names]
