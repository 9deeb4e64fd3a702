"""Nonsense in every argument of every public door: a clear error, or a value that is right.

What of it is right somewhere stands in the row of the table; everything else has to be refused, by
a TypeError or a ValueError whose message names the argument.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

import anagram_ext as ax

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
PLANE = ax.Disk(x=0, y=0, radius=1)
POINTS = SQUARE.grid(3)
TENSOR = POINTS.as_subclass(torch.Tensor).clone()
NODES = SQUARE.quadrature(2)
VALUES = torch.zeros(len(POINTS), dtype=torch.float64)
MODEL = ax.MLP([2, 3, 1])
THETA = MODEL.init(0)
BALL, HALF = ax.Ball(x=0, y=0, z=0, radius=1), ax.Box(x=(0, 2), y=(0, 2), z=(0, 2))
CORNERS = [(0, 0), (2, 0), (1, 1)]


def equation(u: Any, _x: Any) -> Any:
    return u.d("t") - u.d("x")


HERE = ax.Condition(equation, POINTS)
PROBLEM = ax.Problem(("t", "x"), ("u",), {"here": HERE})
MATRIX = torch.eye(3, dtype=torch.float64)
RIGHT_SIDE = torch.ones(3, dtype=torch.float64)
FACTORISED = ax.factorise(MATRIX)
START = ax.Problem(
    ("t", "x"),
    ("u",),
    {
        "start": ax.Condition(lambda u, x: u, SQUARE.face(t=0).grid(3)),
        "equation": ax.Condition(equation, SQUARE.grid(3)),
    },
)

NONSENSE: dict[str, Any] = {
    "None": None,
    "True": True,
    "nan": math.nan,
    "inf": math.inf,
    "-1": -1,
    "0": 0,
    "0.5": 0.5,
    "a": "a",
    "[]": [],
    "{}": {},
    "object": object(),
    "empty": torch.empty(0),
    "complex": 1j,
    "int64": torch.zeros(9, 2, dtype=torch.int64),
    "bools": torch.zeros(9, dtype=torch.bool),
    "nans": torch.full((9, 2), math.nan, dtype=torch.float64),
    "huge": 10**400,
    "1e300": 1e300,
}


def train(**options: Any) -> Any:
    options = {"problem": PROBLEM, "model": MODEL, "steps": 1, "progress": False} | options
    return ax.train(**options)


def problem(**changes: Any) -> Any:
    arguments = {"coordinates": ("t", "x"), "fields": ("u",), "conditions": {"here": HERE}}
    return ax.Problem(**(arguments | changes))


def integral(**changes: Any) -> Any:
    return ax.Integral(**({"integrand": lambda u, x: u, "points": NODES} | changes))


def equation_with_integral(**changes: Any) -> Any:
    arguments = {"residual": lambda u, x, i: u - i, "points": POINTS, "over": NODES}
    return ax.IntegroDifferential(**(arguments | {"integrand": lambda u, y, x: u} | changes))


def data(**changes: Any) -> Any:
    return ax.Data(**({"points": POINTS, "values": VALUES} | changes))


def march(**changes: Any) -> Any:
    options = {"problem": START, "model": MODEL, "steps": 1, "progress": False, "windows": 1}
    return ax.march(**(options | changes))


def fit(**changes: Any) -> Any:
    module = torch.nn.Linear(1, 1, dtype=torch.float64)
    inputs = torch.ones(3, 1, dtype=torch.float64)
    arguments = {"residual": lambda net: net(inputs)[:, 0], "module": module, "steps": 1}
    return ax.least_squares(**(arguments | {"progress": False} | changes))


def path(**changes: Any) -> Any:
    measured = ax.Problem(("t", "x"), ("u",), {"here": HERE, "data": ax.Data(POINTS, VALUES)})
    arguments = {"problem": measured, "model": MODEL, "condition": "here", "weights": [1.0]}
    return ax.regularisation_path(**(arguments | {"steps": 1, "progress": False} | changes))


def step(**changes: Any) -> Any:
    return ax.step(**({"problem": PROBLEM, "model": MODEL, "theta": THETA} | changes))


def jacobian(**changes: Any) -> Any:
    return ax.jacobian(**({"problem": PROBLEM, "model": MODEL, "theta": THETA} | changes))


def written(where: Any, **changes: Any) -> Any:
    arguments = {"path": where / "a.vtu", "region": PLANE, "functions": {}, "n": 2}
    return ax.write_vtu(**(arguments | changes))


def in_residual(function: Callable[[Any, Any], Any]) -> Any:
    return jacobian(problem=problem(conditions={"here": ax.Condition(function, POINTS)}))


def method(name: str, **options: Any) -> Any:
    return ax.methods.get(name)(**options)


# What is called; what its errors must name; what of the nonsense is none there; the call.
DOORS: list[tuple[str, str, str, Callable[[Any], Any]]] = [
    ("Box", "x", "", lambda v: ax.Box(x=v)),
    ("Box", "x", "-1 0 0.5", lambda v: ax.Box(x=(v, 2))),
    ("Box", "x", "-1 0 0.5 1e300", lambda v: ax.Box(x=(-2, v))),
    ("Box.face", "t", "0 0.5", lambda v: SQUARE.face(t=v)),
    ("Box.faces", "names|coordinate", "", SQUARE.faces),
    ("Box.opposite", "names|coordinate", "", SQUARE.opposite),
    ("Box.across", "name|coordinate", "", lambda v: SQUARE.across(v, 3)),
    ("Box.across", "count", "", lambda v: SQUARE.across("x", v)),
    ("Box.up_to", "count", "", lambda v: SQUARE.up_to("x", v)),
    ("Box.clip", "x", "", lambda v: SQUARE.clip(x=v)),
    ("Box.clip", "x", "-1 0 0.5", lambda v: SQUARE.clip(x=(v, 2))),
    ("Box.grid", "counts", "", SQUARE.grid),
    ("Box.sobol", "n", "", SQUARE.sobol),
    ("Box.uniform", "n", "", SQUARE.uniform),
    ("Box.latin_hypercube", "n", "", SQUARE.latin_hypercube),
    ("Box.stratified", "counts", "", SQUARE.stratified),
    ("Box.chebyshev", "counts", "", SQUARE.chebyshev),
    ("Box.quadrature", "counts", "", SQUARE.quadrature),
    ("Box.contains", "points", "int64 nans", SQUARE.contains),
    ("Box.distance", "points", "int64 nans", SQUARE.distance),
    ("Box.nearest", "points", "int64 nans", SQUARE.nearest),
    ("Box.boundary", "part|coordinate", "None", SQUARE.boundary),
    ("Box.plot", "where", "a", SQUARE.plot),
    ("Rectangle", "x|have an area", "", lambda v: ax.Rectangle(x=v, y=(0, 1))),
    ("Rectangle", "x|have an area", "-1 0 0.5", lambda v: ax.Rectangle(x=(-2, v), y=(0, 1))),
    ("Rectangle", "name", "a", lambda v: ax.Rectangle(x=(0, 1), y=(0, 1), name=v)),
    ("Disk", "x|have an area", "-1 0 0.5", lambda v: ax.Disk(x=v, y=0, radius=1)),
    ("Disk", "radius|have an area", "0.5", lambda v: ax.Disk(x=0, y=0, radius=v)),
    ("Disk", "name", "a", lambda v: ax.Disk(x=0, y=0, radius=1, name=v)),
    ("Disk.contains", "points", "int64 nans", PLANE.contains),
    ("Disk.distance", "points", "int64 nans", PLANE.distance),
    ("Disk.sobol", "n", "", PLANE.sobol),
    ("Disk.grid", "counts", "", PLANE.grid),
    ("Disk.quadrature", "n", "", PLANE.quadrature),
    ("Disk.boundary", "part", "None", PLANE.boundary),
    ("Disk.rotated", "angle", "-1 0 0.5 1e300", PLANE.rotated),
    ("Disk.rotated", "about", "None", lambda v: PLANE.rotated(1.0, about=v)),
    ("Disk.scaled", "factor|have an area", "-1 0.5", PLANE.scaled),
    ("Disk.scaled", "about", "None", lambda v: PLANE.scaled(2.0, about=v)),
    ("Disk.translated", "x|have an area", "-1 0 0.5", lambda v: PLANE.translated(x=v)),
    ("Ellipse", "radii|have an area", "", lambda v: ax.Ellipse(x=0, y=0, radii=v)),
    ("Ellipse", "radii|have an area", "0.5", lambda v: ax.Ellipse(x=0, y=0, radii=(1, v))),
    ("Ellipse", "angle", "-1 0 0.5 1e300", lambda v: ax.Ellipse(x=0, y=0, radii=(1, 2), angle=v)),
    ("Ellipse", "x|have an area", "-1 0 0.5", lambda v: ax.Ellipse(x=v, y=0, radii=(1, 2))),
    ("Polygon", "vertices|have an area", "", ax.Polygon),
    (
        "Polygon",
        "vertices|have an area",
        "-1 0.5",
        lambda v: ax.Polygon([(0, 0), (2, 0), (1, v)]),
    ),
    ("Polygon", "names|coordinates", "", lambda v: ax.Polygon(CORNERS, names=v)),
    ("Polygon", "name", "a", lambda v: ax.Polygon(CORNERS, name=v)),
    ("Ball", "x", "-1 0 0.5 1e300", lambda v: ax.Ball(x=v, y=0, z=0, radius=1)),
    ("Ball", "radius", "0.5 1e300", lambda v: ax.Ball(x=0, y=0, z=0, radius=v)),
    ("Ball", "name", "a", lambda v: ax.Ball(x=0, y=0, z=0, radius=1, name=v)),
    ("Ball.contains", "points", "int64 nans", lambda v: ax.Ball(x=0, y=0, radius=1).contains(v)),
    ("Sphere", "radius", "0.5 1e300", lambda v: ax.Sphere(x=0, y=0, z=0, radius=v)),
    ("Product.contains", "points", "", (ax.Interval(t=(0, 1)) * PLANE).contains),
    ("Product.distance", "points", "", (ax.Interval(t=(0, 1)) * PLANE).distance),
    ("Outline.contains", "points", "int64 nans", lambda v: PLANE.boundary().contains(v)),
    ("Faces.contains", "points", "int64 nans", lambda v: SQUARE.boundary().contains(v)),
    ("Opposite.contains", "points", "", lambda v: SQUARE.opposite("x").contains(v)),
    ("Sphere.contains", "points", "", lambda v: BALL.boundary().contains(v)),
    ("Solid.contains", "points", "", (BALL - HALF).contains),
    ("Solid.boundary", "part|parts", "None", (BALL - HALF).boundary),
    ("Mesh", "vertices", "", lambda v: ax.Mesh(v, [[0, 1, 2]])),
    ("Mesh", "faces", "", lambda v: ax.Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], v)),
    ("Mesh.from_file", "path", "", ax.Mesh.from_file),
    ("from_shapely", "geometry", "", ax.from_shapely),
    ("read_shape", "path", "", ax.read_shape),
    ("Points", "points", "nans", ax.Points),
    ("Points", "region", "None", lambda v: ax.Points(TENSOR, region=v)),
    ("Points", "normals", "None nans", lambda v: ax.Points(TENSOR, normals=v)),
    ("Points", "weights", "None", lambda v: ax.Points(TENSOR, weights=v)),
    ("Sampler", "n_points", "", lambda v: ax.Sampler(v, lambda seed: TENSOR)),
    ("Sampler", "draw", "", lambda v: ax.Sampler(3, v)),
    ("Sampler", "every_step", "True", lambda v: ax.Sampler(3, lambda seed: TENSOR, every_step=v)),
    ("Sampler", "candidates", "None", lambda v: ax.Sampler(3, lambda seed: TENSOR, candidates=v)),
    ("Sampler", "region", "None", lambda v: ax.Sampler(3, lambda seed: TENSOR, region=v)),
    ("Sampler()", "seed", "0", SQUARE.sobol(3)),
    ("Sampler.adaptive", "n", "", lambda v: SQUARE.sobol(8).adaptive(v)),
    ("Cutoff", "cutoff", "0 0.5", ax.Cutoff),
    ("Cutoff", "relative", "True", lambda v: ax.Cutoff(0.5, relative=v)),
    ("factorise", "J", "", ax.factorise),
    ("factorise", "cutoff", "None 0 0.5 1e300", lambda v: ax.factorise(MATRIX, smallest_cutoff=v)),
    (
        "factorise",
        "left_out",
        "0 0.5",
        lambda v: ax.factorise(MATRIX, smallest_cutoff=0.1, left_out=v),
    ),
    ("lstsq", "J", "", lambda v: ax.lstsq(v, torch.ones(9, dtype=torch.float64))),
    ("lstsq", "r", "", lambda v: ax.lstsq(MATRIX, v)),
    ("lstsq", "cutoff", "0 0.5", lambda v: ax.lstsq(MATRIX, RIGHT_SIDE, v)),
    ("lstsq", "group", "None", lambda v: ax.lstsq(MATRIX, RIGHT_SIDE, group=v)),
    ("Factorisation.rank", "cutoff", "0 0.5", FACTORISED.rank),
    ("Factorisation.effective", "damping", "0 0.5 1e300", FACTORISED.effective),
    (
        "Factorisation.count_above",
        "share",
        "inf -1 0 0.5 1e300",
        FACTORISED.count_above,
    ),
    ("Factorisation.project", "r", "", FACTORISED.project),
    ("Factorisation.expand", "y", "", FACTORISED.expand),
    ("Factorisation.pull", "x", "", FACTORISED.pull),
    ("Factorisation.push", "y", "", FACTORISED.push),
    ("Factorisation.direction", "r", "", lambda v: FACTORISED.direction(v, 0.1)),
    ("Factorisation.left_out", "r", "", lambda v: FACTORISED.left_out(v, 0.1)),
    ("Factorisation.leverages", "damping", "0 0.5 1e300", FACTORISED.leverages),
    ("Factorisation.press", "damping", "0 0.5 1e300", lambda v: FACTORISED.press(RIGHT_SIDE, v)),
    ("InputMap", "function|inputs", "", ax.InputMap),
    ("fourier", "n", "", lambda v: ax.fourier(v, x=1.0)),
    ("fourier", "seed", "0", lambda v: ax.fourier(3, seed=v, x=1.0)),
    ("fourier", "x", "0.5 1e300", lambda v: ax.fourier(3, x=v)),
    ("periodic", "x", "0.5 1e300", lambda v: ax.periodic(x=v)),
    ("periodic", "harmonics", "", lambda v: ax.periodic(x=1.0, harmonics=v)),
    ("scaled", "x", "", lambda v: ax.scaled(x=v)),
    ("scaled", "x", "-1 0 0.5 1e300", lambda v: ax.scaled(x=(-2, v))),
    ("MLP", "widths", "", ax.MLP),
    ("MLP", "widths", "", lambda v: ax.MLP([2, v, 1])),
    ("MLP", "activation", "", lambda v: ax.MLP([2, 1], activation=v)),
    ("MLP", "dtype", "", lambda v: ax.MLP([2, 1], dtype=v)),
    ("MLP", "device", "", lambda v: ax.MLP([2, 1], device=v)),
    ("MLP", "coordinates", "None", lambda v: ax.MLP([2, 1], coordinates=v)),
    ("MLP.init", "seed", "0", MODEL.init),
    ("MLP.init", "scheme", "", lambda v: MODEL.init(0, scheme=v)),
    ("MLP()", "theta", "", lambda v: MODEL(v, POINTS)),
    ("MLP()", "points", "", lambda v: MODEL(THETA, v)),
    ("MLP.jet", "names|derivative", "", lambda v: MODEL.jet(THETA, POINTS, v)),
    ("MLP.to_torch", "theta", "", MODEL.to_torch),
    ("MLP.from_torch", "net", "", ax.MLP.from_torch),
    ("MLP.widened", "by", "", lambda v: MODEL.widened(THETA, v)),
    ("MLP.widened", "theta", "", lambda v: MODEL.widened(v, 2)),
    ("Model", "network", "", ax.Model),
    ("Model", "outputs", "None", lambda v: ax.Model(MODEL, outputs=v)),
    ("Model", "unknowns", "{}", lambda v: ax.Model(MODEL, unknowns=v)),
    ("Model", "coordinates", "None", lambda v: ax.Model(MODEL, coordinates=v)),
    ("Model", "inputs", "None", lambda v: ax.Model(MODEL, inputs=v)),
    ("Model", "scales", "None", lambda v: ax.Model(MODEL, scales=v)),
    ("TorchModel", "module", "", lambda v: ax.TorchModel(v, 2)),
    ("TorchModel", "n_inputs", "", lambda v: ax.TorchModel(torch.nn.Linear(2, 1), v)),
    ("set_num_threads", "n", "", ax.set_num_threads),
    ("Condition", "residual", "", lambda v: ax.Condition(v, POINTS)),
    ("Condition", "points", "", lambda v: problem(conditions={"a": ax.Condition(equation, v)})),
    ("Condition", "weight", "0.5 1e300", lambda v: ax.Condition(equation, POINTS, weight=v)),
    ("Coordinates", "names|coordinates", "[] {} empty", lambda v: ax.Coordinates(v, TENSOR)),
    ("Coordinates", "points", "int64 nans", lambda v: ax.Coordinates(("t", "x"), v)),
    ("Field.d", "name|derivative|coordinate", "", lambda v: in_residual(lambda u, x: u.d(v))),
    ("Field.laplacian", "name|coordinate", "", lambda v: in_residual(lambda u, x: u.laplacian(v))),
    (
        "Field.biharmonic",
        "name|coordinate",
        "",
        lambda v: in_residual(lambda u, x: u.biharmonic(v)),
    ),
    ("Field.normal", "name|coordinate|normal", "", lambda v: in_residual(lambda u, x: u.normal(v))),
    (
        "Field.operator",
        "operator",
        "",
        lambda v: in_residual(lambda u, x: u.operator(v)),
    ),
    (
        "Field.operator",
        "operator",
        "-1 0.5 1e300",
        lambda v: in_residual(lambda u, x: u.operator({"x": v})),
    ),
    ("d", "expression|shape", "", lambda v: in_residual(lambda u, x: ax.d(v, "x"))),
    ("d", "name|derivative|coordinate", "", lambda v: in_residual(lambda u, x: ax.d(u, v))),
    (
        "gradient",
        "expression|shape",
        "",
        lambda v: in_residual(lambda u, x: ax.gradient(v, ("t", "x"))),
    ),
    ("gradient", "names|coordinates", "", lambda v: in_residual(lambda u, x: ax.gradient(u, v))),
    ("divergence", "parts", "", lambda v: in_residual(lambda u, x: ax.divergence(v, ("t", "x")))),
    (
        "divergence",
        "names|coordinates",
        "",
        lambda v: in_residual(lambda u, x: ax.divergence((u, u), v)),
    ),
    ("curl", "parts", "", lambda v: in_residual(lambda u, x: ax.curl(v, ("t", "x")))),
    ("curl", "names|coordinates", "", lambda v: in_residual(lambda u, x: ax.curl((u, u), v))),
    ("material", "velocity", "", lambda v: in_residual(lambda u, x: ax.material(u, v, ("x",)))),
    (
        "material",
        "names|coordinates",
        "",
        lambda v: in_residual(lambda u, x: ax.material(u, (u,), v)),
    ),
    (
        "material",
        "time|coordinates",
        "None",
        lambda v: in_residual(lambda u, x: ax.material(u, (u,), ("x",), v)),
    ),
    ("Integral", "integrand", "", lambda v: integral(integrand=v)),
    ("Integral", "points", "", lambda v: integral(points=v)),
    ("Integral", "equals", "-1 0 0.5 1e300", lambda v: integral(equals=v)),
    ("Integral", "equals", "-1 0 0.5 1e300", lambda v: integral(equals=[v])),
    ("Integral", "weight", "0.5 1e300", lambda v: integral(weight=v)),
    ("Integral", "exact", "True", lambda v: integral(exact=v)),
    ("IntegroDifferential", "residual", "", lambda v: equation_with_integral(residual=v)),
    (
        "IntegroDifferential",
        "points",
        "",
        lambda v: problem(conditions={"a": equation_with_integral(points=v)}),
    ),
    ("IntegroDifferential", "integrand", "", lambda v: equation_with_integral(integrand=v)),
    ("IntegroDifferential", "over", "", lambda v: equation_with_integral(over=v)),
    ("IntegroDifferential", "weight", "0.5 1e300", lambda v: equation_with_integral(weight=v)),
    ("Data", "points", "", lambda v: problem(conditions={"a": data(points=v)})),
    ("Data", "values", "", lambda v: data(values=v)),
    ("Data", "of", "None", lambda v: data(of=v)),
    ("Data", "sigma", "None 0.5 1e300", lambda v: data(sigma=v)),
    ("Data", "weight", "0.5 1e300", lambda v: data(weight=v)),
    ("Paired", "residual", "", lambda v: ax.Paired(v, SQUARE.opposite("x").grid(3))),
    (
        "Paired",
        "points",
        "",
        lambda v: problem(conditions={"a": ax.Paired(lambda a, b: a.u - b.u, v)}),
    ),
    (
        "Paired",
        "points",
        "",
        lambda v: problem(conditions={"a": ax.Paired(lambda a, b: a.u - b.u, (v, v))}),
    ),
    ("Problem", "coordinates", "", lambda v: problem(coordinates=v)),
    ("Problem", "coordinates", "", lambda v: problem(coordinates=("t", v))),
    ("Problem", "fields", "", lambda v: problem(fields=v)),
    ("Problem", "fields", "a", lambda v: problem(fields=("u", v))),
    ("Problem", "conditions", "", lambda v: problem(conditions=v)),
    ("Problem", "conditions", "", lambda v: problem(conditions={"here": v})),
    ("Problem", "solution", "None", lambda v: problem(solution=v)),
    ("Problem", "solution", "", lambda v: train(problem=problem(solution=lambda x: v))),
    ("Problem", "evaluation", "None", lambda v: problem(evaluation=v)),
    ("Problem", "row_scaling", "", lambda v: problem(row_scaling=v)),
    ("Problem", "name", "a", lambda v: problem(name=v)),
    ("Problem", "model", "None", lambda v: problem(model=v)),
    ("Problem", "settings", "{}", lambda v: problem(settings=v)),
    ("Problem", "unknowns", "{}", lambda v: problem(unknowns=v)),
    ("Problem", "unknowns", "", lambda v: problem(unknowns={"nu": v})),
    ("Unknown", "start", "-1 0 0.5 1e300", ax.Unknown),
    ("Unknown", "start", "-1 0 0.5 1e300", lambda v: ax.Unknown([v], size=1)),
    ("Unknown", "positive", "True", lambda v: ax.Unknown(1.0, positive=v)),
    ("Unknown", "between", "None", lambda v: ax.Unknown(0.25, between=v)),
    ("Unknown", "between", "-1 0", lambda v: ax.Unknown(0.25, between=(v, 2))),
    ("Unknown", "size", "None", lambda v: ax.Unknown(0.25, size=v)),
    ("train", "problem", "", lambda v: train(problem=v)),
    ("train", "model", "", lambda v: train(model=v)),
    ("train", "steps", "None huge", lambda v: train(steps=v, callbacks=[lambda run: "enough"])),
    ("train", "seconds", "None 0.5 1e300", lambda v: train(seconds=v)),
    ("train", "seed", "0", lambda v: train(seed=v)),
    ("train", "method", "", lambda v: train(method=v)),
    ("train", "cutoff", "None 0 0.5", lambda v: train(method="anagram", cutoff=v)),
    ("train", "theta", "None", lambda v: train(theta=v)),
    ("train", "device", "None", lambda v: train(device=v)),
    ("train", "memory", "", lambda v: train(memory=v)),
    ("train", "scales", "True", lambda v: train(scales=v)),
    ("train", "progress", "True", lambda v: train(progress=v)),
    ("train", "out", "None a", lambda v: train(out=v)),
    ("train", "resume", "", lambda v: train(resume=v)),
    ("train", "coupled", "True", lambda v: train(coupled=v)),
    ("train", "grow", "True", lambda v: train(grow=v)),
    ("train", "callbacks", "[] {} empty", lambda v: train(callbacks=v)),
    ("train", "callbacks", "", lambda v: train(callbacks=[v])),
    ("train", "group", "None", lambda v: train(group=v)),
    ("march", "problem", "", lambda v: march(problem=v)),
    ("march", "model", "", lambda v: march(model=v)),
    ("march", "times", "None", lambda v: march(times=v, windows=None)),
    ("march", "times", "", lambda v: march(times=(0, v), windows=None)),
    ("march", "windows", "None", lambda v: march(windows=v)),
    ("march", "coordinate", "", lambda v: march(coordinate=v)),
    ("march", "seed", "0", lambda v: march(seed=v)),
    ("march", "out", "None a", lambda v: march(out=v)),
    ("march", "steps", "None huge", lambda v: march(steps=v, callbacks=[lambda run: "enough"])),
    ("step", "problem", "", lambda v: step(problem=v)),
    ("step", "model", "", lambda v: step(model=v)),
    ("step", "theta", "", lambda v: step(theta=v)),
    ("step", "cutoff", "0 0.5", lambda v: step(cutoff=v)),
    ("step", "search", "", lambda v: step(search=v)),
    ("step", "memory", "", lambda v: step(memory=v)),
    ("step", "seed", "0", lambda v: step(seed=v)),
    ("step", "group", "None", lambda v: step(group=v)),
    ("jacobian", "problem", "", lambda v: jacobian(problem=v)),
    ("jacobian", "model", "", lambda v: jacobian(model=v)),
    ("jacobian", "theta", "", lambda v: jacobian(theta=v)),
    ("jacobian", "seed", "0", lambda v: jacobian(seed=v)),
    ("least_squares", "residual", "", lambda v: fit(residual=v)),
    ("least_squares", "residual", "", lambda v: fit(residual=lambda net: v)),
    ("least_squares", "module", "", lambda v: fit(module=v)),
    ("least_squares", "method", "", lambda v: fit(method=v)),
    ("least_squares", "steps", "None huge", lambda v: fit(steps=v, seconds=0.01)),
    ("least_squares", "seconds", "None 0.5 1e300", lambda v: fit(seconds=v)),
    ("least_squares", "cutoff", "None 0 0.5", lambda v: fit(method="anagram", cutoff=v)),
    ("least_squares", "memory", "", lambda v: fit(memory=v)),
    ("least_squares", "progress", "True", lambda v: fit(progress=v)),
    ("least_squares", "group", "None", lambda v: fit(group=v)),
    ("regularisation_path", "problem", "", lambda v: path(problem=v)),
    ("regularisation_path", "model", "", lambda v: path(model=v)),
    ("regularisation_path", "condition", "", lambda v: path(condition=v)),
    ("regularisation_path", "weights", "", lambda v: path(weights=v)),
    ("regularisation_path", "weights", "0.5 1e300", lambda v: path(weights=[v])),
    ("regularisation_path", "theta", "None", lambda v: path(theta=v)),
    ("load", "path|checkpoint", "", ax.load),
    ("TensorBoard", "folder", "a", ax.TensorBoard),
    ("methods.get", "name|method", "", ax.methods.get),
    ("anagram", "cutoff", "0 0.5", lambda v: method("anagram", cutoff=v)),
    ("anagram", "momentum", "0 0.5", lambda v: method("anagram", momentum=v)),
    ("anagram", "accept", "", lambda v: method("anagram", accept=v)),
    ("spring", "momentum", "0 0.5", lambda v: method("spring", momentum=v)),
    ("engd", "cutoff", "None 0 0.5", lambda v: method("engd", cutoff=v)),
    ("adam", "learning_rate", "0.5 1e300", lambda v: method("adam", learning_rate=v)),
    ("problems.get", "name", "", ax.problems.get),
    ("problems.heat", "n", "", ax.problems.heat),
    ("problems.heat", "published", "True", lambda v: ax.problems.heat(published=v)),
    ("problems.laplace_5d", "n", "", ax.problems.laplace_5d),
    ("analysis.ntk", "at", "", lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, v)),
    (
        "analysis.ntk",
        "points",
        "None",
        lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), v),
    ),
    (
        "analysis.ntk",
        "of",
        "None",
        lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), of=v),
    ),
    (
        "analysis.ntk",
        "component",
        "0",
        lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), of="here", component=v),
    ),
    (
        "analysis.nntk",
        "cutoff",
        "0 0.5",
        lambda v: ax.analysis.nntk(PROBLEM, MODEL, THETA, (0, 0), cutoff=v),
    ),
    ("analysis.green", "at", "", lambda v: ax.analysis.green(PROBLEM, MODEL, THETA, v)),
    (
        "analysis.green",
        "field",
        "None",
        lambda v: ax.analysis.green(PROBLEM, MODEL, THETA, (0, 0), field=v),
    ),
    (
        "analysis.green_step",
        "points",
        "",
        lambda v: ax.analysis.green_step(PROBLEM, MODEL, THETA, v),
    ),
    ("analysis.spectrum", "theta", "", lambda v: ax.analysis.spectrum(PROBLEM, MODEL, v)),
    (
        "analysis.spectrum",
        "cutoff",
        "0 0.5",
        lambda v: ax.analysis.spectrum(PROBLEM, MODEL, THETA, cutoff=v),
    ),
    (
        "analysis.tangent_projection",
        "values",
        "None",
        lambda v: ax.analysis.tangent_projection(PROBLEM, MODEL, THETA, v),
    ),
]


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where "a" is no file: it is the name of one to some functions."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("door", "named", "right", "use"),
    DOORS,
    ids=[f"{door}-{k}" for k, (door, *_) in enumerate(DOORS)],
)
@pytest.mark.usefixtures("empty_folder")
@pytest.mark.filterwarnings("ignore")
def test_argument(door, named, right, use):
    taken = {label for label, value in NONSENSE.items() if is_taken(door, named, use, value)}
    assert taken == set(right.split())


def is_taken(door: str, named: str, use: Callable[[Any], Any], value: object) -> bool:
    """Whether a call is no error; one has to name the argument."""
    try:
        use(value)
    except (TypeError, ValueError, ax.NonFiniteError, FileNotFoundError) as error:
        told = str(error)
    else:
        return True
    assert re.search(named, told), f"{door}({value!r}): {told}"
    return False
