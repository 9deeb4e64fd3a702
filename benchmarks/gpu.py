"""The CUDA engine against what the device can do: bytes of J a second, and torch.func beside it.

    python benchmarks/gpu.py --out results

Ceilings are measured first: a copy from device memory to device memory (bytes read plus bytes
written) and a large product of double matrices. J is written once, so a perfect assembly takes the
time of writing it; its share of the copy's rate is what the table calls "of copy".
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, jvp, vmap

import anagram_ext as ax
from anagram_ext.native.plan import Plan
from anagram_ext.pde import operators

# widths, points: narrow nets (one fused kernel), then wide ones (products by cuBLAS)
CASES = [
    ([2, 64, 64, 64, 1], 65536),
    ([2, 32, 1], 65536),
    ([5, 128, 128, 1], 16384),
    ([2, 512, 512, 1], 2048),
]


def seconds(work: Callable[[], object], rounds: int = 7) -> float:
    """Median time of `work` on the device, after two runs to warm up."""
    times = []
    for attempt in range(rounds + 2):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        if attempt >= 2:
            times.append(start.elapsed_time(end) / 1e3)
    return statistics.median(times)


def ceilings() -> dict[str, float]:
    """Bytes a second of a copy and operations a second of a product, in double precision."""
    a = torch.randn(2**28, dtype=torch.float64, device="cuda")  # 2 GiB
    b = torch.empty_like(a)
    copy = 2 * a.nbytes / seconds(lambda: b.copy_(a))
    n = 8192
    x, y = (m[: n * n].view(n, n) for m in (a, b))
    product = 2 * n**3 / seconds(lambda: x @ y)
    return {"copy_gb_s": copy / 1e9, "dgemm_tflop_s": product / 1e12}


def torch_rows(widths: list[int], theta: Tensor) -> Callable[[Tensor], Tensor]:
    """Rows of the Jacobian of the Laplacian by torch.func, [n, d] -> [n, P]."""
    net = ax.MLP(widths).to_torch(theta.cpu()).to("cuda")
    shapes = [(name, p.shape) for name, p in net.named_parameters()]
    basis = torch.eye(widths[0], dtype=theta.dtype, device="cuda")

    def value(theta: Tensor, x: Tensor) -> Tensor:
        parts = torch.split(theta, [shape.numel() for _, shape in shapes])
        named = {n: p.view(s) for p, (n, s) in zip(parts, shapes, strict=True)}
        return functional_call(net, named, (x,))[0]

    def laplacian(theta: Tensor, x: Tensor) -> Tensor:
        def second(e: Tensor) -> Tensor:
            first = lambda at: jvp(lambda z: value(theta, z), (at,), (e,))[1]
            return jvp(first, (x,), (e,))[1]

        return sum(second(e) for e in basis)

    return vmap(lambda x: jacrev(laplacian)(theta, x))


def measure(widths: list[int], n: int, copy_gb_s: float) -> dict[str, object]:
    """Times of jets, Jacobian and J^T w of the Laplacian at n points."""
    model = ax.MLP(widths, device="cuda")
    theta = model.init(seed=0)
    names = tuple("xyzvw"[: widths[0]])
    plan = Plan(widths, "tanh", [operators.laplacian((), names)], "cuda")
    points = torch.rand(n, widths[0], dtype=torch.float64, device="cuda")
    seeds = torch.randn(1, 1, 1, n, dtype=torch.float64, device="cuda")
    w, gradient = torch.randn_like(seeds).view(n), torch.zeros_like(theta)
    J = torch.full((n, len(theta)), torch.nan, dtype=torch.float64, device="cuda")

    assembly = seconds(lambda: plan.jacobian(theta, points, seeds, J))
    some = slice(0, min(n, 256))
    rows = torch_rows(widths, theta)
    expected = rows(points[some]) * seeds.view(n, 1)[some]
    error = float(torch.linalg.norm(J[some] - expected) / torch.linalg.norm(expected))
    assert error < 1e-12, error
    by_torch = seconds(lambda: rows(points[:1024]), rounds=3) * n / 1024
    rate = J.nbytes / assembly / 1e9
    return {
        "net": "-".join(map(str, widths)),
        "points": n,
        "J_GB": J.nbytes / 1e9,
        "jets_ms": 1e3 * seconds(lambda: plan.jets(theta, points)),
        "J_ms": 1e3 * assembly,
        "J_GB_s": rate,
        "of copy": rate / copy_gb_s,
        "vjp_ms": 1e3 * seconds(lambda: plan.vjp(theta, points, seeds, w, gradient)),
        "torch.func_J_ms": 1e3 * by_torch,  # of 1024 points, times n / 1024
    }


def main() -> None:
    """Prints the table and writes it as JSON, after every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    out = parser.parse_args().out
    limits = ceilings()
    print(torch.cuda.get_device_name(), {name: round(value, 1) for name, value in limits.items()})
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for widths, n in CASES:
        result = measure(widths, n, limits["copy_gb_s"])
        print(
            {k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()}, flush=True
        )
        results.append(result)
        content = {"device": torch.cuda.get_device_name(), **limits, "cases": results}
        (out / "gpu.json").write_text(json.dumps(content, indent=2))  # the next may not end
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
