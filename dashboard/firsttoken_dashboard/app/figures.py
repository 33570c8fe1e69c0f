"""How a figure is written, once for every page. What is not known is an en dash, never a zero."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

UNKNOWN: Final = "–"
_MINUS: Final = "\N{MINUS SIGN}"


def count(number: float | None) -> str:
    """`1,234`, and from a million on `1.23 M`."""
    if number is None:
        return UNKNOWN
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if abs(number) >= size:
            return f"{_digits(number / size, 3)} {letter}"
    return f"{number:,.0f}"


def tokens(number: float | None) -> str:
    """`812`, `12.4 k`, `1.23 M`: tokens are read by their size, not to the last one."""
    if number is None or abs(number) < 10_000:
        return count(number)
    return f"{_digits(number / 1e3, 3)} k" if abs(number) < 1e6 else count(number)


def seconds(span: float | None) -> str:
    """`4.2 ms`, `412 ms`, `1.24 s`, `2 min 5 s`, `3.2 h`, `5.1 d`."""
    if span is None or math.isnan(span):
        return UNKNOWN
    size = abs(span)
    sign = _MINUS if span < 0 else ""
    if size < 0.9995:
        written = "0 ms" if size < 5e-6 else f"{_digits(size * 1e3, 2 if size < 0.1 else 3)} ms"
    elif size < 60:
        written = f"{_digits(size, 3)} s"
    elif size < 3600:
        minutes, rest = divmod(round(size), 60)
        written = f"{minutes} min" if rest == 0 else f"{minutes} min {rest} s"
    elif size < 2 * 86400:
        written = f"{_digits(size / 3600, 2)} h"
    else:
        written = f"{_digits(size / 86400, 2)} d"
    return sign + written


def rate(tokens_per_second: float | None) -> str:
    """`92.4 tok/s`."""
    return UNKNOWN if tokens_per_second is None else f"{_digits(tokens_per_second, 3)} tok/s"


def usd(dollars: float | None) -> str:
    """`$0.0042`, `$0.42`, `$12.34`, `$1,234`."""
    if dollars is None:
        return UNKNOWN
    size = abs(dollars)
    sign = _MINUS if dollars < 0 else ""
    if size == 0:
        return "$0"
    if size < 0.1:
        return f"{sign}${_digits(size, 2)}"
    return f"{sign}${size:,.2f}" if size < 1000 else f"{sign}${size:,.0f}"


def percent(share: float | None) -> str:
    """`0 %`, `0.42 %`, `4.2 %`, `42 %`, `99.6 %`, `100 %` of a share from 0 to 1."""
    if share is None:
        return UNKNOWN
    hundred = 100 * share
    if hundred in {0, 100}:
        return f"{hundred:.0f} %"
    digits = 2 if abs(hundred) < 0.995 else 1 if abs(hundred) < 9.95 or abs(hundred) > 99 else 0
    return f"{hundred:.{digits}f} %"


def change(now: float | None, before: float | None) -> str | None:
    """`+12 %` or `−4 %` against the figure before; None where there is nothing to compare with."""
    if now is None or before is None or before == 0:
        return None
    hundred = 100 * (now - before) / before
    if abs(hundred) < 0.5:
        return "±0 %"
    if hundred > 999:
        return f"×{_digits(now / before, 2)}"
    return f"{'+' if hundred > 0 else _MINUS}{abs(hundred):.0f} %"


def points(now: float | None, before: float | None) -> str | None:
    """The change of a share in percentage points: `+3.1 pp`."""
    if now is None or before is None:
        return None
    difference = 100 * (now - before)
    if abs(difference) < 0.05:
        return "±0 pp"
    return f"{'+' if difference > 0 else _MINUS}{abs(difference):.1f} pp"


def between(low: str, high: str) -> str:
    """An interval of two written figures: `1.2 s – 3.4 s`, or one figure where both read the same."""
    return low if low == high else f"{low} – {high}"


def moment(at: datetime | None) -> str:
    """`2026-11-22 19:13:56`; pages say once that times are UTC."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def minute(at: datetime) -> str:
    """`22 Nov 19:13`, for the foot of a chart."""
    return f"{at.day} {at:%b %H:%M}"


def day(at: datetime) -> str:
    """`22 Nov`."""
    return f"{at.day} {at:%b}"


def clock(at: datetime) -> str:
    """`19:13`."""
    return f"{at:%H:%M}"


def clock_second(at: datetime) -> str:
    """`19:13:56`."""
    return f"{at:%H:%M:%S}"


def _digits(number: float, significant: int) -> str:
    """So many significant digits, none of them after the point when the number is that long, no zeros at the end."""
    if number == 0:
        return "0"
    places = max(0, significant - 1 - math.floor(math.log10(abs(number))))
    written = f"{number:,.{places}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
