"""A process that writes: `python writer.py STORE FIRST COUNT BATCH`. Prints each span's number once it is durable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from firsttoken import store as stores
from tests.store.spans import SECOND, START, call


def main() -> None:
    path, first, count, batch = sys.argv[1], *map(int, sys.argv[2:])
    store = stores.open(path)
    for begin in range(first, first + count, batch):
        numbers = range(begin, min(begin + batch, first + count))
        store.append([call(n, {"gen_ai.response.id": f"msg_{n}"}, start=START + n * SECOND // 100) for n in numbers])
        print(*numbers, sep="\n", flush=True)


if __name__ == "__main__":
    main()
