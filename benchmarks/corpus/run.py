"""What does the advisor say of applications whose faults are known? Recall, precision, and silence on healthy ones.

    python -m benchmarks.corpus.run [--seeds 3] [--only NAME] [--together]

Each application is audited in a store of its own; --together puts all that can share one into one, as a fleet does,
which takes seconds. A finding is right where it names a planted fault at its site; every other finding is wrong,
unless the application declares it true as well. Hints are counted apart: they claim nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.corpus import prompts, silent, spending, waiting
from benchmarks.corpus.application import ALL, Application, Found

from firsttoken import store as stores
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.findings import Finding
from firsttoken_dashboard.analysis import Window

#: Importing them fills ALL.
MODULES = (waiting, prompts, spending, silent)


@dataclass(slots=True)
class Outcome:
    """What was found in one application, with one seed."""

    application: Application
    seed: int
    findings: list[Finding] = field(default_factory=list[Finding])
    hints: int = 0

    @property
    def found(self) -> set[Found]:
        return {(one.rule, one.site.function or "") for one in self.findings}

    @property
    def missed(self) -> set[Found]:
        return set(self.application.finds) - self.found

    @property
    def wrong(self) -> list[Found]:
        """One for each wrong finding: two of them at one site count twice."""
        right = {*self.application.finds, *self.application.may}
        told = ((one.rule, one.site.function or "") for one in self.findings)
        return [one for one in told if one not in right]


def play(applications: Sequence[Application], seed: int, folder: Path) -> list[Outcome]:
    """Record the applications' calls in one store, and audit it."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = [one.settings for one in applications if one.settings is not None]
    if settings:
        (folder / "firsttoken.toml").write_text("\n".join(settings), encoding="utf-8")
    store = stores.open(folder / "calls.duckdb", memory_limit="1GB")
    for one in applications:
        store.append(one.traffic(seed).spans)
    answer = audit(store, Window(), source_root=folder)
    outcomes = {one.name: Outcome(one, seed) for one in applications}
    for finding in answer.findings:
        outcomes[finding.site.service or ""].findings.append(finding)
    for hint in answer.hints:
        outcomes[hint.site.service or ""].hints += 1
    return list(outcomes.values())


def played(seeds: Iterable[int], folder: Path, *, only: Collection[str] = (), together: bool = False) -> list[Outcome]:
    """Every application with every seed."""
    chosen = [one for one in ALL if not only or one.name in only]
    groups = [[one] for one in chosen if one.alone or not together]
    if together and (shared := [one for one in chosen if not one.alone]):
        groups.append(shared)
    outcomes: list[Outcome] = []
    for seed in seeds:
        for group in groups:
            outcomes += play(group, seed, folder / f"{seed} {group[0].name}")
    return outcomes


@dataclass(frozen=True, slots=True)
class Score:
    """`found` of `planted` faults; `wrong` among `said` findings, those an application allows left out."""

    planted: int
    found: int
    said: int
    wrong: int
    on_silent: int

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def precision(self) -> float:
        return 1 - self.wrong / self.said if self.said else 1.0


def score(outcomes: Iterable[Outcome]) -> Score:
    planted = found = said = wrong = on_silent = 0
    for one in outcomes:
        planted += len(one.application.finds)
        found += len(one.application.finds) - len(one.missed)
        wrong += len(one.wrong)
        said += len(one.wrong) + len(one.found & set(one.application.finds))
        if one.application.kind in {"healthy", "trap"}:
            on_silent += len(one.wrong)
    return Score(planted, found, said, wrong, on_silent)


def table(outcomes: Sequence[Outcome]) -> str:
    """One row for each application, then the sums, in Markdown."""
    grouped: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        grouped[one.application.name].append(one)
    lines = ["| application | kind | ought to be found | found | wrong | hints |", "|---|---|---|---|---|---|"]
    for name, runs in grouped.items():
        application = runs[0].application
        finds = ", ".join(f"`{rule}` at `{function}`" for rule, function in sorted(application.finds)) or "nothing"
        hits = sum(not run.missed for run in runs)
        found = f"{hits} of {len(runs)}" if application.finds else "–"
        hints = sum(run.hints for run in runs) / len(runs)
        lines.append(
            f"| {name} | {application.kind} | {finds} | {found} | {sum(len(run.wrong) for run in runs)} | {hints:.1f} |"
        )
    total = score(outcomes)
    lines += [
        "",
        f"{len(grouped)} applications, {len(outcomes)} runs.",
        f"Recall {100 * total.recall:.1f} % ({total.found} of {total.planted} faults).",
        f"Precision {100 * total.precision:.1f} % ({total.said - total.wrong} of {total.said} findings).",
        f"{total.on_silent} findings where there is nothing to find.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run and print; returns 1 where recall or precision is under 95 %, or a healthy application has a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="only this application")
    parser.add_argument("--together", action="store_true", help="all that can in one store")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = played(range(1, args.seeds + 1), Path(folder), only=args.only, together=args.together)
    print(table(outcomes))
    for one in outcomes:
        for rule, function in sorted(one.missed):
            print(f"missed: {one.application.name} (seed {one.seed}): {rule} at {function}", file=sys.stderr)
        for rule, function in one.wrong:
            print(f"wrong: {one.application.name} (seed {one.seed}): {rule} at {function}", file=sys.stderr)
    total = score(outcomes)
    return int(total.recall < 0.95 or total.precision < 0.95 or total.on_silent > 0)


if __name__ == "__main__":
    sys.exit(main())
