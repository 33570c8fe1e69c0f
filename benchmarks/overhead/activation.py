"""What `instrument()` takes after `anthropic` is imported: `python -m benchmarks.overhead.activation [--starts 15]`.

Each time in a process of its own: a second one would find everything loaded. Prints the median and the lowest, in ms,
by the clock and by the processor's time.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

SCRIPT = """
import time
import anthropic
import opentelemetry.sdk.trace
clock, cpu = time.perf_counter(), time.process_time()
from firsttoken import AnthropicInstrumentor
AnthropicInstrumentor().instrument()
print((time.perf_counter() - clock) * 1e3, (time.process_time() - cpu) * 1e3)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=15)
    args = parser.parse_args()
    told = [
        subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(args.starts + 1)
    ][1:]  # the first one reads the files from the disk
    for name, column in (("clock", 0), ("processor", 1)):
        ms = [float(each[column]) for each in told]
        print(f"{name}: median {statistics.median(ms):.1f} ms, lowest {min(ms):.1f} ms, of {len(ms)} starts")


if __name__ == "__main__":
    main()
