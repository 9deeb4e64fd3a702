"""What the steps of a training cost on a GPU: bytes, operations, and the least time that they take.

    python tools/gpu_costs.py

Prints the table of docs/gpu_costs.md. Nothing is measured: the numbers follow from sizes and from
the ceilings of one card. Needs no GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from anagram_ext.native.plan import Plan
from anagram_ext.pde import operators

# An NVIDIA H100 SXM with 80 GB. A copy on the device moves 3.0 TB/s, bytes read plus bytes written;
# NVIDIA's data sheet gives 34 TFLOP/s of double precision, and 67 with tensor cores (cuBLAS).
COPY, VECTOR, MATRIX = 3.0e12, 34e12, 67e12
NUMBER = 8  # bytes


@dataclass(frozen=True)
class Cost:
    """Bytes to and from device memory, operations of our kernels and of cuBLAS or cuSOLVER."""

    moved: float = 0
    by_kernels: float = 0
    by_products: float = 0

    def __add__(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(
            self.moved + other.moved,
            self.by_kernels + other.by_kernels,
            self.by_products + other.by_products,
        )

    @property
    def seconds(self) -> float:
        """The least: everything at its ceiling, and nothing beside it."""
        return max(self.moved / COPY, self.by_kernels / VECTOR + self.by_products / MATRIX)


@dataclass(frozen=True)
class Net:
    """A perceptron under the Laplacian."""

    widths: tuple[int, ...]

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum((a + 1) * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    def sweep(self, n: int, passes: int) -> float:
        """Operations of so many products a layer at n points: forward, back, rows of J."""
        names = tuple("xyzvw"[: self.widths[0]])
        slots = len(Plan(self.widths, "tanh", [operators.laplacian((), names)]).slots)
        weights = sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))
        return 2.0 * passes * slots * weights * n

    def jacobian(self, n: int) -> Cost:
        """J [n, P] is written once."""
        return Cost(NUMBER * n * self.n_parameters, self.sweep(n, 3))

    def pulled(self, n: int) -> Cost:
        """J^T w without J: the sums of at most 256 chunks are written and read."""
        return Cost(2 * NUMBER * min(n, 256) * self.n_parameters, self.sweep(n, 3))


def product(s: int, p: int, k: int) -> Cost:
    """J [s, p] times k vectors, or J^T."""
    return Cost(NUMBER * (s * p + (s + p) * k), by_products=2.0 * s * p * k)


def factorisation(s: int, p: int, k: int) -> Cost:
    """Norm of J, one sketch of k columns, J times its basis, Cholesky-QR of three passes."""
    long_side, short_side = max(s, p), min(s, p)
    norm = Cost(NUMBER * s * p)
    sketch_qr = Cost(by_products=4.0 * short_side * k**2)  # reflectors and their Q
    tall_qr = Cost(3 * 4 * NUMBER * long_side * k, by_products=3 * 3.0 * long_side * k**2)
    return norm + product(s, p, k) + sketch_qr + product(s, p, k) + tall_qr


def streamed(net: Net, s: int, k: int) -> Cost:
    """The same with J made twice, tile after tile."""
    return net.jacobian(s) + net.jacobian(s) + factorisation(s, net.n_parameters, k)


def gram(s: int, p: int) -> Cost:
    """J^T J and one Cholesky factor of it."""
    return Cost(NUMBER * (s * p + 2 * p**2), by_products=2.0 * s * p**2 + p**3 / 3)


def rows() -> list[tuple[str, str, Cost]]:
    """What, with which sizes, and its cost."""
    deep, wide = Net((2, 64, 64, 64, 1)), Net((2, 512, 512, 1))
    small, large = Net((2, 62, 62, 1)), Net((2, 315, 315, 1))
    p = deep.n_parameters
    of_deep = f"2-64-64-64-1, S = 65536, P = {p}"
    return [
        ("J", of_deep, deep.jacobian(65536)),
        ("J^T w without J", of_deep, deep.pulled(65536)),
        ("J^T J, one Cholesky factor", of_deep, gram(65536, p)),
        ("J", f"2-512-512-1, S = 2048, P = {wide.n_parameters}", wide.jacobian(2048)),
        ("J", f"2-62-62-1, S = 4096, P = {small.n_parameters}", small.jacobian(4096)),
        ("factorisation, k = 128", "the same", factorisation(4096, small.n_parameters, 128)),
        (
            "streamed factorisation, k = 256",
            f"2-315-315-1, S = 100000, P = {large.n_parameters}",
            streamed(large, 100_000, 256),
        ),
    ]


def short(value: float) -> str:
    """Two digits: 0.16, 9900."""
    return f"{float(f'{value:.2g}'):g}"


def table() -> str:
    """In Markdown."""
    lines = [
        "| what | sizes | bytes | operations | least time | measured |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for what, sizes, cost in rows():
        operations = cost.by_kernels + cost.by_products
        lines.append(
            f"| {what} | {sizes} | {short(cost.moved / 1e9)} GB | {short(operations / 1e9)} GFLOP "
            f"| {short(1e3 * cost.seconds)} ms | not measured |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
