"""Do the advisor's savings come true? A table: what each rule promises, and what its fix then saved.

    python -m benchmarks.savings.run [--seeds 10] [--first 1] [--rules ...] [--output docs/savings.md] [--stores DIR]

For each seed every sample application runs twice against the look-alike API, first with its fault, then mended. The
advisor sees only the first run; the saving is measured on the second. The applications of `firsttoken demo` run as
they do there, in processes of their own, few at once, so that their times are those of the API and not of a busy
machine; those of `pairs` run in a process for each pair, all seeds at once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.savings import playing
from benchmarks.savings.figures import (
    Call,
    Figure,
    Outcome,
    Run,
    average,
    calls_of,
    dollars,
    less,
    middle,
    per_request,
    said,
    seconds,
    table,
    whole_request,
)
from benchmarks.savings.pairs import PAIRS

from firsttoken import store as stores
from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.demo import running
from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.demo.api.__main__ import overlay
from firsttoken_dashboard.demo.lineup import LINEUP
from firsttoken_dashboard.demo.place import Place, seal

if TYPE_CHECKING:
    from benchmarks.savings.application import Pair

    from firsttoken_dashboard.advisor.findings import Finding

#: What the applications of the demo show.
OF_THE_DEMO: Final = (
    Figure("stream-responses", "s until the first words, p50", seconds, less(middle(lambda call: call.shown_s))),
    Figure("enable-prompt-caching", "s to first token, p50", seconds, less(middle(lambda call: call.ttft_s))),
    Figure("enable-prompt-caching", "$ per 1,000 calls", dollars, less(average(lambda call: call.input_usd, 1000))),
    Figure("use-smaller-model", "s a call, p50", seconds, less(middle(lambda call: call.duration_s))),
    Figure("use-smaller-model", "$ per 1,000 calls", dollars, less(average(lambda call: call.usd, 1000))),
    Figure("reuse-client", "s a call, mean", seconds, less(average(lambda call: call.setup_s))),
    Figure("run-in-parallel", "s a request, p50", seconds, less(whole_request)),
    Figure("trim-output", "s a call, p50", seconds, less(middle(lambda call: call.duration_s))),
    Figure("trim-output", "$ per 1,000 calls", dollars, less(average(lambda call: call.output_usd, 1000))),
    Figure("raise-timeout", "s a call, mean", seconds, less(average(lambda call: call.duration_s))),
    Figure("handle-overload", "s lost a request, mean", seconds, less(per_request(lambda call: call.lost_s))),
)


def main() -> int:
    """Run, and print the table; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--rules", nargs="*", help="only these (default: all)")
    parser.add_argument("--at-once", type=int, default=4, help="the demo's applications at a time (default: 4)")
    parser.add_argument("--output", type=Path, help="write the table there, as a page in Markdown")
    parser.add_argument("--stores", type=Path, help="keep the stores in this folder, and use those that are there")
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = args.stores or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcomes = [*_pairs(seeds, folder, args.rules), *_demo(seeds, folder, args.rules, args.at_once)]
    figures = [figure for figure in (*OF_THE_DEMO, *_figures(PAIRS)) if _wanted(figure.rule, args.rules)]
    text = table(figures, outcomes, args.seeds)
    print(text)
    if args.output:
        args.output.write_text(_PAGE.format(table=text, seeds=args.seeds, first=args.first), "utf-8")
    return 0


def _wanted(rule: str, rules: Collection[str] | None) -> bool:
    return not rules or rule in rules


def _figures(pairs: Sequence[Pair]) -> list[Figure]:
    return [figure for pair in pairs for figure in pair.figures]


def _pairs(seeds: Sequence[int], folder: Path, rules: Collection[str] | None) -> Iterator[Outcome]:
    """The pairs; those whose clock runs faster are judged by the lifetimes that it has there."""
    pairs = [pair for pair in PAIRS if _wanted(pair.rule, rules)]
    playing.play(pairs, seeds, folder)
    for pair in pairs:
        for seed in seeds:
            before, after = (
                Run(
                    calls_of(playing.store_of(folder, pair, seed, mended=mended)),
                    float(playing.bill_of(folder, pair, seed, mended=mended).read_text("utf-8")),
                )
                for mended in (False, True)
            )
            found = _audit(playing.store_of(folder, pair, seed, mended=False), folder, pair.time_scale)
            yield from _outcomes(pair.figures, seed, found, before, after)


