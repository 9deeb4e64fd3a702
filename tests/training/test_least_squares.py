"""least_squares: against SciPy, with every method, in place, errors that say what to do."""

from __future__ import annotations

import math
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import torch
from torch import nn

import anagram_ext as ax
from anagram_ext.methods import Stop

TIMES = torch.linspace(0, 5, 120, dtype=torch.float64)
NOISE = torch.randn(120, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
DATA = 2.5 * torch.exp(-1.3 * TIMES) + 0.5 + 0.05 * NOISE


class Decay(nn.Module):
    def __init__(self, a=1.0, k=0.2, c=0.0):
        super().__init__()
        for name, value in {"a": a, "k": k, "c": c}.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))

    def forward(self, t):
        return self.a * torch.exp(-self.k * t) + self.c


def misfit(net):
    return net(TIMES) - DATA


def curve(t, a, k, c):
    return a * np.exp(-k * t) + c


def fitted(module=None, **options):
    module = Decay() if module is None else module
    return ax.least_squares(misfit, module, **({"progress": False} | options))


def test_curve_fit_of_scipy():
    module = Decay()
    fit = fitted(module)
    expected, covariance = scipy.optimize.curve_fit(
        curve, TIMES.numpy(), DATA.numpy(), p0=[1, 0.2, 0], jac=None, xtol=1e-14, ftol=1e-14
    )
    # Its derivatives are differences: good to 1e-8.
    np.testing.assert_allclose(fit.theta, expected, rtol=1e-7)
    np.testing.assert_allclose(fit.covariance(), covariance, rtol=1e-5)
    assert fit.stop is Stop.CONVERGED
    assert fit.verdict.startswith("a minimum")
    assert fit.steps < 20
    assert fit.rank == 3
    for i, name in enumerate("akc"):
        assert fit.parameters[name].shape == ()
        assert float(fit.std[name]) == pytest.approx(math.sqrt(covariance[i, i]), rel=1e-5)
        assert torch.equal(getattr(module, name).detach(), fit.parameters[name])
    assert fit.loss == pytest.approx(0.5 * float(misfit(module).detach().square().sum()), rel=1e-12)
    torch.testing.assert_close(fit.residual, misfit(module).detach(), rtol=1e-12, atol=1e-14)


def test_known_errors_of_the_data():
    sigma = torch.linspace(0.03, 0.1, 120, dtype=torch.float64)
    fit = ax.least_squares(lambda net: misfit(net) / sigma, Decay(), progress=False)
    _, covariance = scipy.optimize.curve_fit(
        curve, TIMES.numpy(), DATA.numpy(), p0=[1, 0.2, 0], sigma=sigma.numpy(), absolute_sigma=True
    )
    np.testing.assert_allclose(fit.covariance(variance=1.0), covariance, rtol=1e-4)


def test_error_bars_mean_what_they_say():
    """Over 100 repetitions the estimates scatter as one fit says; 5 standard errors."""
    rng = torch.Generator().manual_seed(1)
    truth = Decay(2.5, 1.3, 0.5)
    scaled = []
    for _ in range(100):
        noise = 0.05 * torch.randn(120, generator=rng, dtype=torch.float64)
        data = truth(TIMES).detach() + noise
        module = Decay(2.4, 1.2, 0.4)
        fit = ax.least_squares(
            lambda net, data=data: net(TIMES) - data, module, "levenberg_marquardt", progress=False
        )
        std = torch.stack([fit.std[name] for name in "akc"])
        scaled.append((fit.theta - torch.tensor([2.5, 1.3, 0.5]).double()) / std)
    deviations = torch.stack(scaled)
    assert bool((deviations.mean(dim=0).abs() < 5 / 100**0.5).all())
    assert bool((deviations.std(dim=0) - 1).abs().max() < 5 / 200**0.5)


