"""The whole ANaGRAM step in PyTorch alone, as fast as torch.func and torch.linalg make it.

What was tried on a CPU, and what is used because it was fastest:
- a row of J is one vmapped reverse sweep in theta over forward-over-reverse derivatives in x
  (nested forward mode took up to twice as long, chunks of points gained nothing);
- the probes of the line search as batched matrix products with ordinary double backward in x, in
  chunks that stay in the caches (torch.func took up to six times as long);
- LAPACK's divide-and-conquer SVD; `direction_gelsd` is its least-squares driver. float64.
On a GPU the same with all probes at once and torch's choice among cuSOLVER's SVDs: not tuned there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from cases import Case, Operator, Rows
from cases import make as make_case
from torch import Tensor
from torch.func import grad, grad_and_value, jvp, vmap

Function = Callable[[Tensor], Tensor]  # point [d] -> u
STEP_SIZES = 0.5 ** torch.arange(31, dtype=torch.float64)
CHUNK = 2**18  # entries of one layer's activations that are worked on together: 2 MB


def layers(widths: tuple[int, ...], thetas: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weights [..., fan_out, fan_in] and biases [..., fan_out] of parameters [..., P]."""
    start, result = 0, []
    for fan_in, fan_out in pairwise(widths):
        end = start + fan_out * fan_in
        weight = thetas[..., start:end].unflatten(-1, (fan_out, fan_in))
        result.append((weight, thetas[..., end : end + fan_out]))
        start = end + fan_out
    return result


def network(widths: tuple[int, ...], theta: Tensor, x: Tensor) -> Tensor:
    """The tanh MLP at one point [d]."""
    *hidden, (weight, bias) = layers(widths, theta)
    for hidden_weight, hidden_bias in hidden:
        x = torch.tanh(hidden_weight @ x + hidden_bias)
    return (weight @ x + bias)[0]


def network_batch(widths: tuple[int, ...], thetas: Tensor, x: Tensor) -> Tensor:
    """The tanh MLP [q, n] for q parameter vectors at points x [q, n, d]."""
    *hidden, (weight, bias) = layers(widths, thetas)
    for hidden_weight, hidden_bias in hidden:
        x = torch.tanh(torch.baddbmm(hidden_bias[:, None], x, hidden_weight.transpose(1, 2)))
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))[..., 0]


def forward_reverse(operator: Operator, f: Function, x: Tensor) -> Tensor:
    """The operator at a point: gradient by reverse mode, its derivatives by forward mode."""
    if not operator.first:
        return operator.formula(f(x), (), {})
    gradient, value = grad_and_value(f)(x)
    axes = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    second = {axis: jvp(grad(f), (x,), (axes[axis],))[1][axis] for axis in operator.second}
    return operator.formula(value, gradient, second)


def double_backward(operator: Operator, f: Function, x: Tensor) -> Tensor:
    """The operator at points [..., d], by ordinary autograd."""
    if not operator.first:
        return operator.formula(f(x), (), {})
    x = x.clone().requires_grad_()
    value = f(x)
    gradient = torch.autograd.grad(value.sum(), x, create_graph=True)[0].unbind(-1)
    second = {
        axis: torch.autograd.grad(gradient[axis].sum(), x, retain_graph=True)[0][..., axis]
        for axis in operator.second
    }
    return operator.formula(value, gradient, second).detach()


class TorchStep:
    """One case.

    Attributes:
        cutoff: Relative cutoff of the singular values.
    """

    def __init__(self, case: Case, cutoff: float = 1e-6, device: str = "cpu") -> None:
        self.cutoff = cutoff
        self._widths = tuple(case.model.widths)
        self._rows = [
            (
                rows,
                torch.from_numpy(rows.points).to(device),
                torch.from_numpy(rows.target).to(device),
            )
            for rows in case.rows
        ]
        self._step_sizes = STEP_SIZES.to(device)
        self._chunk = CHUNK if device == "cpu" else 2**62

    def jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Residual r [S] and Jacobian J [S, P], rows scaled."""
        residuals, blocks = [], []
        for rows, points, target in self._rows:
            per_row = vmap(grad_and_value(self._row(rows)), in_dims=(None, 0, 0))
            gradients, values = per_row(theta, points, target)
            residuals.append(rows.scale * values)
            blocks.append(rows.scale * gradients)
        return torch.cat(residuals), torch.cat(blocks)

    def direction(self, r: Tensor, J: Tensor) -> Tensor:
        """The truncated least-squares direction [P] by the SVD."""
        # On a GPU the default is a Jacobi method: slower, and not accurate enough to agree with.
        driver = "gesvd" if J.is_cuda else None
        U, sigma, Vt = torch.linalg.svd(J, full_matrices=False, driver=driver)
        k = int((sigma > self.cutoff * sigma[0]).sum())
        return Vt[:k].T @ ((U[:, :k].T @ r) / sigma[:k])

    def direction_gelsd(self, r: Tensor, J: Tensor) -> Tensor:
        """The same direction by LAPACK's gelsd."""
        result = torch.linalg.lstsq(J, r[:, None], rcond=self.cutoff, driver="gelsd")
        return result.solution[:, 0]

    def search(self, theta: Tensor, direction: Tensor) -> Tensor:
        """The best theta of the 31 probes."""
        probes = theta - self._step_sizes[:, None] * direction
        losses = torch.stack([self._losses(*rows, probes) for rows in self._rows]).sum(dim=0)
        return probes[torch.nan_to_num(losses, nan=torch.inf).argmin()]

    def step(self, theta: Tensor) -> Tensor:
        """The parameters after one whole step."""
        return self.search(theta, self.direction(*self.jacobian(theta)))

    def _row(self, rows: Rows) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        return lambda theta, x, target: (
            forward_reverse(rows.operator, lambda y: network(self._widths, theta, y), x) - target
        )

    def _losses(self, rows: Rows, points: Tensor, target: Tensor, probes: Tensor) -> Tensor:
        losses = []
        for thetas in probes.split(max(1, self._chunk // (len(points) * max(self._widths)))):

            def u(x: Tensor, thetas: Tensor = thetas) -> Tensor:
                return network_batch(self._widths, thetas, x)

            values = double_backward(rows.operator, u, points.expand(len(thetas), -1, -1))
            losses.append(0.5 * (values - target).square().mean(dim=1))
        return torch.cat(losses)


def make(name: str, cutoff: float = 1e-6) -> TorchStep:
    """The step of the case of that name."""
    return TorchStep(make_case(name), cutoff)
