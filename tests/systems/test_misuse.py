"""What users get wrong with the things they bring: the message names condition and argument."""

from __future__ import annotations

import re

import pytest
import torch

import anagram_ext as ax

STRIP = ax.Box(t=(0, 1), x=(0, 1))
GRID = STRIP.grid(4)
ZERO = torch.zeros(len(GRID), dtype=torch.float64)
PAIRS = STRIP.opposite("x").grid(4)
NODES = STRIP.quadrature(3)
NET = ax.MLP([2, 3, 1])
OWN = torch.nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
UNTRAINED = "requires grad and would not be trained: declare it as Problem(unknowns="


def dry_run(condition, model=NET, unknowns=None):
    """Raises what the dry run of the condition 'here' raises."""
    problem = ax.Problem(("t", "x"), ("u",), {"here": condition}, unknowns=unknowns or {})
    whole = model if isinstance(model, ax.Model) else ax.Model(model)
    bound = whole.bound(problem)
    ax.jacobian(problem, bound, bound.init(0))


def residual(function):
    return lambda: dry_run(ax.Condition(function, GRID))


def with_unknown(function):
    unknowns = {"nu": ax.Unknown(1.0), "pair": ax.Unknown([1.0, 2.0], size=2)}
    return lambda: dry_run(ax.Condition(function, GRID), unknowns=unknowns)


