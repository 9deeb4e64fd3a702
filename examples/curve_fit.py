"""
Curve fitting: a decay with error bars
======================================

Any ``torch.nn.Module`` and any residual: the parameters of a decaying oscillation from noisy
measurements, with their standard deviations. The module starts from its own parameters and keeps
the best ones.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from torch import nn

import anagram_ext as ax

torch.manual_seed(0)
TRUTH = {"amplitude": 2.0, "rate": 0.4, "frequency": 3.0, "offset": 0.5}


class Oscillation(nn.Module):
    """A decaying oscillation around an offset."""

    def __init__(self, **start: float) -> None:
        super().__init__()
        for name, value in start.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))

    def forward(self, t):
        """The values at times t [n]."""
        wave = self.amplitude * torch.exp(-self.rate * t) * torch.cos(self.frequency * t)
        return wave + self.offset


times = torch.linspace(0, 6, 200, dtype=torch.float64)
noise = 0.1 * torch.randn(200, dtype=torch.float64)
data = Oscillation(**TRUTH)(times).detach() + noise

curve = Oscillation(amplitude=1.0, rate=1.0, frequency=2.7, offset=0.0)
fit = ax.least_squares(lambda curve: curve(times) - data, curve, progress=False)

print(fit.verdict)
for name, value in fit.parameters.items():
    print(f"{name:10} {float(value):7.4f} +- {float(fit.std[name]):.4f}   true {TRUTH[name]}")

# How far off, in standard deviations, the worst of the four is.
error = max(abs(float(fit.parameters[name]) - TRUTH[name]) / float(fit.std[name]) for name in TRUTH)
print(f"off by at most {error:.1f} standard deviations")

# %%
# The measurements and the fit.

fig, panel = plt.subplots(figsize=(6, 3), layout="constrained")
panel.plot(times, data, ".", markersize=4)
panel.plot(times, curve(times).detach())
panel.set_xlabel("t")
