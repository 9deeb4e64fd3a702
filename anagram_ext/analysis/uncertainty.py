"""How sure a least-squares fit is of its unknowns and of its solution.

Only measurements are noisy. Rows of r are in some unit each, row i of a measurement with noise of
standard deviation nu_i in this unit, all other rows (equations, boundary values) without. One
Gauss-Newton solve moves theta by ``-J^+ r``, so noise reaches theta as

    Cov = J^+ N (J^+)^T,   N = diag(nu_i^2 on measurements, 0 elsewhere),

the covariance of the estimate over repetitions of the noise, whatever weight the training gave to
the equations. Where their weight is large against 1 / nu_i, and where every row is a measurement
with nu_i = 1, it is ``(J^T J)^-1``, whose block for the unknowns is the inverse of the Schur
complement ``J_c^T (1 - P_w) J_c`` over all weights w (as in ``covariance.h`` of Ceres Solver; Seber
& Wild, "Nonlinear Regression", Wiley 1989). ``docs/uncertainty.md`` has the details.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.analysis.estimate import LEVEL, Combination, Estimate, Sensors
from anagram_ext.analysis.features import value_features
from anagram_ext.analysis.noise import estimated_noise
from anagram_ext.analysis.reach import Reach
from anagram_ext.analysis.slices import check_apart, checked_slices, joined, places_of
from anagram_ext.checks import check_kind, check_theta, positive_and_finite
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.protocol import Linearisation

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

UNSEEN: Final = (
    1e-3  # share of an unknown in directions below the cutoff that makes it undetermined
)
_BLOCK: Final = 256  # quantities at a time


class Uncertainty:
    """Standard deviations, intervals and diagnostics of a least-squares fit near its optimum.

    Args:
        here: residual r [S] and Jacobian J [S, P] at the fitted parameters, ``linearise(theta)`` of
            any system; J is taken over, linearise again for another use.
        theta: the parameters [P].
        unknowns: the slices of theta to report on, by name, if any; everything else are weights.
        measurements: the rows of each group of noisy measurements, by name; other rows are exact.
        noise: for each group the standard deviation of its rows, in the unit that the rows are in
            (1 for rows divided by sigma); None: the same for all rows of the group, estimated.
        cutoff: singular values of J with columns of unit length at or below are not trusted.
        features: ``d u / d theta`` [m, n, P] at points [n, d], for ``field``.

    Attributes:
        noise: by group the standard deviation of a row, given or estimated.
        degrees_of_freedom: residual degrees of freedom of all measurements; infinite if no noise is
            estimated.

    Raises:
        TypeError: an argument of another kind.
        ValueError: a slice out of range or empty, groups that overlap, noise that is not positive,
            or noise that cannot be estimated because the fit leaves no freedom.
        NonFiniteError: J holds NaN or infinity.
    """

    def __init__(
        self,
        here: Linearisation[Jacobian],
        theta: Tensor,
        unknowns: Mapping[str, slice],
        measurements: Mapping[str, slice],
        noise: Mapping[str, float | None],
        *,
        cutoff: float | Cutoff = 1e-12,
        features: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        check_kind("here", here, Linearisation, "a Linearisation")
        check_theta(
            theta, (here.jacobian.shape[1],), here.residual.dtype, str(here.residual.device)
        )
        self._residual, self._theta, self._features = here.residual, theta, features
        self._unknowns = checked_slices("unknowns", unknowns, len(theta))
        groups = checked_slices("measurements", measurements, len(here.residual))
        if not groups:
            raise ValueError("measurements must name at least one group of rows, got none")
        check_apart("measurements", groups)
        self._places = joined(self._unknowns)  # [c] in theta
        self._rows = joined(groups)  # [n] measured rows
        self._reach = Reach(here.jacobian, self._rows, Cutoff.of(cutoff))
        measured = self._residual[self._rows]
        found = estimated_noise(measured, self._reach.basis, places_of(groups), noise)
        self.noise: Mapping[str, float] = found.by_group
        self.degrees_of_freedom = found.degrees_of_freedom
        self._noise = found

    @classmethod
    def of_problem(
        cls,
        problem: Problem,
        model: Model,
        theta: Tensor,
        unknowns: Mapping[str, slice],
        noise: Mapping[str, float | None],
        *,
        seed: int = 0,
    ) -> Uncertainty:
        """The uncertainty of a trained problem.

        Args:
            problem: the conditions.
            model: a network from the problem's coordinates to its fields.
            theta: fitted parameters [P].
            unknowns: slices of theta by name, as in ``model.layout``.
            noise: standard deviation of the residual of each condition that is measured, in the
                unit of the residual as the condition returns it; None where it is to be estimated.
                All other conditions are exact.
            seed: of the points of sampled conditions.

        Raises:
            TypeError, ValueError, NonFiniteError: as for the class, or an unknown condition.
        """
        system = PdeSystem(problem, model, seed)
        strangers = [name for name in noise if name not in system.row_slices]
        if strangers:
            known = tuple(system.row_slices)
            raise ValueError(f"noise must be of conditions out of {known}, got {strangers[0]!r}")
        rows = {name: system.row_slices[name] for name in noise}
        scales = {name: _row_scale(problem, name) for name in noise}
        in_rows = {name: s if s is None else s * scales[name] for name, s in noise.items()}
        found = cls(
            system.linearise(theta),
            theta,
            unknowns,
            rows,
            in_rows,
            features=lambda points: value_features(problem, model, theta, points),
        )
        found.noise = {name: std / scales[name] for name, std in found.noise.items()}
        return found

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={e}" for name, e in self.estimates.items())
        return f"Uncertainty({found})"

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each entry of the unknowns: ``"nu"``, or ``"k[2]"`` for one of several."""
        return tuple(
            name if len(places) == 1 else f"{name}[{i}]"
            for name, places in self._unknowns.items()
            for i in range(len(places))
        )

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Every entry of the unknowns with standard deviation and 95 % interval."""
        values = self._theta[self._places].tolist()
        stds = self.standard_deviations.tolist()
        return {
            name: self._estimate(value, std)
            for name, value, std in zip(self.names, values, stds, strict=True)
        }

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of one entry."""
        try:
            return self.estimates[name]
        except KeyError:
            raise ValueError(f"name must be one of {self.names}, got {name!r}") from None

    @cached_property
    def covariance(self) -> Tensor:
        """Of the entries of the unknowns [c, c], in what the kept directions see of them."""
        reached = self._reached(self._reach.unit_vectors(self._places))
        return reached @ reached.T

    @property
    def standard_deviations(self) -> Tensor:
        """[c]; infinite for an entry that is not determined."""
        stds = self.covariance.diagonal().sqrt()
        unseen = self._reach.unseen(self._places).diagonal() > UNSEEN**2
        return torch.where(unseen, torch.full_like(stds, math.inf), stds)

    def correlation(self) -> Tensor:
        """Correlations [c, c] between the entries; nan where one is not determined or exact."""
        stds = self.standard_deviations
        correlation: Tensor = self.covariance / torch.outer(stds, stds)
        finite = torch.isfinite(stds) & (stds > 0)
        correlation[~finite, :] = math.nan
        correlation[:, ~finite] = math.nan
        return correlation

    def unidentified(self, worse_than: float = 1.0) -> list[Combination]:
        """Combinations of unknowns that measurements and equations together do not determine.

        Entries are taken in units of their size (of 1 where they are zero). Near-null right
        singular vectors of J, restricted to the unknowns, come first, with infinite standard
        deviation; then what is known to no better than ``worse_than`` times its size.
        """
        values = self._theta[self._places].abs()
        size = torch.where(values > 0, values, torch.ones_like(values))
        # In units of size an entry e has the unit vector size * e; null shares are free of units.
        shares, vectors = torch.linalg.eigh(self._reach.unseen(self._places))
        lost = vectors[:, shares > UNSEEN**2] / (self._reach.units[self._places] * size)[:, None]
        nulls = torch.linalg.qr(lost).Q  # [c, l]: they cannot move, whatever the unit
        found = [self._combination(v, math.inf) for v in nulls.T]
        rest = torch.linalg.svd(nulls, full_matrices=True).U[:, nulls.shape[1] :]  # [c, c - l]
        scaled = self.covariance / torch.outer(size, size)
        variances, within = torch.linalg.eigh(rest.T @ scaled @ rest)
        for variance, v in zip(variances.flip(0), within.flip(1).T, strict=True):
            std = math.sqrt(max(float(variance), 0.0))
            if std > worse_than:
                found.append(self._combination(rest @ v, std))
        return found

    def field(self, points: Tensor) -> Tensor:
        """Standard deviation [n, m] of the fields at points [n, d], from the noise alone.

        Raises:
            ValueError: ``features`` were not given.
        """
        if self._features is None:
            raise ValueError("features must be given for the uncertainty of a field, got None")
        features = self._features(points)  # [m, n, P]
        return torch.stack([self.propagated(rows) for rows in features], dim=1)

    def propagated(self, rows: Tensor) -> Tensor:
        """Standard deviation [n] of quantities with derivatives [n, P] in theta.

        Raises:
            TypeError: ``rows`` is no tensor.
            ValueError: it has another shape.
        """
        self._check_rows(rows)
        parts = torch.split(rows, _BLOCK)
        return torch.cat([torch.linalg.vector_norm(self._reached(p), dim=1) for p in parts])

    @property
    def effective_parameters(self) -> float:
        """How many parameters the measurements determine: the sum of their leverages."""
        return float(self.leverage.sum())

    @property
    def leverage(self) -> Tensor:
        """How much each measurement pulls the fit towards itself, [n] between 0 and 1.

        In the order of the groups: the diagonal of the hat matrix ``U_k U_k^T``.
        """
        return self._reach.basis.square().sum(dim=1)

    @cached_property
    def studentised_residuals(self) -> Tensor:
        """The residual of each measurement over its own standard deviation, [n].

        Of a measurement that fits the others it is a draw of the normal distribution, for
        estimated noise of Student's; beyond 3 or 4 it is an outlier. The noise is estimated without
        the measurement itself, so that an outlier does not hide behind the noise that it feigns
        (externally studentised residuals; Cook & Weisberg, "Residuals and Influence in
        Regression", 1982). nan where the fit passes through the measurement whatever its value.
        """
        std = self._noise.residual_std(self._reach.basis)
        free = std > 1e-6 * self._noise.per_row
        scaled = self._residual[self._rows] / torch.where(free, std, torch.full_like(std, math.nan))
        dof = self.degrees_of_freedom
        if math.isinf(dof):
            return scaled
        return scaled * ((dof - 1) / (dof - scaled.square()).clamp(min=1e-12)).sqrt()

    def next_sensor(self, rows: Tensor, noise: float) -> Sensors:
        """Which further measurement would tell most about the unknowns.

        Args:
            rows: derivatives [m, P] in theta of what each candidate would measure, such as
                ``d u(x) / d theta``.
            noise: standard deviation of its noise, in the same unit.

        Raises:
            TypeError: an argument of another kind.
            ValueError: an unknown is not determined yet, ``noise`` is not positive, or rows of
                another length.
        """
        noise = positive_and_finite("noise", noise)
        self._check_rows(rows)
        undetermined = ~torch.isfinite(self.standard_deviations)
        if bool(undetermined.any()):
            name = self.names[int(undetermined.nonzero()[0, 0])]
            raise ValueError(f"unknowns must be determined already, which {name!r} is not")
        unknowns = self._reached(self._reach.unit_vectors(self._places))  # [c, n]
        candidates = self._reached(rows)  # [m, n]
        cross = candidates @ unknowns.T  # [m, c]
        explained = (cross * torch.linalg.solve(self.covariance, cross.T).T).sum(dim=1)
        total = noise**2 + candidates.square().sum(dim=1)
        gains = -0.5 * torch.log1p(-explained / total)
        return Sensors(int(gains.argmax()), gains)

    def _check_rows(self, rows: Tensor) -> None:
        """Raises unless rows [n, P] are derivatives in theta."""
        check_kind("rows", rows, torch.Tensor, "a tensor [n, P]")
        if rows.ndim != 2 or rows.shape[1] != len(self._theta):
            wanted = f"[n, {len(self._theta)}]"
            raise ValueError(f"rows must have shape {wanted}, got {list(rows.shape)}")

    def _reached(self, rows: Tensor) -> Tensor:
        """``rows J^+ N^1/2`` [q, n]: how the noise reaches quantities with derivatives [q, P]."""
        return self._reach.of(rows) * self._noise.per_row

    def _estimate(self, value: float, std: float) -> Estimate:
        from scipy import stats

        quantile = (
            stats.norm.ppf(0.5 + LEVEL / 2)
            if math.isinf(self.degrees_of_freedom)
            else stats.t.ppf(0.5 + LEVEL / 2, self.degrees_of_freedom)
        )
        half = float(quantile) * std
        return Estimate(value, std, (value - half, value + half))

    def _combination(self, v: Tensor, std: float) -> Combination:
        v = v / v.norm() * torch.sign(v[v.abs().argmax()])
        return Combination(dict(zip(self.names, v.tolist(), strict=True)), std)


def _row_scale(problem: Problem, name: str) -> float:
    """The factor sqrt(w_b / n_b) of the rows of a condition."""
    weight = problem.conditions[name].weight
    if problem.row_scaling == "none":
        return math.sqrt(weight)
    return math.sqrt(weight / problem.conditions[name].n_points)