def _audit(store: Path, folder: Path, time_scale: float) -> list[Finding]:
    models = folder / f"models-{time_scale:g}.toml"
    models.write_text(overlay(time_scale), encoding="utf-8")
    return audit(stores.open(store), Window(), source_root=folder, prices=pricing.load(models)).findings


def _demo(seeds: Sequence[int], folder: Path, rules: Collection[str] | None, at_once: int) -> Iterator[Outcome]:
    """The applications of the demo, each in its own process."""
    figures = [figure for figure in OF_THE_DEMO if _wanted(figure.rule, rules)]
    for seed in seeds if figures else ():
        before, after = (_run_demo(seed, folder, at_once, fixed=fixed) for fixed in (False, True))
        found = audit(stores.open(before), Window(), source_root=folder / f"{seed}-before").findings
        were, are = calls_of(before), calls_of(after)
        for figure in figures:
            service = next(app.name for app in LINEUP if app.rule == figure.rule).replace("_", "-")
            own = [one for one in found if one.site.service == service]
            runs = [[call for call in calls if call.service == service] for calls in (were, are)]
            yield from _outcomes([figure], seed, own, *(Run(_at(figure.rule, own, calls, runs[1])) for calls in runs))


def _at(rule: str, found: Sequence[Finding], calls: Sequence[Call], after: Sequence[Call]) -> list[Call]:
    """The calls of the function that the finding names, where it is there after the change as well; else all."""
    function = next((one.site.function for one in found if one.rule == rule), None)
    if function not in {call.function for call in after}:
        return list(calls)
    return [call for call in calls if call.function == function]


def _run_demo(seed: int, folder: Path, at_once: int, *, fixed: bool) -> Path:
    name = f"{seed}-{'after' if fixed else 'before'}"
    path = folder / f"{name}.duckdb"
    if not path.exists():
        at = Place(path, folder / name)
        api_seed = -1 - seed if fixed else seed
        with LookAlike(seed=api_seed) as api:
            for start in range(0, len(LINEUP), at_once):
                group = LINEUP[start : start + at_once]
                running.run_all(api, at.apps, at.store, fixed=fixed, progress=lambda _: None, lineup=group)
        seal(at, 0)
    return path


def _outcomes(
    figures: Sequence[Figure], seed: int, found: Sequence[Finding], before: Run, after: Run
) -> Iterator[Outcome]:
    for figure in figures:
        finding = next((one for one in found if one.rule == figure.rule), None)
        promised = None if finding is None else figure.promised(finding)
        outcome = Outcome(figure, seed, promised, figure.saved(before, after))
        print(said(outcome), file=sys.stderr, flush=True)
        yield outcome


_PAGE: Final = """# Savings that come true

A pair of sample applications for each rule that promises a figure, with their faults and mended, against the simulated
API: the advisor sees only the first run, the saving is measured on the second. Wanted: inside the promised interval for
9 of 10 seeds, and no interval wider than ±50 %. All numbers are simulated. Figures are means over {seeds} seeds;
*inside* and *widest interval* are over each seed by itself.

{table}

Dollars of the pairs in `benchmarks/savings/pairs` are the simulated API's own bill; the other figures, and those of the
demo's applications, come from what was recorded. The users ask the same in both runs; the API's luck (how long answers
get, how fast they come, what fails) is another.

How the intervals are made, so that nine of ten hold: what the first run cost is known to the token; what the change
would leave of it is told from as many calls, and the second run is another draw of as many, so its own chance is
reckoned in (twice the variance). Where the change leaves nothing of a loss there is only one run's chance. What nobody
recorded is an assumed range: how much less a level of effort thinks (30 to 70 %), how much faster fast mode writes (1.5
to 2.5 times), how long summaries get (2,000 to 8,000 tokens), how far answers that a timeout cut off overran. The
seconds that a token of the prompt costs are fitted on the calls themselves.

Some of these ranges and margins (how far answers that a timeout cut off overran, by how much two hours differ) were
chosen on runs like these; the estimates of `run-in-parallel` and `handle-overload`, and the slope behind
`repair-prompt-cache`, were mended on seeds 31 to 40. The applications need a machine that is not busy: where others
keep it so, calls wait for a processor rather than for the API, and run into their timeouts.

Made by `python -m benchmarks.savings.run --first {first} --seeds {seeds} --output docs/savings.md`.
"""


if __name__ == "__main__":
    sys.exit(main())
