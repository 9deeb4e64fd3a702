"""Neurons that hardly matter, made anew with nearly the same function.

A saturated neuron is a constant, one without weight behind it nothing at all, and J hardly sees
either. A new one takes the weights of another neuron of its layer, whose direction and steepness
the solution has asked for, with a bias that puts its bend at a place of its own; the weights behind
it are zero at first. Weights of a fresh network are too small for that (docs/adr/066).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import torch
from torch import nn

from anagram_ext.models.torch_bridge import to_sequential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# Neurons that add less to the next layer, as a share of what the most useful one adds.
USELESS: Final = 1e-2


@torch.no_grad()
def renewed_parameters(
    theta: Tensor, widths: Sequence[int], activation: str, inputs: Tensor, seed: int = 0
) -> tuple[Tensor, int]:
    """The parameters with neurons that hardly matter made anew, and how many these are.

    The function stays up to what they still added beside a constant, which goes into the biases of
    the next layer.

    Args:
        theta: parameters [P].
        widths: of the network.
        activation: its name.
        inputs: where its neurons are looked at, [n, inputs].
        seed: of the choice of new weights and biases.

    Returns:
        The new parameters, in dtype and on device of ``theta``.
    """
    rng = torch.Generator().manual_seed(seed)
    network = to_sequential(widths, activation, theta)
    modules = list(network)
    renewed = 0
    for layer, bend, following in zip(modules[0::2], modules[1::2], modules[2::2], strict=False):
        into, out_of = cast("nn.Linear", layer), cast("nn.Linear", following)
        useless = _taken_out(bend(into(inputs)), out_of)
        if len(useless):
            _point_anew(into, useless, inputs, rng)
        renewed += len(useless)
        inputs = bend(into(inputs))
    return nn.utils.parameters_to_vector(network.parameters()), renewed


def _taken_out(values: Tensor, out_of: nn.Linear) -> Tensor:
    """Takes the neurons that hardly change what follows out of it.

    Args:
        values: of all neurons at all points, [n, width].
        out_of: the weights out of them.

    Returns:
        Which ones these are.
    """
    added = values.std(dim=0) * torch.linalg.vector_norm(out_of.weight, dim=0)  # [width]
    if not bool(added.max() > 0):  # nothing to learn from, or not finite
        return torch.empty(0, dtype=torch.long, device=added.device)
    useless = torch.nonzero(added <= USELESS * added.max())[:, 0]
    out_of.bias.add_(out_of.weight[:, useless] @ values[:, useless].mean(dim=0))
    out_of.weight[:, useless] = 0.0
    return useless


def _point_anew(into: nn.Linear, useless: Tensor, inputs: Tensor, rng: torch.Generator) -> None:
    """Gives neurons the weights of others, and bends through some of the inputs [n, fan in]."""
    useful = torch.ones_like(into.bias, dtype=torch.bool)
    useful[useless] = False
    models = _some_of(torch.nonzero(useful)[:, 0], len(useless), rng)
    places = _some_of(inputs, len(useless), rng)
    into.weight[useless] = into.weight[models]
    into.bias[useless] = -(into.weight[models] * places).sum(dim=1)


def _some_of(rows: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """So many rows at random, some perhaps twice."""
    return rows[torch.randint(len(rows), (n,), generator=rng).to(rows.device)]
