"""Nonsense in every argument: the error names the argument and what it got."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import anagram_ext as ax
from anagram_ext.training import checkpoint
from anagram_ext.training.directory import RunDirectory

POINTS = torch.rand(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MODEL = ax.MLP([2, 4, 1])
THETA = MODEL.init(0)
SQUARE = ax.Box(t=(0, 1), x=(0, 1))
HERE = {"here": ax.Condition(lambda u, x: u.d("x"), POINTS)}
PROBLEM = ax.Problem(("t", "x"), ("u",), HERE)
RANDOM = ax.Problem(
    ("t", "x"), ("u",), {"here": ax.Condition(HERE["here"].residual, SQUARE.uniform(4))}
)

NUMBERS = [-1, 2.5, float("nan"), True]
JUNK = [None, [], {}, object]


def train(**changes):
    """A run that would work without the change."""
    arguments = {"problem": PROBLEM, "model": MODEL, "steps": 1, "progress": False}
    return ax.train(**(arguments | changes))


def linear(*widths: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(nn.Linear(*widths[0]), nn.Tanh(), nn.Linear(*widths[1]))


@pytest.mark.parametrize("value", ["three", *NUMBERS, *JUNK])
@pytest.mark.parametrize(
    ("argument", "use"),
    [
        ("widths", ax.MLP),
        ("widths", lambda v: ax.MLP([2, v, 1])),
        ("seed", MODEL.init),
        ("seed", SQUARE.sobol(4)),
        ("seed", lambda v: ax.jacobian(RANDOM, MODEL, THETA, seed=v)),
        ("seed", lambda v: train(seed=v)),
        ("names", lambda v: MODEL.jet(THETA, POINTS, (v,) if v == "three" else v)),
        ("face: t", lambda v: SQUARE.face(t=v) if v is not True else SQUARE.face(t=2)),
        ("fields", lambda v: ax.Problem(("t", "x"), v, HERE)),
        ("coordinates", lambda v: ax.Problem(v, ("u",), HERE)),
        ("conditions", lambda v: ax.Problem(("t", "x"), ("u",), v)),
        ("problem", lambda v: ax.jacobian(v, MODEL, THETA)),
        ("problem", lambda v: train(problem=v)),
        ("model", lambda v: ax.step(PROBLEM, v, THETA)),
        ("model", lambda v: train(model="none" if v is None else v)),
        ("search", lambda v: ax.step(PROBLEM, MODEL, THETA, search=v)),
        ("steps", lambda v: train(steps=0 if v is None else v)),
        ("method", lambda v: train(method=v)),
        ("name", ax.problems.get),
        ("J", ax.factorise),
        ("r", lambda v: ax.lstsq(torch.eye(2), v)),
    ],
)  # fmt: skip  # a table
def test_nothing_of_the_kind(argument, use, value):
    with pytest.raises((TypeError, ValueError), match=f"{argument}|unknown derivative"):
        use(value)


@pytest.mark.parametrize("value", ["three", None, [], {}, object])
@pytest.mark.parametrize(
    ("argument", "use"),
    [
        ("cutoff", ax.Cutoff),
        ("cutoff", lambda v: ax.step(PROBLEM, MODEL, THETA, cutoff=v)),
        ("operator: terms", lambda v: ax.jacobian(operating(v), MODEL, THETA)),
        ("out", lambda v: RunDirectory(0 if isinstance(v, str) else v)),
        ("path", lambda v: checkpoint.load(0 if isinstance(v, str) else v)),
    ],
)
def test_no_number_mapping_or_path(argument, use, value):
    if argument == "operator: terms" and value == {}:
        argument = "operator: no term"
    with pytest.raises((TypeError, ValueError), match=argument):
        use(value)


def operating(terms) -> ax.Problem:
    condition = ax.Condition(lambda u, x: u.operator(terms), POINTS)
    return ax.Problem(("t", "x"), ("u",), {"here": condition})


def test_a_seed_too_large_for_random_generators():
    with pytest.raises(ValueError, match=r"seed must be below 2\^63, got 1000"):
        MODEL.init(10**30)


@pytest.mark.parametrize(
    ("argument", "use"),
    [
        ("counts", lambda: ax.Box(x=(0, 1)).grid(10**9)),
        ("counts", lambda: ax.Box(t=(0, 1), x=(0, 1)).stratified(10**6)),
        ("n", lambda: ax.Box(x=(0, 1)).sobol(10**12)),
        ("n", lambda: ax.Disk(x=0, y=0, radius=1).sobol(10**9)),
        ("n", lambda: ax.Disk(x=0, y=0, radius=1).boundary().grid(10**9)),
        ("widths", lambda: ax.MLP([1, 10**6, 10**6, 1])),
    ],
)
def test_sizes_that_no_memory_holds(argument, use):
    """The operating system would kill the process."""
    with pytest.raises(ValueError, match=f"{argument} must (be|make) at most"):
        use()


def test_no_points_at_all():
    empty = ax.Condition(lambda u, x: u, POINTS[:0])
    with pytest.raises(
        ValueError, match="problem must hold at least one point, got none in 'void'"
    ):
        train(problem=ax.Problem(("t", "x"), ("u",), {"a": empty}, name="void"))
    assert train(problem=ax.Problem(("t", "x"), ("u",), HERE | {"a": empty})).steps == 1
    with pytest.raises(ValueError, match="evaluation must hold at least one point"):
        ax.Problem(("t", "x"), ("u",), HERE, evaluation=POINTS[:0])


def test_layers_that_do_not_fit_together():
    ax.MLP.from_torch(linear((2, 3), (3, 1)))
    with pytest.raises(ValueError, match="each Linear must take what the one before gives"):
        ax.MLP.from_torch(linear((2, 3), (4, 1)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("widths", "[2"),
        ("widths", "null"),
        ("widths", "[2, 5, 1]"),
        ("widths", None),
        ("activation", "relu"),
        ("activation", None),
        ("coordinates", '"ab'),
        ("coordinates", "3"),
        ("coordinates", None),
    ],
)
def test_a_checkpoint_with_a_damaged_description(tmp_path, key, value):
    path = tmp_path / "m.safetensors"
    metadata = {"format": "anagram_ext 1", "problem": "", "activation": "tanh"}
    metadata |= {"widths": json.dumps([2, 4, 1]), "coordinates": "null"}
    save_file({"theta": THETA}, path, metadata=metadata)
    assert checkpoint.load(path)[0] == MODEL
    damaged = metadata | {key: value}
    save_file({"theta": THETA}, path, metadata={k: v for k, v in damaged.items() if v is not None})
    with pytest.raises(ValueError, match=r"m\.safetensors does not describe a network"):
        checkpoint.load(path)


def test_unusual_but_right():
    """Gradients asked for, strides, single precision, widths of one, thirty layers."""
    expected = ax.jacobian(PROBLEM, MODEL, THETA)
    strided = torch.stack([THETA, THETA], dim=1)[:, 0]
    for theta in (THETA.clone().requires_grad_(), strided):
        found = ax.jacobian(PROBLEM, MODEL, theta)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert not any(part.requires_grad for part in found)
    columns = POINTS.T.contiguous().T
    assert torch.equal(MODEL(THETA, columns), MODEL(THETA, POINTS))
    for model in (
        ax.MLP([2, 4, 1], dtype=torch.float32),
        ax.MLP([2, 1, 1, 1]),
        ax.MLP([2, *30 * [4], 1]),
        ax.MLP([2, 1]),
    ):
        run = train(model=model)
        assert run.theta.dtype == model.dtype
        assert run.loss <= run.history["loss"][0]


def test_a_solution_that_is_no_number_somewhere_is_not_taken_for_none():
    """Every error would be nan, which is what a problem without a solution has."""
    problem = ax.Problem(
        ("t", "x"), ("u",), HERE, solution=lambda x: torch.where(x.x > 0.5, x.x / 0.0, x.x)
    )
    with pytest.raises(ValueError, match=r"solution must be finite .* got inf for 'u' at \{'t': "):
        train(problem=problem)


def test_a_derivative_that_two_coordinates_could_mean():
    box = ax.Box(x=(0, 1), xx=(0, 1))
    condition = ax.Condition(lambda u, x: u.d("xx") - 2.0, box.grid(3))
    with pytest.raises(ValueError, match="derivative 'xx' may be one along 'xx' or along 'x', 'x'"):
        train(problem=ax.Problem(("x", "xx"), ("u",), {"here": condition}))


def test_sparse_tensors():
    with pytest.raises(TypeError, match="theta must be dense, got a tensor of layout"):
        ax.jacobian(PROBLEM, MODEL, THETA.to_sparse())
    with pytest.raises(TypeError, match="points must be dense"):
        MODEL(THETA, POINTS.as_subclass(torch.Tensor).to_sparse())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ax.Condition(lambda u, x: u, POINTS, weight=True), TypeError, "weight must be a "),
        (lambda: ax.Unknown(0.5, size=10**30), ValueError, "size must be at most 1000000, got 1"),
        (lambda: mean(equals=[]), ValueError, r"equals must hold at least one number, got \[\]"),
        (lambda: mean(equals={}), ValueError, r"equals must hold at least one number, got {}"),
        (lambda: mean(equals=b"a"), TypeError, "equals must be a number .* got b'a'"),
        (lambda: mean(equals={1.0: 2}), TypeError, "equals must be a number .* got {1.0: 2}"),
        (lambda: SQUARE.contains([[0.0, 0.0]]), TypeError, r"points must be a tensor \[n, d\]"),
        (lambda: SQUARE.distance(None), TypeError, r"points must be a tensor .* got None"),
        (lambda: SQUARE.nearest("a"), TypeError, r"points must be a tensor .* got 'a'"),
        (lambda: ax.march(None, MODEL), TypeError, "problem must be a Problem, got None"),
        (lambda: march(windows=10**30), ValueError, "windows must be at most 1000000, got 1"),
        (lambda: march(out=3), TypeError, "out must be a path, got 3"),
        (lambda: march(out=b"a"), TypeError, "out must be a path, got b'a'"),
    ],
)
def test_what_was_taken_for_something_else(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_residual_that_is_drawn_by_chance():
    drawn = ax.Condition(lambda u, x: u + torch.rand_like(x.x), SQUARE.grid(3))
    with pytest.raises(ValueError, match=r"not pointwise: .* at other points, or on chance"):
        train(problem=ax.Problem(("t", "x"), ("u",), {"drawn": drawn}))


def mean(equals):
    return ax.Integral(lambda u, x: u, SQUARE.quadrature(2), equals=equals)


def march(**options):
    first = {"start": ax.Condition(lambda u, x: u, SQUARE.face(t=0).grid(3))}
    rest = {"equation": ax.Condition(lambda u, x: u.d("t"), SQUARE.grid(3))}
    return ax.march(ax.Problem(("t", "x"), ("u",), first | rest), MODEL, steps=1, **options)


@pytest.mark.parametrize("cutoff", [1, 1.0, 2.5, 1e300])
@pytest.mark.parametrize(
    "use",
    [
        ax.Cutoff,
        lambda v: ax.step(PROBLEM, MODEL, THETA, cutoff=v),
        lambda v: ax.lstsq(torch.eye(2), torch.ones(2), v),
        lambda v: train(method="anagram", cutoff=v),
        lambda v: train(method="engd", cutoff=v),
        ax.methods.get("engd"),
    ],
)
def test_a_cutoff_that_leaves_nothing(use, cutoff):
    """Every step would be zero."""
    with pytest.raises(ValueError, match="cutoff must be below 1, a share of the largest sing"):
        use(cutoff)


def test_an_absolute_cutoff_may_be_any_number():
    kept = ax.lstsq(torch.diag(torch.tensor([5.0, 2.0])), torch.ones(2), ax.Cutoff(3.0, False))
    assert kept.rank == 1


def test_points_that_are_not_in_their_region():
    """Held-out points would come from elsewhere."""
    elsewhere = ax.Points(POINTS + 2.0, region=SQUARE)
    with pytest.raises(ValueError, match=r"points of condition 'here' must lie in their region Bo"):
        ax.Problem(("t", "x"), ("u",), {"here": ax.Condition(HERE["here"].residual, elsewhere)})
    near = ax.Points((POINTS * 1.0).float(), region=SQUARE)
    ax.Problem(("t", "x"), ("u",), {"here": ax.Condition(HERE["here"].residual, near)})


def test_whole_numbers_are_points_as_well():
    """Bounds were rounded to whole numbers for them."""
    box = ax.Box(x=(0.5, 2.5))
    assert box.contains(torch.tensor([[0], [1], [2], [3]])).tolist() == [False, True, True, False]