def test_least_squares_of_scipy():
    """The extended Rosenbrock function as a module: a curved valley, a minimum of zero."""

    class Point(nn.Module):
        def __init__(self):
            super().__init__()
            self.v = nn.Parameter(torch.tensor([-1.2, 1.0] * 5, dtype=torch.float64))

    def residual(net):
        x, y = net.v[0::2], net.v[1::2]
        return 1 - x, 10 * (y - x**2)

    module = Point()
    fit = ax.least_squares(residual, module, progress=False)
    expected = scipy.optimize.least_squares(
        lambda v: np.concatenate([1 - v[0::2], 10 * (v[1::2] - v[0::2] ** 2)]),
        [-1.2, 1.0] * 5,
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    np.testing.assert_allclose(module.v.detach(), expected.x, atol=1e-12)
    assert fit.stop is Stop.ROUND_OFF
    assert fit.verdict.startswith("exact")
    assert (
        not any(bool(torch.isfinite(part).any()) for part in fit.std.values()) or fit.loss < 1e-20
    )


@pytest.mark.parametrize("method", [m for m in ax.methods.names() if m not in {"adam", "gd"}])
def test_every_method_finds_the_minimum(method):
    best = fitted().loss
    fit = fitted(method=method, steps=200)
    assert fit.method in {method, "anagram"}
    assert fit.loss <= best * (1 + 1e-9)


@pytest.mark.parametrize("method", ["adam", "gd"])
def test_first_order_methods_descend(method):
    fit = fitted(method=method, steps=100)
    assert fit.loss < 0.8 * fit.history["loss"][0]
    assert fit.history["step"][-1] == fit.steps


def test_streamed_is_stored():
    stored, streamed = fitted(memory="stored"), fitted(memory="streamed")
    torch.testing.assert_close(streamed.theta, stored.theta, rtol=1e-9, atol=0)
    torch.testing.assert_close(streamed.covariance(), stored.covariance(), rtol=1e-7, atol=0)


def test_history_and_best_iterate():
    fit = fitted(method="lbfgs", steps=12)
    history = fit.history
    assert list(history["step"]) == [0, 10, fit.steps]
    assert history["loss"][0] == 0.5 * float(misfit(Decay()).detach().square().sum())
    assert fit.loss <= history["loss"].min()
    assert bool((np.diff(history["evaluations"]) > 0).all())


def test_undetermined_parameters_have_no_finite_error_bar():
    class Twice(Decay):
        def __init__(self):
            super().__init__()
            self.extra = nn.Parameter(torch.zeros(2, dtype=torch.float64))

        def forward(self, t):
            return super().forward(t) + self.extra[0]  # beside c; extra[1] is unused

    fit = fitted(Twice())
    assert fit.rank == 3
    expected = fitted()
    assert math.isinf(float(fit.std["c"]))
    assert bool(torch.isinf(fit.std["extra"]).all())
    assert float(fit.std["a"]) == pytest.approx(float(expected.std["a"]), rel=1e-5)
    assert "c, extra may change" in fit.verdict


def test_as_many_parameters_as_data():
    fit = ax.least_squares(lambda net: net(TIMES[::60]) - DATA[::60], Decay(), progress=False)
    assert math.isinf(fit.covariance()[0, 0])
    assert all(math.isinf(float(part)) for part in fit.std.values())
    assert bool(torch.isfinite(fit.covariance(variance=1.0)).all())


class Twice(nn.Module):
    """The same layer at two places."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(1, 6), nn.Linear(6, 1)
        self.inner, self.again = nn.Linear(6, 6), nn.Linear(6, 6)
        self.again.weight = self.inner.weight
        self.double()

    def forward(self, x):
        return self.last(torch.tanh(self.again(torch.tanh(self.inner(torch.tanh(self.first(x)))))))


class Branches(nn.Module):
    """DeepONet-like: functions by their values at sensors, and places."""

    def __init__(self):
        super().__init__()
        make = lambda d: nn.Sequential(nn.Linear(d, 8), nn.Tanh(), nn.Linear(8, 6)).double()
        self.branch, self.trunk = make(5), make(1)

    def forward(self, functions, places):
        return self.branch(functions) @ self.trunk(places).T


def images():
    """Small images, and the means of a part of them."""
    images = torch.rand(40, 1, 6, 6, dtype=torch.float64)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 1)).double()
    return net, lambda net: net(images)[:, 0] - images[:, 0, 1:4, 1:4].mean(dim=(1, 2)) ** 2


def antiderivatives():
    """Of parabolas, from their values at sensors."""
    a, b = torch.rand(2, 20, 1, dtype=torch.float64)
    at, x = (torch.linspace(0, 1, n, dtype=torch.float64) for n in (5, 11))
    given, wanted = a + b * at**2, a * x + b * x**3 / 3
    return Branches(), lambda net: net(given, x[:, None]) - wanted


def waves():
    """A sine."""
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    return Twice(), lambda net: net(x) - torch.sin(3 * x)


@pytest.mark.parametrize("make", [images, antiderivatives, waves])
def test_modules_of_many_kinds_are_fitted(make):
    """Convolutions, two networks that meet, tied weights: by natural_lm."""
    torch.manual_seed(0)
    module, residual = make()
    fit = ax.least_squares(residual, module, steps=15, progress=False)
    assert fit.loss < 1e-6 * fit.history["loss"][0]
    named = dict(module.named_parameters())  # tied ones once
    assert torch.equal(torch.cat([p.detach().reshape(-1) for p in named.values()]), fit.theta)
    with torch.no_grad():
        assert float(residual(module).square().sum()) / 2 == pytest.approx(fit.loss, rel=1e-6)
    if isinstance(module, Twice):
        assert module.again.weight is module.inner.weight


def test_dropout_has_to_be_switched_off():
    module = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 1)).double()
    x = torch.linspace(-1, 1, 30, dtype=torch.float64)[:, None]
    with pytest.raises(ValueError, match=r"same values twice.*module\.eval\(\)"):
        ax.least_squares(lambda net: net(x) - x**2, module, progress=False)
    fit = ax.least_squares(lambda net: net(x) - x**2, module.eval(), steps=15, progress=False)
    assert fit.loss < 1e-6 * fit.history["loss"][0]


def test_frozen_parameters_and_buffers_stay():
    module = Decay(c=0.45)
    module.c.requires_grad_(False)
    fit = fitted(module)
    assert float(module.c) == 0.45
    assert list(fit.parameters) == ["a", "k"]
    expected, _ = scipy.optimize.curve_fit(
        lambda t, a, k: curve(t, a, k, 0.45), TIMES.numpy(), DATA.numpy(), p0=[1, 0.2]
    )
    np.testing.assert_allclose(fit.theta, expected, rtol=1e-6)


def test_inside_no_grad_and_inference_mode():
    expected = fitted().theta
    with torch.no_grad():
        assert torch.equal(fitted().theta, expected)
    module = Decay()
    with torch.inference_mode():
        fit = fitted(module)
        assert torch.equal(fit.theta, expected)
        assert bool(torch.isfinite(fit.covariance()).all())
    assert torch.equal(module.a.detach(), expected[0])


def test_limits_are_kept():
    assert fitted(steps=2).stop is Stop.STEPS_REACHED
    fit = fitted(method="adam", seconds=0.05)
    assert fit.stop is Stop.TIME_REACHED
    assert 0.05 <= fit.seconds < 5


@pytest.fixture
def ctrl_c_works():
    """A test run in the background of a shell inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_works")
def test_ctrl_c_keeps_the_best_iterate():
    module = Decay()
    calls = []

    def residual(net):
        calls.append(1)
        if len(calls) == 400:
            assert threading.current_thread() is threading.main_thread()
            signal.raise_signal(signal.SIGINT)
        return misfit(net)

    fit = ax.least_squares(residual, module, "adam", progress=False)
    assert fit.stop is Stop.INTERRUPTED
    assert fit.loss < 0.9 * fit.history["loss"][0]
    assert torch.equal(module.a.detach(), fit.theta[0])


def test_a_residual_that_stops_being_finite():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(torch.tensor([1.0], dtype=torch.float64))

    module = Root()
    fit = ax.least_squares(
        lambda net: torch.where(net.x > 0.5, net.x + 1, math.nan), module, "adam", progress=False
    )
    assert fit.stop is Stop.NOT_FINITE
    assert 0.5 < float(module.x.detach()) < 0.6
    with pytest.raises(ax.NonFiniteError, match="residual is nan"):
        ax.least_squares(lambda net: net.x * math.nan, Root(), progress=False)


def test_progress_goes_to_stderr(capsys):
    fitted(progress=True)
    captured = capsys.readouterr()
    assert "loss" in captured.err
    assert not captured.out


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "newton"}, ValueError, "unknown method 'newton'"),
        ({"method": 3}, TypeError, "method must be a name or a Method, got 3"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 1.5}, TypeError, "steps must be an integer, got 1.5"),
        ({"seconds": -1}, ValueError, "seconds must be positive and finite, got -1"),
        ({"seconds": "long"}, TypeError, "seconds must be a number, got 'long'"),
        ({"cutoff": 1e-3}, ValueError, "cutoff must be left out"),
        ({"memory": "disk"}, ValueError, "memory must be one of"),
        ({"module": 3}, TypeError, r"module must be a torch.nn.Module, got 3"),
    ],
)
def test_nonsense(options, error, message):
    module = Decay()
    with pytest.raises(error, match=message):
        fitted(**({"module": module} | options))
    assert float(module.a.detach()) == 1.0


