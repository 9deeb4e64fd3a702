"""What only a real GPU can show of the Python side: copies, streams, memory."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

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


def test_a_graph_in_capture_is_refused(gpu):
    J = prescribed(80, 40, decay(30, 1e-6), device=gpu).J
    singular_values = factorise(J).singular_values
    with torch.cuda.graph(torch.cuda.CUDAGraph()), pytest.raises(ax.CudaError, match="captured"):
        factorise(J)
    assert torch.equal(factorise(J).singular_values, singular_values)


def test_two_networks_in_two_threads(gpu):
    def steps(width):
        problem, model = ax.problems.heat(), ax.MLP([2, width, 1], device=gpu)
        theta = model.init(0)
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(5):
                theta = ax.step(problem, model, theta).theta
            return theta.cpu()

    widths = (24, 40)
    expected = [steps(width) for width in widths]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert all(map(torch.equal, pool.map(steps, widths), expected))


def test_the_second_gpu_is_used_where_it_is_named(gpu):
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU")
    problem = ax.problems.heat()
    thetas = []
    for device in (gpu, "cuda:1"):
        model = ax.MLP([2, 24, 1], device=device)
        theta = ax.step(problem, model, model.init(0)).theta
        assert theta.device.index == int(device == "cuda:1")
        assert torch.cuda.current_device() == 0
        thetas.append(theta.cpu())
    assert torch.equal(*thetas)


def test_after_memory_ran_out_everything_works(gpu):
    problem, model = ax.problems.heat(), ax.MLP([2, 24, 1], device=gpu)
    theta = model.init(0)
    expected = ax.step(problem, model, theta).theta
    _, total = torch.cuda.mem_get_info()
    # Of full rank: the solve takes more than J besides it, and that more than our pool may keep.
    rows = total // (12 * 2000 * 8)
    J = torch.randn(rows, 2000, dtype=torch.float64, device=gpu)
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(free - (64 << 20), dtype=torch.uint8, device=gpu)
    with pytest.raises(ax.OutOfMemoryError, match="needed"):
        factorise(J)
    del taken
    assert factorise(J).rank(1e-3) == 2000  # torch has kept that memory, and gives it back
    assert torch.equal(ax.step(problem, model, theta).theta, expected)
    torch.cuda.empty_cache()
