"""The published problems: what is reached on each, beside the best published number.

    python benchmarks/suite/run.py [NAME ...] --seeds 0-4 --out benchmarks/results/suite

One JSON a run; runs that are already there are not repeated, so an interrupted benchmark goes on
where it was. The table shows every run on file, whoever asked for it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from case import Case
from measure import environment, table

import anagram_ext as ax

HEADER = ["problem", "seeds", "median", "worst", "target", "met", "published best", "seconds"]
HEADER += ["CPU s", "P", "rows", "steps", "verdicts", "of what"]
SOLVED_IS = 1e-4  # the relative error that "solved" stands for

Record = dict[str, Any]


def names() -> list[str]:
    """All problems: one a file of this folder; the other files have references and shared parts."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(f.stem for f in files if "\nCASE = " in f.read_text(encoding="utf-8"))


def case(name: str) -> Case:
    """A problem by name."""
    return import_module(name).CASE


def recorded(path: Path, name: str, seed: int, **options: Any) -> Record:
    """The record of a run: from its file if there is one, else from running it now."""
    if not path.exists():
        before = time.process_time()
        result = asdict(case(name).run(seed, **options))
        spent = round(time.process_time() - before, 1)
        record = {"problem": name, "seed": seed, **result, "cpu_seconds": spent}
        record["environment"] = environment()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    print(
        f"{path.stem}: error {record['error']:.1e}, {record['verdict']} (it says "
        f"{record['estimated_error']:.1e}), {record['steps']} steps, {record['seconds']:.0f} s",
        flush=True,
    )
    return record


def line(name: str, records: list[Record]) -> list[str]:
    """One line of the table: medians over the seeds, and the worst of the errors."""
    about = case(name)
    errors = [math.inf if math.isnan(r["error"]) else r["error"] for r in records]

    def middle(column: str) -> str:
        return f"{statistics.median(record[column] for record in records):.0f}"

    counts = Counter(record["verdict"] for record in records)
    return [
        name,
        str(len(records)),
        f"{statistics.median(errors):.1e}",
        f"{max(errors):.1e}",
        f"{about.target:.0e}",
        "yes" if statistics.median(errors) <= about.target else "**no**",
        about.published,
        middle("seconds"),
        processor_seconds(records),
        *(middle(column) for column in ("parameters", "rows", "steps")),
        ", ".join(f"{verdict} {count}" for verdict, count in counts.items()),
        about.measure,
    ]


def processor_seconds(records: list[Record]) -> str:
    """Median time of the processor, references included, of the runs that say it."""
    known = [record["cpu_seconds"] for record in records if "cpu_seconds" in record]
    return f"{statistics.median(known):.0f}" if known else "-"


def wrong_verdicts(records: list[Record]) -> list[str]:
    """Runs that call themselves solved and are not, in relative errors of fields."""
    return [
        f"- {r['problem']}, seed {r['seed']}: solved, error {r['error']:.1e}"
        for r in records
        if r["verdict"] == "solved" and not r["error"] <= SOLVED_IS
    ]


def on_file(folder: Path) -> dict[str, list[Record]]:
    """All records in a folder, by problem."""
    found: dict[str, list[Record]] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(record["problem"], []).append(record)
    return found


def described(records: list[Record]) -> str:
    """Machine, versions and dates of the runs."""
    places = [record["environment"] for record in records]
    dates = sorted({place["date"] for place in places})
    machines = sorted({f"{p['processor']}, {p['cores']} cores" for p in places})
    loads = [place["load"] for place in places]
    versions = sorted({f"torch {p['torch']}, numpy {p['numpy']}" for p in places})
    return (
        f"One thread a run; {'; '.join(machines)}; {'; '.join(versions)}; "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}; load {min(loads)} to {max(loads)} "
        "(seconds are those of a busy machine; CPU s, of one thread, are not, and hold the "
        "reference). Errors on 10 000 points that were not trained on."
    )


def write_table(out: Path) -> None:
    """Writes suite.md and suite.json from the runs on file, and prints the table."""
    found = on_file(out / "runs")
    if not found:
        return
    every = [record for records in found.values() for record in records]
    wrong = wrong_verdicts(every)
    parts = [
        "# Published problems",
        table(HEADER, [line(name, records) for name, records in found.items()]),
        "Runs whose verdict is better than their error (solved stands for 1e-4):",
        "\n".join(wrong) if wrong else "none.",
        described(every),
    ]
    text = "\n\n".join(parts)
    (out / "suite.md").write_text(text + "\n", encoding="utf-8")
    (out / "suite.json").write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")
    print(text)


def finished(out: Path, name: str, seed: int) -> bool:
    """Runs a problem or reads its record; a broken one does not keep the others from the table."""
    try:
        recorded(out / "runs" / f"{name}-{seed}.json", name, seed)
    except Exception:
        print(f"{name}-{seed}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return False
    return True


def seeds_of(text: str) -> list[int]:
    """``0-4`` or ``0,3``."""
    first, dash, last = text.partition("-")
    if dash:
        return list(range(int(first), int(last) + 1))
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help="all problems by default")
    parser.add_argument("--seeds", type=seeds_of, default=[0, 1, 2, 3, 4], help="0-4 or 0,3")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/suite"))
    parser.add_argument("--table", action="store_true", help="only the table of what is on file")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names())
    if unknown:
        parser.error(f"names must be among {', '.join(names())}, got {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore", ax.TrainingWarning)  # the table shows it
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    chosen = () if arguments.table else arguments.names or names()
    done = [finished(arguments.out, name, seed) for name in chosen for seed in arguments.seeds]
    write_table(arguments.out)
    if not all(done):
        sys.exit("some runs failed, see above")


if __name__ == "__main__":
    main()