MISUSES = {
    # parameters that would not be trained
    "a parameter in a residual": (
        residual(lambda u, x: u.d("t") - OWN * u.d("xx")),
        ValueError,
        f"condition 'here': residual depends on a tensor of shape [] that {UNTRAINED}",
    ),
    "a parameter in what is measured": (
        lambda: dry_run(ax.Data(GRID, ZERO, of=lambda u, x: OWN * u)),
        ValueError,
        f"condition 'here': of depends on a tensor of shape [] that {UNTRAINED}",
    ),
    "a parameter in an integrand": (
        lambda: dry_run(ax.Integral(lambda u, x: OWN * u, NODES)),
        ValueError,
        f"condition 'here': integrand depends on a tensor of shape [] that {UNTRAINED}",
    ),
    "a parameter in pairs": (
        lambda: dry_run(ax.Paired(lambda a, b: OWN * a.u - b.u, PAIRS)),
        ValueError,
        f"condition 'here': residual depends on a tensor of shape [] that {UNTRAINED}",
    ),
    # unknowns
    "an unknown that is not declared": (
        residual(lambda u, x, c: u.d("t") - c.nu * u.d("xx")),
        TypeError,
        (
            "condition 'here': residual must take 2 arguments (field u, coordinates), got one that "
            "takes (u, x, c); unknowns come last, where Problem(unknowns="
        ),
    ),
    "an unknown that is not declared, in measurements": (
        lambda: dry_run(ax.Data(GRID, ZERO, of=lambda u, x, c: c.k * u)),
        TypeError,
        (
            "condition 'here': of must take 2 arguments (field u, coordinates), got one that takes "
            "(u, x, c); unknowns"
        ),
    ),
    "another unknown": (
        with_unknown(lambda u, x, c: c.nv * u),
        AttributeError,
        "condition 'here': unknown coefficient 'nv': there are ('nu', 'pair')",
    ),
    "more of an unknown than there is": (
        with_unknown(lambda u, x, c: c.pair[2] * u),
        ValueError,
        "condition 'here': tuple index out of range; an unknown of size=n is a tuple",
    ),
    # numbers of arguments
    "no coordinates": (
        residual(lambda u: u.d("x")),
        TypeError,
        (
            "condition 'here': residual must take 2 arguments (field u, coordinates), got one that "
            "takes (u)"
        ),
    ),
    "one side of a pair": (
        lambda: dry_run(ax.Paired(lambda a: a.u, PAIRS)),
        TypeError,
        (
            "condition 'here': residual must take 2 arguments (side of a pair, side of a pair), "
            "got one that takes (a)"
        ),
    ),
    "an integrand without the point": (
        lambda: dry_run(
            ax.IntegroDifferential(
                lambda u, x, i: u - i, GRID, integrand=lambda u, y: u, over=NODES
            )
        ),
        TypeError,
        (
            "condition 'here': integrand must take 3 arguments (field u, coordinates, "
            "coordinates), got one that takes (u, y)"
        ),
    ),
    # sizes
    "pairs of another dimension": (
        lambda: dry_run(ax.Paired(lambda a, b: a.u - b.u, (torch.rand(4, 3), torch.rand(4, 3)))),
        ValueError,
        "points of condition 'here' must be pairs of points [n, 2], of shape [n, 4], got [4, 6]",
    ),
    "a field that pairs do not have": (
        lambda: dry_run(ax.Paired(lambda a, b: a.w - b.w, PAIRS)),
        AttributeError,
        "condition 'here': unknown field 'w': there are ('u',)",
    ),
    "two quantities for one value": (
        lambda: dry_run(ax.Data(GRID, ZERO, of=lambda u, x: (u, u))),
        ValueError,
        "condition 'here': of must return 1 quantities as there are values, got 2",
    ),
    "two values for one integral": (
        lambda: dry_run(ax.Integral(lambda u, x: u, NODES, equals=(1.0, 2.0))),
        ValueError,
        "condition 'here': equals must hold one value for each of 1 integrals, got (1.0, 2.0)",
    ),
    "an integrand that is a sum": (
        lambda: dry_run(ax.Integral(lambda u, x: u.value.sum(), NODES)),
        ValueError,
        "condition 'here': integrand component 0 must have shape [9], got []",
    ),
    # expressions
    "the derivative of a table": (
        residual(lambda u, x: ax.d(torch.stack([u.value, x.x]), "x")[0]),
        ValueError,
        (
            "condition 'here': ax.d must be given an expression with one number a point, got shape "
            "[2, 16] at 16 points"
        ),
    ),
    "the derivative of a mean": (
        residual(lambda u, x: ax.d(u.value.mean() * u.d("x"), "x")),
        ValueError,
        "condition 'here': residual is not pointwise",
    ),
    "the derivative of a number": (
        residual(lambda u, x: ax.d(3.0, "x") + u),
        TypeError,
        "condition 'here': expression must be a tensor or a field, got float",
    ),
    # models
    "a parameter in an output map": (
        lambda: dry_run(
            ax.Condition(lambda u, x: u.d("x"), GRID), ax.Model(NET, outputs=lambda n, x: OWN * n)
        ),
        ValueError,
        (
            "condition 'here': outputs depend on a tensor of shape [] that requires grad and would "
            "not be trained"
        ),
    ),
    "as many features as the network has no inputs": (
        lambda: dry_run(
            ax.Condition(lambda u, x: u.d("x"), GRID),
            ax.Model(NET, inputs=lambda x: (x.t, x.x, x.x**2)),
        ),
        ValueError,
        "model must have 3 inputs for the features of ('t', 'x'), got 2: Model(",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_message(name):
    use, error, message = MISUSES[name]
    with pytest.raises(error, match=re.escape(message)):
        use()


def test_a_frozen_parameter_is_a_number():
    frozen = torch.nn.Parameter(torch.tensor(0.5, dtype=torch.float64), requires_grad=False)
    model = ax.Model(NET, outputs=lambda n, x: frozen * n)
    dry_run(ax.Condition(lambda u, x: frozen * u.d("x"), GRID), model)


def test_a_residual_may_have_more_arguments_with_defaults():
    dry_run(ax.Condition(lambda u, x, factor=2.0: factor * u.d("x"), GRID))


def test_a_mistake_within_a_residual_stays_what_it_is():
    with pytest.raises(TypeError, match=r"condition 'here': unsupported operand type"):
        dry_run(ax.Condition(lambda u, x: u.d("x") + "1", GRID))
