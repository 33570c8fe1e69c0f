"""`python -m firsttoken_dashboard.demo.api --port 0 --seed N`: run the look-alike by itself, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from firsttoken_dashboard.demo.api.cache import TTL_S
from firsttoken_dashboard.demo.api.server import LookAlike


def main() -> int:
    """Print the address, one line, and serve."""
    parser = argparse.ArgumentParser(prog="python -m firsttoken_dashboard.demo.api", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parser.add_argument("--seed", type=int, default=0, help="two runs with the same seed agree (default: 0)")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=1.0,
        metavar="K",
        help="cache entries live, and rate limits fill up, K times faster (default: 1)",
    )
    parser.add_argument(
        "--models-overlay",
        type=Path,
        metavar="FILE",
        help="write the scaled times there, for `firsttoken report --models FILE`",
    )
    args = parser.parse_args()
    if args.time_scale <= 0:
        parser.error("--time-scale is a factor above 0")
    if args.models_overlay:
        args.models_overlay.write_text(overlay(args.time_scale), encoding="utf-8")
    try:
        with LookAlike(seed=args.seed, port=args.port, time_scale=args.time_scale) as api:
            print(api.url, flush=True)
            threading.Event().wait()
    except OSError as error:
        print(f"Port {args.port} cannot be had on 127.0.0.1: {error.strerror}; try --port 0.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def overlay(time_scale: float) -> str:
    """The part of the price list that a faster clock changes, as TOML."""
    lines = [f"ttl_{ttl}_s = {seconds / time_scale!r}" for ttl, seconds in TTL_S.items()]
    return "\n".join(["[cache]", *lines, ""])


if __name__ == "__main__":
    sys.exit(main())
