"""Both coefficients of Burgers' equation from noisy values: sixteen cells (Raissi et al. 2019).

u_t + l1 u u_x - l2 u_xx = 0 with l1 = 1, l2 = 0.01 / pi; 500 to 2000 values with noise of 0 to 10 %
of their standard deviation. Values by Cole and Hopf's closed form, no initial or boundary values.

    python benchmarks/suite/burgers_identification.py    # writes the table
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import cole_hopf  # noqa: E402
from measure import environment, table  # noqa: E402

import anagram_ext as ax  # noqa: E402

OUT = Path(__file__).parents[1] / "results" / "suite" / "burgers_identification"
NUMBERS, NOISES = (500, 1000, 1500, 2000), (0, 1, 5, 10)  # values; per cent
PUBLISHED = {  # per cent of error, by number of values and noise
    "l1": (
        (0.131, 0.518, 0.118, 1.319),
        (0.186, 0.533, 0.157, 1.869),
        (0.432, 0.033, 0.706, 0.725),
        (0.096, 0.039, 0.190, 0.101),
    ),
    "l2": (
        (13.9, 0.483, 1.71, 4.06),
        (3.72, 8.26, 3.48, 14.5),
        (3.09, 1.42, 0.502, 3.16),
        (0.469, 0.008, 6.22, 6.39),
    ),
}
TRUTH = {"l1": 1.0, "l2": cole_hopf.NU}
UNKNOWNS = {"l1": ax.Unknown(0.5), "l2": ax.Unknown(0.02, positive=True)}
SIGMA = 1e-3  # noise that exact values are fitted as if they had
WEIGHTS = (1.0, 10.0, 100.0)  # of the equation: the data come first


def values(number: int, noise: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Places [n, 2], values [n] and the standard deviation that they are fitted with."""
    generator = torch.Generator().manual_seed(1000 * number + 10 * noise + seed)
    at = torch.rand(number, 2, generator=generator, dtype=torch.float64)
    at[:, 1] = 2 * at[:, 1] - 1
    exact = torch.from_numpy(cole_hopf.solution(at[:, 0].numpy(), at[:, 1].numpy()))
    sigma = noise / 100 * float(exact.std())
    drawn = torch.randn(number, generator=generator, dtype=torch.float64)
    return at, exact + sigma * drawn, sigma or SIGMA


def cell(number: int, noise: int, seed: int, **options: object) -> dict[str, object]:
    """One cell of the table."""
    strip = ax.Box(t=(0, 1), x=(-1, 1))
    at, measured, sigma = values(number, noise, seed)
    model, theta, seconds = ax.MLP([2, 20, 20, 1]), None, 0.0
    for weight in WEIGHTS:
        conditions = {
            "equation": ax.Condition(
                lambda u, x, c: u.d("t") + c.l1 * u * u.d("x") - c.l2 * u.d("xx"),
                strip.sobol(4096).adaptive(1024),
                weight=weight,
            ),
            "data": ax.Data(at, measured, sigma=sigma),
        }
        problem = ax.Problem(("t", "x"), ("u",), conditions, unknowns=UNKNOWNS)
        run = ax.train(
            problem, model, theta=theta, seed=seed, **{"steps": 40, "progress": False, **options}
        )
        model, theta, seconds = run.model, run.theta, seconds + run.seconds
    record: dict[str, object] = {"number": number, "noise": noise, "seed": seed, "seconds": seconds}
    for name, truth in TRUTH.items():
        found = run.unknowns[name]
        record[name] = 100 * abs(found.value / truth - 1)
        record[f"{name} std"] = 100 * found.std / truth
        record[f"{name} inside"] = found.interval[0] <= truth <= found.interval[1]
    return record


def recorded(number: int, noise: int, seed: int) -> dict[str, object]:
    """The record of a cell: from its file if there is one, else from running it now."""
    path = OUT / f"{number}-{noise}-{seed}.json"
    if not path.exists():
        record = {**cell(number, noise, seed), "environment": environment()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def written(records: list[dict[str, object]]) -> str:
    """The table, with the published error behind ours."""
    lines, better = [], dict.fromkeys(TRUTH, 0)
    for record in records:
        row, column = NUMBERS.index(record["number"]), NOISES.index(record["noise"])
        texts = [str(record["number"]), f"{record['noise']} %"]
        for name in TRUTH:
            theirs = PUBLISHED[name][row][column]
            better[name] += record[name] < theirs
            texts += [f"{record[name]:.3g}", f"{record[f'{name} std']:.2g}", f"{theirs:g}"]
            texts.append("yes" if record[f"{name} inside"] else "no")
        lines.append([*texts, f"{record['seconds']:.0f}"])
    header = ["values", "noise", "l1 error %", "std %", "published", "inside 95 %"]
    header += ["l2 error %", "std %", "published", "inside 95 %", "seconds"]
    wins = ", ".join(f"{name} {count}" for name, count in better.items())
    return (
        f"# Identification of Burgers' equation\n\n{table(header, lines)}\n\n"
        f"Better than published, of {len(records)} cells with one seed each: {wins}.\n\n"
        "Published: Raissi, Perdikaris & Karniadakis (2019), one draw of the noise each, network "
        "9 x 20; here 2 x 20. An error far below its standard deviation is luck, on both sides.\n"
    )


def main() -> None:
    warnings.simplefilter("ignore", ax.TrainingWarning)
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    records = []
    for number in reversed(NUMBERS):
        for noise in NOISES:
            records.append(recorded(number, noise, 0))
            print({k: v for k, v in records[-1].items() if k != "environment"}, flush=True)
            (OUT.parent / f"{OUT.name}.md").write_text(written(records), encoding="utf-8")


if __name__ == "__main__":
    main()
