"""Neurons made anew in the first steps of a run, while there is time to make use of them.

In its first steps ``natural_lm`` loses a third of the neurons of some networks: they saturate, or
their weights into the next layer vanish, and J hardly sees them from then on. What is left has to
do without them: in more dimensions some direction of the solution then gets few neurons, and the
run stands still decades above others. So now and then, while the rest finds its place, those that
hardly matter get the weights of others (``anagram_ext.models.renewing``). Not those of parameters
that are given: the next window of time, or a run that goes on, begins with what others have found,
and what a neuron of little weight adds to that is more than it lacks. Measured in docs/adr/066.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anagram_ext.geometry.held_out import evaluation_points
from anagram_ext.models.protocol import Renewing

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem

AFTER: Final = tuple(range(5, 41, 5))  # steps
FEWEST_COORDINATES: Final = 3  # in two dimensions no direction goes short


def renewed(system: PdeSystem, theta: Tensor, steps: int) -> Tensor:
    """The parameters to go on with after so many steps.

    Args:
        system: the least-squares problem.
        theta: the latest iterate, [P].
        steps: done so far.

    Returns:
        ``theta`` itself where nothing is to be done: at other steps, in fewer dimensions, for
        points that are redrawn (not tried), and for a model that cannot.
    """
    few = len(system.problem.coordinates) < FEWEST_COORDINATES
    if steps not in AFTER or few or system.redrawn or not isinstance(system.model, Renewing):
        return theta
    conditions = system.problem.conditions.values()
    points = evaluation_points(condition.places_for(0) for condition in conditions)
    new, count = system.model.renewed(theta, points.to(theta), seed=steps)
    return new if count else theta
