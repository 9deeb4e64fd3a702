"""Heat in a plate with 17 round holes, u = 0 at first and u_n + u given on every side.

By the Laplace transform: for every s on a contour the transformed equation, s w = Laplacian w, is
solved by multipoles in the holes and waves from the walls, fitted to the boundary values; a sum
over the contour (Weideman and Trefethen, Math. Comp. 76, 2007) brings the times back. The plate is
its own mirror image in both axes, and so is every function used. Run as a script it compares sizes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import kve

Complex = np.ndarray
WIDTH, HEIGHT, END = 8.0, 12.0, 3.0  # halves of the plate
# One hole of each orbit: centre, radius, and the temperature around it.
HOLES = (
    (4.0, 3.0, 1.0, 5.0),
    (4.0, 9.0, 1.0, 5.0),
    (0.0, 0.0, 1.0, 5.0),
    (0.0, 6.0, 1.0, 5.0),
    (3.2, 6.0, 0.4, 1.0),
    (3.2, 0.0, 0.4, 1.0),
)
WALLS = 0.1
MIRRORS = ((1, 1), (-1, 1), (1, -1), (-1, -1))
SPANS = ((0.0, 0.0075), (0.0075, 0.15), (0.15, END))  # times of one contour each
SPAN = 20.0  # the last time of a contour over the first


def contour(last: float, nodes: int) -> tuple[Complex, Complex]:
    """Nodes s and weights of a hyperbola, for times from last / SPAN to last."""

    def rate(angle: float) -> tuple[float, float]:
        inside = ((np.pi - 2 * angle) * SPAN + 4 * angle - np.pi) / (4 * angle - np.pi)
        width = np.arccosh(inside / np.sin(angle))
        return (np.pi**2 - 2 * np.pi * angle) / width, width

    best = minimize_scalar(lambda a: -rate(a)[0], bounds=(0.8, 1.5), method="bounded").x
    width = rate(best)[1]
    scale = (4 * np.pi * best - np.pi**2) / width * nodes / last
    theta = (np.arange(nodes) + 0.5) * width / nodes
    s = scale * (1 + np.sin(1j * theta - best))
    return s, scale * np.cos(1j * theta - best) * width / (nodes * np.pi)


def multipoles(z: Complex, out: Complex, root: complex, radius: float, order: int) -> tuple:
    """Values and slopes [n, 2 order + 1] of K_n(root r) e^(i n phi) at places z [n] from a centre.

    The slopes are along the unit vectors ``out`` [n]; sizes are one at the radius.
    """
    r, turn = np.abs(z), z / np.abs(z)
    bessel, there = bessels(root * r, order + 1), bessels(root * radius, order + 1)
    decay = np.exp(-root * (r - radius))
    values, slopes = [], []
    for n in range(-order, order + 1):
        scale = decay / there[abs(n)]
        values.append(scale * bessel[abs(n)] * turn**n)
        up = out.conj() * bessel[abs(n + 1)] * turn ** (n + 1)
        down = out * bessel[abs(n - 1)] * turn ** (n - 1)
        slopes.append(-root / 2 * scale * (up + down))
    return np.stack(values, axis=-1), np.stack(slopes, axis=-1)


def bessels(z: Complex, order: int) -> list[Complex]:
    """K_n(z) e^z for n up to the order."""
    found = [kve(0, z), kve(1, z)]
    for n in range(1, order):
        found.append(found[n - 1] + 2 * n / z * found[n])
    return found


def waves(along: np.ndarray, across: np.ndarray, s: complex, size: tuple, n: int) -> tuple:
    """cos(k along) cosh(l across) with l^2 - k^2 = s, and both derivatives, [m, n]."""
    length, half = size
    k = np.pi / (1.2 * length) * np.arange(n)
    rate = np.sqrt(k**2 + s)
    cosine, sine = np.cos(k * along[:, None]), np.sin(k * along[:, None])
    towards, away = (
        np.exp(rate * (across[:, None] - half)),
        np.exp(-rate * (across[:, None] + half)),
    )
    whole = 1 + np.exp(-2 * rate * half)
    even, odd = (towards + away) / whole, (towards - away) / whole
    return cosine * even, -k * sine * even, cosine * rate * odd


def basis(points: np.ndarray, normals: np.ndarray, s: complex, order: int) -> tuple:
    """Values and slopes along the normals, [n, m], of solutions that are even in x and y."""
    root, parts = np.sqrt(s), []
    for a, b, radius, _ in HOLES:
        images = [
            multipoles(
                sx * points[:, 0] - a + 1j * (sy * points[:, 1] - b),
                sx * normals[:, 0] + 1j * sy * normals[:, 1],
                root,
                radius,
                order,
            )
            for sx, sy in MIRRORS
        ]
        parts.append([sum(column) for column in zip(*images, strict=True)])
    x, y = np.abs(points).T
    top = waves(x, y, s, (WIDTH, HEIGHT), 2 * order)
    side = waves(y, x, s, (HEIGHT, WIDTH), 3 * order)
    parts.append([top[0], normals[:, :1] * top[1] + normals[:, 1:] * top[2]])
    parts.append([side[0], normals[:, :1] * side[2] + normals[:, 1:] * side[1]])
    return tuple(np.concatenate(part, axis=1) for part in zip(*parts, strict=True))


def boundary(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [m, 2] of the quarter of the plate, normals out of it, and the values of u_n + u."""
    points, normals, values = [], [], []
    for a, b, radius, warm in HOLES:
        angle = 2 * np.pi * (np.arange(n) + 0.5) / n
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        place = np.array([a, b]) + radius * ring
        inside = np.all(place >= 0, axis=1)
        points.append(place[inside])
        normals.append(-ring[inside])
        values.append(np.full(inside.sum(), warm))
    s = np.sin(np.pi / 2 * (np.arange(2 * n) + 0.5) / (2 * n))
    for wall, normal in (
        (np.stack([WIDTH * s, np.full(2 * n, HEIGHT)], axis=1), (0.0, 1.0)),
        (np.stack([np.full(2 * n, WIDTH), HEIGHT * s], axis=1), (1.0, 0.0)),
    ):
        points.append(wall)
        normals.append(np.tile(normal, (2 * n, 1)))
        values.append(np.full(2 * n, WALLS))
    return np.concatenate(points), np.concatenate(normals), np.concatenate(values)


