"""When did a site's calls change in the way a fix implies? Seen from the calls alone.

Six fixes leave a mark on each call (it streams, its prompt is marked, ...). Two show only in what comes out: fewer
refusals, shorter answers. There the moment is taken from something else that changed (code, limits, system prompt),
never from the outcome itself: a moment chosen by the outcome would make a saving out of luck.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Final, TypeAlias

from firsttoken_dashboard.advisor.before_after import Call
from firsttoken_dashboard.advisor.followed import Followed

#: Calls that must show the change, and calls that must not, before there is one.
ENOUGH: Final = 5
#: Share of the calls before and after that may be otherwise: canaries, workers that start later.
STRAYS: Final = 0.2
#: Calls in a row that tell that a change was undone.
LATEST: Final = 10
#: A setting with more values than this among the calls of the finding varies by itself.
FEW_VALUES: Final = 2

Marks: TypeAlias = "Sequence[bool | None]"


def marks(followed: Followed, calls: Sequence[Call]) -> Marks | None:
    """Whether each call shows the fix (None: it does not tell); None where the rule's fix leaves no mark."""
    if followed.rule == "run-in-parallel":
        return _overlaps(calls)
    mark = _mark(followed, calls)
    return None if mark is None else [mark(call) for call in calls]


def _mark(followed: Followed, calls: Sequence[Call]) -> Callable[[Call], bool | None] | None:
    def asks_another_model(call: Call) -> bool | None:
        return None if call.model is None else call.model != followed.model

    limits = [call.timeout_s for call in calls if call.timeout_s is not None and _known(followed, call)]
    longest = max(limits, default=math.inf)

    def has_time(call: Call) -> bool | None:
        return None if call.timeout_s is None else call.timeout_s > longest or call.stream is True

    found: dict[str, Callable[[Call], bool | None]] = {
        "stream-responses": lambda call: call.stream,
        "enable-prompt-caching": lambda call: call.cache_used,
        "use-smaller-model": asks_another_model,
        "reuse-client": _keeps_connection if followed.key == "keep-alive" else _reuses_client,
        "raise-timeout": has_time,
    }
    return found.get(followed.rule)


def _keeps_connection(call: Call) -> bool | None:
    return None if call.connection_new is None else not call.connection_new


def _reuses_client(call: Call) -> bool | None:
    return None if call.client_calls is None else call.client_calls > 1


def reconfigured(followed: Followed, calls: Sequence[Call]) -> Marks:
    """Whether each call was made by code or with settings that the finding's own calls do not know."""
    own = [call.configuration for call in calls if _known(followed, call)]
    if not own:
        return [None] * len(calls)
    old = [set(values) for values in zip(*own, strict=True)]
    steady = [number for number, values in enumerate(old) if len(values) <= FEW_VALUES]
    return [any(call.configuration[number] not in old[number] for number in steady) for call in calls]


def _known(followed: Followed, call: Call) -> bool:
    """Whether the finding was made from calls of that time; evidence gives its window's end to the second, cut."""
    return followed.seen_until is None or call.start_s < seconds(followed.seen_until) + 1


def seconds(moment: datetime) -> float:
    """Seconds since the epoch of a time as the store has it: UTC without a zone."""
    return moment.replace(tzinfo=timezone.utc).timestamp()


def turn(shown: Marks) -> int | None:
    """The first call after the change: where marks set in, and stay. None where they do not."""
    told = [(number, mark) for number, mark in enumerate(shown) if mark is not None]
    # Each place is worth the calls without a mark before it and those with one from it on.
    worth = most = sum(mark for _, mark in told)
    place = 0
    for number, (_, mark) in enumerate(told, 1):
        worth += -1 if mark else 1
        if worth > most:
            most, place = worth, number
    before, after = told[:place], told[place:]
    if not (_firm(sum(not mark for _, mark in before), before) and _firm(sum(mark for _, mark in after), after)):
        return None
    return after[0][0]


def _firm(number: int, calls: Sequence[object]) -> bool:
    return number >= max(ENOUGH, (1 - STRAYS) * len(calls))


def relapse(shown: Marks) -> int | None:
    """Of calls since a change: the first of the latest that no longer show it, once all the latest do not."""
    told = [(number, mark) for number, mark in enumerate(shown) if mark is not None]
    if len(told) < LATEST + ENOUGH or sum(mark for _, mark in told[:-LATEST]) < ENOUGH:
        return None
    if sum(mark for _, mark in told[-LATEST:]) > STRAYS * LATEST:
        return None
    place = len(told) - LATEST
    while place > 0 and not told[place - 1][1]:
        place -= 1
    return told[place][0]


def _overlaps(calls: Sequence[Call]) -> Marks:
    """Whether each call runs beside another of the same parent; None for one that is alone."""
    families: dict[object, list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        families[call.trace_id, call.parent_span_id].append(number)
    shown: list[bool | None] = [None] * len(calls)
    for family in families.values():
        if len(family) > 1:
            for number in family:
                one = calls[number]
                others = (calls[other] for other in family if other != number)
                shown[number] = any(one.start_s < other.end_s and other.start_s < one.end_s for other in others)
    return shown
