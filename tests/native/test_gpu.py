"""What only a real GPU can show of the Python side: copies, streams, memory."""

from __future__ import annotations

import json

import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.solve import factorise
from spectra import decay, prescribed

pytestmark = pytest.mark.gpu


@pytest.mark.filterwarnings("default")  # torch's profiler has its own
def test_a_step_copies_little_to_the_host(gpu, tmp_path):
    problem = ax.problems.heat()
    model = ax.MLP([2, 64, 1], device=gpu)
    theta = model.init(0)
    ax.step(problem, model, theta)  # libraries, dry runs, buffers
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        ax.step(problem, model, theta)
        torch.cuda.synchronize()
    profile.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    copied = [event["args"]["bytes"] for event in events if "DtoH" in event.get("name", "")]
    assert copied, "the profiler saw no copy at all, though losses are read"
    # J takes 1.8 MB. Small matrices of the solve, of up to 129 columns, may come along.
    assert sum(copied) < 450_000


def test_the_solve_goes_to_the_current_stream(gpu):
    matrix = prescribed(300, 120, decay(60, 1e-6), device=gpu)
    r = torch.ones(300, dtype=torch.float64)
    torch.cuda.synchronize()  # J is made on another stream
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        direction = factorise(2 * matrix.J).direction(r.to(gpu), 1e-3)
        found = 2 * direction
    stream.synchronize()
    rank = int((matrix.sigma > 1e-3).sum())
    error = float((found.cpu() - matrix.direction(r, rank)).norm())
    assert error <= matrix.error_bound(r, rank, 2.0**-52)


def test_a_jacobian_larger_than_the_gpu_names_the_way_out(gpu):
    model = ax.MLP([2, 512, 512, 1], device=gpu)
    _, total = torch.cuda.mem_get_info()
    n = 2 * total // (8 * model.n_parameters)
    condition = ax.Condition(lambda u, x: u, ax.Box(x=(0, 1), y=(0, 1)).uniform(n))
    problem = ax.Problem(("x", "y"), ("u",), {"all": condition})
    with pytest.raises(ax.OutOfMemoryError, match=r"needs .* GB; cuda:0 has .* free .*streamed"):
        ax.jacobian(problem, model, model.init(0))
    torch.cuda.empty_cache()
