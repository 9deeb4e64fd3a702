"""A set of nonsense in every argument of every public door: a clear error, or a value that is right.

Whatever is taken must be on the short list ``RIGHT``; whatever is refused must be refused by a
TypeError or a ValueError whose message names the argument.
"""

from __future__ import annotations

import math
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import anagram_ext as ax

if TYPE_CHECKING:
    from collections.abc import Callable

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


def equation(u: Any, x: Any) -> Any:
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
    "'a'": "a",
    "[]": [],
    "{}": {},
    "object": object(),
    "an empty tensor": torch.empty(0),
    "complex": 1j,
    "a tensor of int64": torch.zeros(9, 2, dtype=torch.int64),
    "a tensor of bool": torch.zeros(9, dtype=torch.bool),
    "a tensor of nan": torch.full((9, 2), math.nan, dtype=torch.float64),
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


# What is called, by a name; the argument; how it is called with a value of it.
DOORS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("Box", "x", lambda v: ax.Box(x=v)),
    ("Box", "x", lambda v: ax.Box(x=(v, 2))),
    ("Box", "x", lambda v: ax.Box(x=(-2, v))),
    ("Box.face", "t", lambda v: SQUARE.face(t=v)),
    ("Box.faces", "names|coordinate", lambda v: SQUARE.faces(v)),
    ("Box.opposite", "names|coordinate", lambda v: SQUARE.opposite(v)),
    ("Box.across", "name|coordinate", lambda v: SQUARE.across(v, 3)),
    ("Box.across", "count", lambda v: SQUARE.across("x", v)),
    ("Box.up_to", "count", lambda v: SQUARE.up_to("x", v)),
    ("Box.clip", "x", lambda v: SQUARE.clip(x=v)),
    ("Box.clip", "x", lambda v: SQUARE.clip(x=(v, 2))),
    ("Box.grid", "counts", lambda v: SQUARE.grid(v)),
    ("Box.sobol", "n", lambda v: SQUARE.sobol(v)),
    ("Box.uniform", "n", lambda v: SQUARE.uniform(v)),
    ("Box.latin_hypercube", "n", lambda v: SQUARE.latin_hypercube(v)),
    ("Box.stratified", "counts", lambda v: SQUARE.stratified(v)),
    ("Box.chebyshev", "counts", lambda v: SQUARE.chebyshev(v)),
    ("Box.quadrature", "counts", lambda v: SQUARE.quadrature(v)),
    ("Box.contains", "points", lambda v: SQUARE.contains(v)),
    ("Box.distance", "points", lambda v: SQUARE.distance(v)),
    ("Box.nearest", "points", lambda v: SQUARE.nearest(v)),
    ("Box.boundary", "part|coordinate", lambda v: SQUARE.boundary(v)),
    ("Box.plot", "where", lambda v: SQUARE.plot(v)),
    ("Rectangle", "x|area that numbers", lambda v: ax.Rectangle(x=v, y=(0, 1))),
    ("Rectangle", "x|area that numbers", lambda v: ax.Rectangle(x=(-2, v), y=(0, 1))),
    ("Rectangle", "name", lambda v: ax.Rectangle(x=(0, 1), y=(0, 1), name=v)),
    ("Disk", "x|area that numbers", lambda v: ax.Disk(x=v, y=0, radius=1)),
    ("Disk", "radius|area that numbers", lambda v: ax.Disk(x=0, y=0, radius=v)),
    ("Disk", "name", lambda v: ax.Disk(x=0, y=0, radius=1, name=v)),
    ("Disk.contains", "points", lambda v: PLANE.contains(v)),
    ("Disk.distance", "points", lambda v: PLANE.distance(v)),
    ("Disk.sobol", "n", lambda v: PLANE.sobol(v)),
    ("Disk.grid", "counts", lambda v: PLANE.grid(v)),
    ("Disk.quadrature", "n", lambda v: PLANE.quadrature(v)),
    ("Disk.boundary", "part", lambda v: PLANE.boundary(v)),
    ("Disk.rotated", "angle", lambda v: PLANE.rotated(v)),
    ("Disk.rotated", "about", lambda v: PLANE.rotated(1.0, about=v)),
    ("Disk.scaled", "factor|area that numbers", lambda v: PLANE.scaled(v)),
    ("Disk.scaled", "about", lambda v: PLANE.scaled(2.0, about=v)),
    ("Disk.translated", "x|area that numbers", lambda v: PLANE.translated(x=v)),
    ("Ellipse", "radii|area that numbers", lambda v: ax.Ellipse(x=0, y=0, radii=v)),
    ("Ellipse", "radii|area that numbers", lambda v: ax.Ellipse(x=0, y=0, radii=(1, v))),
    ("Ellipse", "angle", lambda v: ax.Ellipse(x=0, y=0, radii=(1, 2), angle=v)),
    ("Ellipse", "x|area that numbers", lambda v: ax.Ellipse(x=v, y=0, radii=(1, 2))),
    ("Polygon", "vertices|area that numbers", lambda v: ax.Polygon(v)),
    ("Polygon", "vertices|area that numbers", lambda v: ax.Polygon([(0, 0), (2, 0), (1, v)])),
    ("Polygon", "names|coordinates", lambda v: ax.Polygon(CORNERS, names=v)),
    ("Polygon", "name", lambda v: ax.Polygon(CORNERS, name=v)),
    ("Ball", "x", lambda v: ax.Ball(x=v, y=0, z=0, radius=1)),
    ("Ball", "radius", lambda v: ax.Ball(x=0, y=0, z=0, radius=v)),
    ("Ball", "name", lambda v: ax.Ball(x=0, y=0, z=0, radius=1, name=v)),
    ("Ball.contains", "points", lambda v: ax.Ball(x=0, y=0, radius=1).contains(v)),
    ("Sphere", "radius", lambda v: ax.Sphere(x=0, y=0, z=0, radius=v)),
    ("Product.contains", "points", lambda v: (ax.Interval(t=(0, 1)) * PLANE).contains(v)),
    ("Product.distance", "points", lambda v: (ax.Interval(t=(0, 1)) * PLANE).distance(v)),
    ("Outline.contains", "points", lambda v: PLANE.boundary().contains(v)),
    ("Faces.contains", "points", lambda v: SQUARE.boundary().contains(v)),
    ("Opposite.contains", "points", lambda v: SQUARE.opposite("x").contains(v)),
    ("Sphere.contains", "points", lambda v: BALL.boundary().contains(v)),
    ("Solid.contains", "points", lambda v: (BALL - HALF).contains(v)),
    ("Solid.boundary", "part|parts", lambda v: (BALL - HALF).boundary(v)),
    ("Mesh", "vertices", lambda v: ax.Mesh(v, [[0, 1, 2]])),
    ("Mesh", "faces", lambda v: ax.Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], v)),
    ("Mesh.from_file", "path", lambda v: ax.Mesh.from_file(v)),
    ("from_shapely", "geometry", lambda v: ax.from_shapely(v)),
    ("read_shape", "path", lambda v: ax.read_shape(v)),
    ("Points", "points", lambda v: ax.Points(v)),
    ("Points", "region", lambda v: ax.Points(TENSOR, region=v)),
    ("Points", "normals", lambda v: ax.Points(TENSOR, normals=v)),
    ("Points", "weights", lambda v: ax.Points(TENSOR, weights=v)),
    ("Sampler", "n_points", lambda v: ax.Sampler(v, lambda seed: TENSOR)),
    ("Sampler", "draw", lambda v: ax.Sampler(3, v)),
    ("Sampler", "every_step", lambda v: ax.Sampler(3, lambda seed: TENSOR, every_step=v)),
    ("Sampler", "candidates", lambda v: ax.Sampler(3, lambda seed: TENSOR, candidates=v)),
    ("Sampler", "region", lambda v: ax.Sampler(3, lambda seed: TENSOR, region=v)),
    ("Sampler()", "seed", lambda v: SQUARE.sobol(3)(v)),
    ("Sampler.adaptive", "n", lambda v: SQUARE.sobol(8).adaptive(v)),
    ("Cutoff", "cutoff", lambda v: ax.Cutoff(v)),
    ("Cutoff", "relative", lambda v: ax.Cutoff(0.5, relative=v)),
    ("factorise", "J", lambda v: ax.factorise(v)),
    ("factorise", "cutoff", lambda v: ax.factorise(MATRIX, smallest_cutoff=v)),
    ("factorise", "left_out", lambda v: ax.factorise(MATRIX, smallest_cutoff=0.1, left_out=v)),
    ("lstsq", "J", lambda v: ax.lstsq(v, v)),
    ("lstsq", "r", lambda v: ax.lstsq(MATRIX, v)),
    ("lstsq", "cutoff", lambda v: ax.lstsq(MATRIX, RIGHT_SIDE, v)),
    ("lstsq", "group", lambda v: ax.lstsq(MATRIX, RIGHT_SIDE, group=v)),
    ("Factorisation.rank", "cutoff", lambda v: FACTORISED.rank(v)),
    ("Factorisation.effective", "damping", lambda v: FACTORISED.effective(v)),
    ("Factorisation.count_above", "share", lambda v: FACTORISED.count_above(v)),
    ("Factorisation.project", "r", lambda v: FACTORISED.project(v)),
    ("Factorisation.expand", "y", lambda v: FACTORISED.expand(v)),
    ("Factorisation.pull", "x", lambda v: FACTORISED.pull(v)),
    ("Factorisation.push", "y", lambda v: FACTORISED.push(v)),
    ("Factorisation.direction", "r", lambda v: FACTORISED.direction(v, 0.1)),
    ("Factorisation.left_out", "r", lambda v: FACTORISED.left_out(v, 0.1)),
    ("Factorisation.leverages", "damping", lambda v: FACTORISED.leverages(v)),
    ("Factorisation.press", "damping", lambda v: FACTORISED.press(RIGHT_SIDE, v)),
    ("InputMap", "function|inputs", lambda v: ax.InputMap(v)),
    ("fourier", "n", lambda v: ax.fourier(v, x=1.0)),
    ("fourier", "seed", lambda v: ax.fourier(3, seed=v, x=1.0)),
    ("fourier", "x", lambda v: ax.fourier(3, x=v)),
    ("periodic", "x", lambda v: ax.periodic(x=v)),
    ("periodic", "harmonics", lambda v: ax.periodic(x=1.0, harmonics=v)),
    ("scaled", "x", lambda v: ax.scaled(x=v)),
    ("scaled", "x", lambda v: ax.scaled(x=(-2, v))),
    ("MLP", "widths", lambda v: ax.MLP(v)),
    ("MLP", "widths", lambda v: ax.MLP([2, v, 1])),
    ("MLP", "activation", lambda v: ax.MLP([2, 1], activation=v)),
    ("MLP", "dtype", lambda v: ax.MLP([2, 1], dtype=v)),
    ("MLP", "device", lambda v: ax.MLP([2, 1], device=v)),
    ("MLP", "coordinates", lambda v: ax.MLP([2, 1], coordinates=v)),
    ("MLP.init", "seed", lambda v: MODEL.init(v)),
    ("MLP.init", "scheme", lambda v: MODEL.init(0, scheme=v)),
    ("MLP()", "theta", lambda v: MODEL(v, POINTS)),
    ("MLP()", "points", lambda v: MODEL(THETA, v)),
    ("MLP.jet", "names|derivative", lambda v: MODEL.jet(THETA, POINTS, v)),
    ("MLP.to_torch", "theta", lambda v: MODEL.to_torch(v)),
    ("MLP.from_torch", "net", lambda v: ax.MLP.from_torch(v)),
    ("MLP.widened", "by", lambda v: MODEL.widened(THETA, v)),
    ("MLP.widened", "theta", lambda v: MODEL.widened(v, 2)),
    ("Model", "network", lambda v: ax.Model(v)),
    ("Model", "outputs", lambda v: ax.Model(MODEL, outputs=v)),
    ("Model", "unknowns", lambda v: ax.Model(MODEL, unknowns=v)),
    ("Model", "coordinates", lambda v: ax.Model(MODEL, coordinates=v)),
    ("Model", "inputs", lambda v: ax.Model(MODEL, inputs=v)),
    ("Model", "scales", lambda v: ax.Model(MODEL, scales=v)),
    ("TorchModel", "module", lambda v: ax.TorchModel(v, 2)),
    ("TorchModel", "n_inputs", lambda v: ax.TorchModel(torch.nn.Linear(2, 1), v)),
    ("set_num_threads", "n", lambda v: ax.set_num_threads(v)),
    ("Condition", "residual", lambda v: ax.Condition(v, POINTS)),
    ("Condition", "points", lambda v: problem(conditions={"a": ax.Condition(equation, v)})),
    ("Condition", "weight", lambda v: ax.Condition(equation, POINTS, weight=v)),
    ("Coordinates", "names|coordinates", lambda v: ax.Coordinates(v, TENSOR)),
    ("Coordinates", "points", lambda v: ax.Coordinates(("t", "x"), v)),
    ("Field.d", "name|derivative|coordinate", lambda v: in_residual(lambda u, x: u.d(v))),
    ("Field.laplacian", "name|coordinate", lambda v: in_residual(lambda u, x: u.laplacian(v))),
    ("Field.biharmonic", "name|coordinate", lambda v: in_residual(lambda u, x: u.biharmonic(v))),
    ("Field.normal", "name|coordinate|normal", lambda v: in_residual(lambda u, x: u.normal(v))),
    ("Field.operator", "operator", lambda v: in_residual(lambda u, x: u.operator(v))),
    ("Field.operator", "operator", lambda v: in_residual(lambda u, x: u.operator({"x": v}))),
    ("d", "expression|shape", lambda v: in_residual(lambda u, x: ax.d(v, "x"))),
    ("d", "name|derivative|coordinate", lambda v: in_residual(lambda u, x: ax.d(u, v))),
    (
        "gradient",
        "expression|shape",
        lambda v: in_residual(lambda u, x: ax.gradient(v, ("t", "x"))),
    ),
    ("gradient", "names|coordinates", lambda v: in_residual(lambda u, x: ax.gradient(u, v))),
    ("divergence", "parts", lambda v: in_residual(lambda u, x: ax.divergence(v, ("t", "x")))),
    (
        "divergence",
        "names|coordinates",
        lambda v: in_residual(lambda u, x: ax.divergence((u, u), v)),
    ),
    ("curl", "parts", lambda v: in_residual(lambda u, x: ax.curl(v, ("t", "x")))),
    ("curl", "names|coordinates", lambda v: in_residual(lambda u, x: ax.curl((u, u), v))),
    ("material", "velocity", lambda v: in_residual(lambda u, x: ax.material(u, v, ("x",)))),
    ("material", "names|coordinates", lambda v: in_residual(lambda u, x: ax.material(u, (u,), v))),
    (
        "material",
        "time|coordinates",
        lambda v: in_residual(lambda u, x: ax.material(u, (u,), ("x",), v)),
    ),
    ("Integral", "integrand", lambda v: integral(integrand=v)),
    ("Integral", "points", lambda v: integral(points=v)),
    ("Integral", "equals", lambda v: integral(equals=v)),
    ("Integral", "equals", lambda v: integral(equals=[v])),
    ("Integral", "weight", lambda v: integral(weight=v)),
    ("Integral", "exact", lambda v: integral(exact=v)),
    ("IntegroDifferential", "residual", lambda v: equation_with_integral(residual=v)),
    (
        "IntegroDifferential",
        "points",
        lambda v: problem(conditions={"a": equation_with_integral(points=v)}),
    ),
    ("IntegroDifferential", "integrand", lambda v: equation_with_integral(integrand=v)),
    ("IntegroDifferential", "over", lambda v: equation_with_integral(over=v)),
    ("IntegroDifferential", "weight", lambda v: equation_with_integral(weight=v)),
    ("Data", "points", lambda v: problem(conditions={"a": data(points=v)})),
    ("Data", "values", lambda v: data(values=v)),
    ("Data", "of", lambda v: data(of=v)),
    ("Data", "sigma", lambda v: data(sigma=v)),
    ("Data", "weight", lambda v: data(weight=v)),
    ("Paired", "residual", lambda v: ax.Paired(v, SQUARE.opposite("x").grid(3))),
    ("Paired", "points", lambda v: problem(conditions={"a": ax.Paired(lambda a, b: a.u - b.u, v)})),
    (
        "Paired",
        "points",
        lambda v: problem(conditions={"a": ax.Paired(lambda a, b: a.u - b.u, (v, v))}),
    ),
    ("Problem", "coordinates", lambda v: problem(coordinates=v)),
    ("Problem", "coordinates", lambda v: problem(coordinates=("t", v))),
    ("Problem", "fields", lambda v: problem(fields=v)),
    ("Problem", "fields", lambda v: problem(fields=("u", v))),
    ("Problem", "conditions", lambda v: problem(conditions=v)),
    ("Problem", "conditions", lambda v: problem(conditions={"here": v})),
    ("Problem", "solution", lambda v: problem(solution=v)),
    ("Problem", "solution", lambda v: train(problem=problem(solution=lambda x: v))),
    ("Problem", "evaluation", lambda v: problem(evaluation=v)),
    ("Problem", "row_scaling", lambda v: problem(row_scaling=v)),
    ("Problem", "name", lambda v: problem(name=v)),
    ("Problem", "model", lambda v: problem(model=v)),
    ("Problem", "settings", lambda v: problem(settings=v)),
    ("Problem", "unknowns", lambda v: problem(unknowns=v)),
    ("Problem", "unknowns", lambda v: problem(unknowns={"nu": v})),
    ("Unknown", "start", lambda v: ax.Unknown(v)),
    ("Unknown", "start", lambda v: ax.Unknown([v], size=1)),
    ("Unknown", "positive", lambda v: ax.Unknown(1.0, positive=v)),
    ("Unknown", "between", lambda v: ax.Unknown(0.25, between=v)),
    ("Unknown", "between", lambda v: ax.Unknown(0.25, between=(v, 2))),
    ("Unknown", "size", lambda v: ax.Unknown(0.25, size=v)),
    ("train", "problem", lambda v: train(problem=v)),
    ("train", "model", lambda v: train(model=v)),
    ("train", "steps", lambda v: train(steps=v)),
    ("train", "seconds", lambda v: train(seconds=v)),
    ("train", "seed", lambda v: train(seed=v)),
    ("train", "method", lambda v: train(method=v)),
    ("train", "cutoff", lambda v: train(method="anagram", cutoff=v)),
    ("train", "theta", lambda v: train(theta=v)),
    ("train", "device", lambda v: train(device=v)),
    ("train", "memory", lambda v: train(memory=v)),
    ("train", "scales", lambda v: train(scales=v)),
    ("train", "progress", lambda v: train(progress=v)),
    ("train", "out", lambda v: train(out=v)),
    ("train", "resume", lambda v: train(resume=v)),
    ("train", "coupled", lambda v: train(coupled=v)),
    ("train", "grow", lambda v: train(grow=v)),
    ("train", "callbacks", lambda v: train(callbacks=v)),
    ("train", "callbacks", lambda v: train(callbacks=[v])),
    ("train", "group", lambda v: train(group=v)),
    ("march", "problem", lambda v: march(problem=v)),
    ("march", "model", lambda v: march(model=v)),
    ("march", "times", lambda v: march(times=v, windows=None)),
    ("march", "times", lambda v: march(times=(0, v), windows=None)),
    ("march", "windows", lambda v: march(windows=v)),
    ("march", "coordinate", lambda v: march(coordinate=v)),
    ("march", "seed", lambda v: march(seed=v)),
    ("march", "out", lambda v: march(out=v)),
    ("march", "steps", lambda v: march(steps=v)),
    ("step", "problem", lambda v: step(problem=v)),
    ("step", "model", lambda v: step(model=v)),
    ("step", "theta", lambda v: step(theta=v)),
    ("step", "cutoff", lambda v: step(cutoff=v)),
    ("step", "search", lambda v: step(search=v)),
    ("step", "memory", lambda v: step(memory=v)),
    ("step", "seed", lambda v: step(seed=v)),
    ("step", "group", lambda v: step(group=v)),
    ("jacobian", "problem", lambda v: jacobian(problem=v)),
    ("jacobian", "model", lambda v: jacobian(model=v)),
    ("jacobian", "theta", lambda v: jacobian(theta=v)),
    ("jacobian", "seed", lambda v: jacobian(seed=v)),
    ("least_squares", "residual", lambda v: fit(residual=v)),
    ("least_squares", "residual", lambda v: fit(residual=lambda net: v)),
    ("least_squares", "module", lambda v: fit(module=v)),
    ("least_squares", "method", lambda v: fit(method=v)),
    ("least_squares", "steps", lambda v: fit(steps=v)),
    ("least_squares", "seconds", lambda v: fit(seconds=v)),
    ("least_squares", "cutoff", lambda v: fit(method="anagram", cutoff=v)),
    ("least_squares", "memory", lambda v: fit(memory=v)),
    ("least_squares", "progress", lambda v: fit(progress=v)),
    ("least_squares", "group", lambda v: fit(group=v)),
    ("regularisation_path", "problem", lambda v: path(problem=v)),
    ("regularisation_path", "model", lambda v: path(model=v)),
    ("regularisation_path", "condition", lambda v: path(condition=v)),
    ("regularisation_path", "weights", lambda v: path(weights=v)),
    ("regularisation_path", "weights", lambda v: path(weights=[v])),
    ("regularisation_path", "theta", lambda v: path(theta=v)),
    ("load", "path", lambda v: ax.load(v)),
    ("TensorBoard", "folder", lambda v: ax.TensorBoard(v)),
    ("methods.get", "name|method", lambda v: ax.methods.get(v)),
    ("anagram", "cutoff", lambda v: method("anagram", cutoff=v)),
    ("anagram", "momentum", lambda v: method("anagram", momentum=v)),
    ("anagram", "accept", lambda v: method("anagram", accept=v)),
    ("spring", "momentum", lambda v: method("spring", momentum=v)),
    ("engd", "cutoff", lambda v: method("engd", cutoff=v)),
    ("adam", "learning_rate", lambda v: method("adam", learning_rate=v)),
    ("problems.get", "name", lambda v: ax.problems.get(v)),
    ("problems.heat", "n", lambda v: ax.problems.heat(v)),
    ("problems.heat", "published", lambda v: ax.problems.heat(published=v)),
    ("problems.laplace_5d", "n", lambda v: ax.problems.laplace_5d(v)),
    ("analysis.ntk", "at", lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, v)),
    ("analysis.ntk", "points", lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), v)),
    ("analysis.ntk", "of", lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), of=v)),
    (
        "analysis.ntk",
        "component",
        lambda v: ax.analysis.ntk(PROBLEM, MODEL, THETA, (0.5, 0.5), of="here", component=v),
    ),
    (
        "analysis.nntk",
        "cutoff",
        lambda v: ax.analysis.nntk(PROBLEM, MODEL, THETA, (0, 0), cutoff=v),
    ),
    ("analysis.green", "at", lambda v: ax.analysis.green(PROBLEM, MODEL, THETA, v)),
    (
        "analysis.green",
        "field",
        lambda v: ax.analysis.green(PROBLEM, MODEL, THETA, (0, 0), field=v),
    ),
    ("analysis.green_step", "points", lambda v: ax.analysis.green_step(PROBLEM, MODEL, THETA, v)),
    ("analysis.spectrum", "theta", lambda v: ax.analysis.spectrum(PROBLEM, MODEL, v)),
    (
        "analysis.spectrum",
        "cutoff",
        lambda v: ax.analysis.spectrum(PROBLEM, MODEL, THETA, cutoff=v),
    ),
    (
        "analysis.tangent_projection",
        "values",
        lambda v: ax.analysis.tangent_projection(PROBLEM, MODEL, THETA, v),
    ),
]
