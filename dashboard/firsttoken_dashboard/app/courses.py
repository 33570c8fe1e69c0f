"""From rows over time to charts: every grain of the window has its place, those without calls show as gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from firsttoken_dashboard.app import figures
from firsttoken_dashboard.app.components import Chart, Point, Reading, Series, Tick

_TICKS: Final = 5


def spark(
    moments: Sequence[datetime],
    values: Mapping[datetime, float | None],
    write: Callable[[float | None], str],
    grain: str,
) -> list[Point]:
    """The points of a card's line, from nought to the highest value."""
    top = max((value for value in values.values() if value is not None), default=0) or 1
    last = max(len(moments) - 1, 1)
    return [
        (index / last, _share(values.get(at), top), f"{when(at, grain)}: {write(values.get(at))}")
        for index, at in enumerate(moments)
    ]


def shape(moments: Sequence[datetime], values: Mapping[datetime, float | None]) -> list[tuple[float, float | None]]:
    """The points of a line in a table's cell."""
    top = max((value for value in values.values() if value is not None), default=0) or 1
    last = max(len(moments) - 1, 1)
    return [(index / last, _share(values.get(at), top)) for index, at in enumerate(moments)]


def lines(
    title: str,
    unit: str,
    moments: Sequence[datetime],
    series: Sequence[tuple[str, str, Mapping[datetime, float | None]]],
    write: Callable[[float | None], str],
    grain: str,
    *,
    dashes: Mapping[str, str] | None = None,
    empty: str = "Nothing to draw in this window.",
) -> Chart:
    """A chart of lines: (name, colour, value per moment) each."""
    top, grid = _scale(max((v for _, _, values in series for v in values.values() if v is not None), default=0), write)
    last = max(len(moments) - 1, 1)
    return Chart(
        title=title,
        unit=unit,
        series=[
            Series(
                name,
                color,
                points=[(index / last, _share(values.get(at), top)) for index, at in enumerate(moments)],
                dash=(dashes or {}).get(name),
            )
            for name, color, values in series
        ],
        readings=_readings(moments, series, write, grain, lambda index: index / last),
        grid=grid,
        ticks=_ticks(moments, grain, lambda index: index / last),
        summary=_summary(title, unit, series, write),
        empty=empty,
    )


def bars(
    title: str,
    unit: str,
    moments: Sequence[datetime],
    series: Sequence[tuple[str, str, Mapping[datetime, float | None]]],
    write: Callable[[float | None], str],
    grain: str,
    *,
    empty: str = "Nothing to draw in this window.",
) -> Chart:
    """A chart of stacked bars: (name, colour, value per moment) each, the first at the bottom."""
    sums = {at: sum(values.get(at) or 0 for _, _, values in series) for at in moments}
    top, grid = _scale(max(sums.values(), default=0), write)
    width = 1 / max(len(moments), 1)
    below = dict.fromkeys(moments, 0.0)
    layers: list[Series] = []
    for name, color, values in series:
        layer: list[tuple[float, float, float]] = []
        for index, at in enumerate(moments):
            value = values.get(at)
            if value:
                layer.append(((index + 0.5) * width, below[at] / top, (below[at] + value) / top))
                below[at] += value
        layers.append(Series(name, color, bars=layer))
    return Chart(
        title=title,
        unit=unit,
        series=layers,
        readings=_readings(moments, series, write, grain, lambda index: (index + 0.5) * width),
        grid=grid,
        ticks=_ticks(moments, grain, lambda index: (index + 0.5) * width),
        summary=_summary(title, unit, series, write),
        kind="bars",
        width=width,
        empty=empty,
    )


def when(at: datetime, grain: str) -> str:
    """A moment as its chart names it."""
    if grain == "second":
        return f"{figures.clock_second(at)} UTC"
    return figures.day(at) if grain == "day" else f"{figures.minute(at)} UTC"


def ticks_of_seconds(length_s: float) -> list[Tick]:
    """Round marks from nought to `length_s`."""
    if length_s <= 0:
        return [Tick(0, figures.seconds(0))]
    step = _step(length_s / 4)
    count = int(length_s / step + 1e-9)
    return [Tick(index * step / length_s, figures.seconds(index * step)) for index in range(count + 1)]


def _share(value: float | None, top: float) -> float | None:
    return None if value is None else value / top


def _step(rough: float) -> float:
    """The next of 1, 2, 5, 10, … above."""
    power = 10 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _scale(highest: float, write: Callable[[float | None], str]) -> tuple[float, list[Tick]]:
    """The top of an axis from nought, and its marks at round values."""
    if highest <= 0:
        return 1.0, [Tick(0, write(0))]
    step = _step(highest / 3)
    count = max(1, math.ceil(highest / step - 1e-9))
    return step * count, [Tick(index / count, write(step * index)) for index in range(count + 1)]


def _ticks(moments: Sequence[datetime], grain: str, place: Callable[[int], float]) -> list[Tick]:
    if not moments:
        return []
    every = max(1, math.ceil(len(moments) / _TICKS))
    short = figures.day if grain == "day" else figures.clock_second if grain == "second" else figures.clock
    within_a_day = grain != "day" and (moments[-1] - moments[0]).total_seconds() <= 86400
    write = short if within_a_day or grain == "day" else figures.minute
    return [Tick(place(index), write(at)) for index, at in enumerate(moments) if index % every == 0]


def _readings(
    moments: Sequence[datetime],
    series: Sequence[tuple[str, str, Mapping[datetime, float | None]]],
    write: Callable[[float | None], str],
    grain: str,
    place: Callable[[int], float],
) -> list[Reading]:
    return [
        Reading(
            place(index),
            when(at, grain),
            [(name, color, write(values.get(at))) for name, color, values in series if values.get(at) is not None],
        )
        for index, at in enumerate(moments)
        if any(values.get(at) is not None for _, _, values in series)
    ]


def _summary(
    title: str,
    unit: str,
    series: Sequence[tuple[str, str, Mapping[datetime, float | None]]],
    write: Callable[[float | None], str],
) -> str:
    told: list[str] = []
    for name, _, values in series:
        known = [value for value in values.values() if value is not None]
        if known:
            told.append(f"{name} from {write(min(known))} to {write(max(known))}")
    return f"{title}, {unit}: {'; '.join(told) or 'nothing'}"
