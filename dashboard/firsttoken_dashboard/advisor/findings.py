"""What the advisor says: a finding, its site, its saving and its fix.

Units: seconds, US dollars. What is not known is None, never 0.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from firsttoken_dashboard.advisor.followed import Followed
    from firsttoken_dashboard.advisor.together import Change, Group

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

Confidence: TypeAlias = Literal["high", "medium", "low"]
Method: TypeAlias = Literal["measured", "replayed", "modelled"]
Level: TypeAlias = Literal["low", "medium", "high"]
Kind: TypeAlias = Literal["finding", "hint"]

#: Fewer calls than this make a hint, not a finding.
MINIMUM_CALLS = 20


@dataclass(frozen=True, slots=True)
class Range:
    """An estimate with its interval: ``low <= expected <= high``."""

    low: float
    expected: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.expected <= self.high:
            message = f"not an interval: {self.low}, {self.expected}, {self.high}"
            raise ValueError(message)

    def times(self, factor: float) -> Range:
        """Scale by a factor that is not negative."""
        return Range(self.low * factor, self.expected * factor, self.high * factor)

    def at_least(self, share: float) -> Range:
        """The same figure, with an interval of no less than that share of it to either side."""
        spread = abs(self.expected) * share
        return Range(min(self.low, self.expected - spread), self.expected, max(self.high, self.expected + spread))

    @classmethod
    def exactly(cls, value: float) -> Range:
        return cls(value, value, value)

    @classmethod
    def within(cls, value: float, share: float) -> Range:
        """``value`` give or take a share of it: ``within(10, 0.2)`` is 8 to 12."""
        spread = abs(value) * share
        return cls(value - spread, value, value + spread)


@dataclass(frozen=True, slots=True)
class Site:
    """The line of the application that makes a call.

    Without a source line (foreign dialects, threads of frameworks) a site is known by its service, the name of the
    span around it and the hash of its tools and system prompt.
    """

    service: str | None
    file: str | None = None
    line: int | None = None
    function: str | None = None
    parent: str | None = None
    prompt: str | None = None

    @property
    def known(self) -> bool:
        """Whether the source line is known."""
        return self.file is not None

    def path(self, source_root: Path | None) -> str | None:
        """The file relative to ``source_root`` where it lies below it, else as it was recorded."""
        if self.file is None:
            return None
        if source_root is not None and (path := PurePath(self.file)).is_relative_to(source_root):
            return path.relative_to(source_root).as_posix()
        return self.file

    def label(self, source_root: Path | None = None) -> str:
        """``app/chat.py:31 in answer``; without a source line what is known instead."""
        path = self.path(source_root)
        if path is None:
            around = f"under {self.parent}" if self.parent else "without a parent span"
            prompt = f", prompt {self.prompt[:8]}" if self.prompt else ""
            return f"{self.service or 'unknown service'} {around}{prompt} (no source line known)"
        where = path if self.line is None else f"{path}:{self.line}"
        return where if self.function is None else f"{where} in {self.function}"


@dataclass(frozen=True, slots=True)
class Saving:
    """What the fix saves. A negative bound means that the fix may cost that much.

    ``latency_s`` is seconds per call at the median, or on average where a fault hits only some of the calls;
    ``latency_p95_s`` is seconds at the 95th percentile.
    ``at_this_rate`` marks a monthly figure that comes from less than 24 hours of calls.
    """

    method: Method
    latency_s: Range | None = None
    latency_p95_s: Range | None = None
    usd_per_month: Range | None = None
    usd_per_1000_calls: Range | None = None
    at_this_rate: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """The change, as Python for this very call, and the documentation behind it."""

    before: str
    after: str
    why: str
    docs: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change, at one site.

    ``evidence`` holds at least ``n`` (calls it rests on), ``window`` (ISO times from and to) and ``traces`` (a few
    trace ids to look at); its other entries are the numbers that made the rule speak.
    ``kind`` is "hint" where the calls are too few or the case is uncertain.
    ``key`` tells apart findings of one rule in one function; it is part of ``id``.
    ``change`` is what the fix does to the calls, for the total of all findings; it is gone once that is known.
    """

    rule: str
    title: str
    site: Site
    model: str | None
    evidence: dict[str, Json]
    saving: Saving
    confidence: Confidence
    caveats: str
    fix: Fix
    verify: str
    effort: Level = "low"
    risk: Level = "low"
    kind: Kind = "finding"
    state: str = "open"
    key: str = ""
    change: Change | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The same for the same fault at the same place, also after lines above it moved."""
        site = self.site
        place = (site.service, site.file, site.function) if site.known else (site.service, site.parent, site.prompt)
        identity = "\x1f".join(str(part) for part in (self.rule, *place, self.model, self.key))
        return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a slow first token: what it is, its seconds (of the calls over the limit, on average), its rule."""

    name: str
    seconds: float
    rule: str | None


@dataclass(frozen=True, slots=True)
class SlowFirstToken:
    """A site whose time to first token is over 3 s at the 95th percentile, split into what it is made of.

    ``advice`` names the rule that the largest part belongs to, or says that there is nothing to change.
    """

    site: Site
    model: str | None
    n: int
    ttft_p50_s: float
    ttft_p95_s: float
    parts: list[Part]
    advice: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule that was asked: how it came out, and if it could not judge, why.

    ``outcome`` is "found", "good" or "not judged". ``note`` says how many of the calls it could see, or what lacked.
    """

    rule: str
    title: str
    outcome: Literal["found", "good", "not judged"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A service whose calls no rule found fault with."""

    service: str | None
    n_calls: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything the advisor has to say about a window of calls.

    ``weight`` is how many calls the recorded ones stand for; ``together`` is what ``total`` is made of, so that it
    can be told for fewer findings. Where the findings' states were looked up (`states.merge`)
    ``set_aside`` holds those the user dismissed or snoozed, ``followed`` those whose change was made.
    """

    findings: list[Finding]
    hints: list[Finding]
    slow_first_token: list[SlowFirstToken]
    checked: list[Checked]
    n_calls: int
    since: datetime | None
    until: datetime | None
    simulated: bool
    sampled: bool
    source_root: Path | None
    quiet: list[Quiet]
    total: Saving | None = None
    together: list[Group] = field(default_factory=list["Group"])
    weight: float = 0.0
    set_aside: list[Finding] = field(default_factory=list["Finding"])
    followed: list[Followed] = field(default_factory=list["Followed"])