@cache
def coefficients(span: int, order: int, nodes: int) -> tuple[Complex, Complex, list[Complex]]:
    """The contour of one span of times, and the solution at each node."""
    s, weights = contour(SPANS[span][1], nodes)
    points, normals, given = boundary(10 * order)
    found = []
    for node in s:
        values, slopes = basis(points, normals, node, order)
        columns = values + slopes
        size = np.sqrt(np.square(np.abs(columns)).mean(axis=0))
        size[size < 1e-10] = np.inf  # odd in x or y around a hole on an axis
        found.append(np.linalg.lstsq(columns / size, given / node, rcond=1e-12)[0] / size)
    return s, weights, found


def solution(
    t: np.ndarray, points: np.ndarray, order: int = 10, nodes: int = 16, slope: np.ndarray = None
) -> np.ndarray:
    """The solution at times [n] and points [n, 2], [n]; with normals [n, 2], u_n + u there."""
    answer = np.zeros(len(t))
    for span, (first, last) in enumerate(SPANS):
        here = (t > first) & (t <= last)
        if not here.any():
            continue
        s, weights, found = coefficients(span, order, nodes)
        normals = np.zeros((here.sum(), 2)) if slope is None else slope[here]
        for node, weight, theta in zip(s, weights, found, strict=True):
            values, slopes = basis(points[here], normals, node, order)
            image = (values if slope is None else values + slopes) @ theta
            answer[here] += (weight * np.exp(node * t[here]) * image).real
    return answer


def main() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(0, (WIDTH, HEIGHT), (400, 2))
    outside = [np.hypot(points[:, 0] - a, points[:, 1] - b) > r for a, b, r, _ in HOLES]
    points = points[np.all(outside, axis=0)]
    edge, normals, given = boundary(31)
    for t in (0.003, 0.1, 1.0, 3.0):
        finest = solution(np.full(len(points), t), points, 14, 20)
        for order, nodes in ((6, 16), (10, 12), (10, 16)):
            change = solution(np.full(len(points), t), points, order, nodes) - finest
            there = solution(np.full(len(edge), t), edge, order, nodes, normals)
            print(
                f"t {t:g}, order {order}, {nodes} nodes: {np.abs(change).max():.1e} of "
                f"{np.abs(finest).max():.1f} from the finest, {np.abs(there - given).max():.1e} at "
                "the boundary",
                flush=True,
            )


if __name__ == "__main__":
    main()
