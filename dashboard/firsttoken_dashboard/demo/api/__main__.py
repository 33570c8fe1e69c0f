"""`python -m firsttoken_dashboard.demo.api --port 0 --seed N`: run the look-alike by itself, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import threading

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
    args = parser.parse_args()
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


if __name__ == "__main__":
    sys.exit(main())