def test_a_variance_is_positive():
    fit = fitted()
    with pytest.raises(ValueError, match="variance must be positive and finite, got 0"):
        fit.covariance(0)
    with pytest.raises(TypeError, match="variance must be a number, got 'x'"):
        fit.covariance("x")


def test_the_page_runs_as_printed(capsys):
    page = (Path(__file__).parents[2] / "docs" / "least_squares.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- executed by .*?-->\n```python\n(.*?)```", page, flags=re.DOTALL)
    assert found is not None
    names = {}
    exec(compile(found.group(1), "least_squares.md", "exec"), names)
    assert capsys.readouterr().out.startswith("a minimum")
    fit = names["fit"]
    assert abs(float(fit.parameters["rate"]) - 0.7) < 3 * float(fit.std["rate"])
    assert torch.equal(names["module"].rate.detach(), fit.parameters["rate"])


def test_it_draws_how_the_loss_fell(tmp_path):
    fit = fitted()
    figure = fit.plot(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").stat().st_size > 0
    assert figure.get_suptitle() == "Decay, natural_lm"
    step, seconds = figure.axes
    for axes, horizontal in ((step, "step"), (seconds, "seconds")):
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), fit.history[horizontal])
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), fit.history["loss"])


def test_on_every_device(device):
    """Parameters, residual and result are where the module is."""
    module = Decay()
    for name, parameter in list(module.named_parameters()):
        setattr(module, name, nn.Parameter(parameter.detach().to(device)))
    times, data = TIMES.to(device), DATA.to(device)
    fit = ax.least_squares(lambda net: net(times) - data, module, progress=False)
    assert fit.theta.device.type == module.a.device.type == fit.std["a"].device.type == device
    torch.testing.assert_close(fit.theta.cpu(), fitted().theta, rtol=1e-9, atol=0)
