"""The Python side of ``device="cuda"``, run on a GPU that is not there: see `pretend_cuda`.

All numbers have to be those of the CPU to the last bit, because the CPU engine computes them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext import methods
from anagram_ext.linear.damped import Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.solve import factorise, factorise_tiles
from anagram_ext.native import plan
from anagram_ext.native.cuda import cuda_module
from anagram_ext.systems.pde_system import PdeSystem
from pretend_cuda import STREAM, PretendGpu, host_bytes, pretended_gpu, uploads

FEW = 5000  # bytes that a step may read from the GPU: losses, norms, ranks, 8 x 8 matrices


def heat(device):
    problem = ax.problems.heat(n=8)
    return problem, ax.MLP([2, 8, 1], device=device)


def on_both(work):
    """What `work` returns with the CPU and with the GPU, the latter moved to the CPU."""
    expected = work("cpu")
    with pretended_gpu():
        found = work("cuda")
        return expected, found.cpu() if isinstance(found, torch.Tensor) else found


def test_the_pretence_has_the_rules_of_a_gpu():
    here = torch.ones(3)
    with pretended_gpu():
        there = here.to("cuda", torch.float64)
        assert there.device == (2 * there.new_zeros(3)).device == torch.device("cuda:0")
        assert torch.zeros(3, device="cuda").is_cuda
        for mix in (lambda: here + there, lambda: there @ here, lambda: torch.stack([here, there])):
            with pytest.raises(RuntimeError, match="same device"):
                mix()
        with pytest.raises(TypeError, match="can't convert cuda:0"):
            np.asarray(there)
        assert (float(there.sum()), there.tolist(), sum(host_bytes)) == (3.0, [1.0] * 3, 8 + 24)
        assert uploads == ["to"]  # of `there`, above
        here.to("cuda", non_blocking=True)
        assert uploads == ["to"]
        torch.tensor([1.0], device="cuda"), there.new_tensor([1.0])
        assert uploads == ["to", "tensor", "new_tensor"]
        before = len(host_bytes)
        torch.linalg.cholesky_ex(torch.diag(there)), there.masked_fill(there > 0, 2.0)
        assert len(host_bytes) == before
        torch.linalg.cholesky(torch.diag(there)), there.nonzero(), there[there > 0]
        assert len(host_bytes) == before + 3  # each looks at its own outcome
        assert plan.stream_of(there.device) == (STREAM,)
    assert plan.stream_of(here.device) == ()


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_a_step_is_that_of_the_cpu_and_reads_next_to_nothing(memory):
    reads = []

    def step(device):
        problem, model = heat(device)
        theta = model.init(0)
        ax.step(problem, model, theta, memory=memory)  # the dry run of the residuals reads more
        host_bytes.clear()
        uploads.clear()
        found = ax.step(problem, model, theta, memory=memory).theta
        reads.append((len(host_bytes), len(uploads)))
        return found

    assert torch.equal(*on_both(step))
    assert 0 < sum(host_bytes) < FEW
    # Loss, search. The native side waits twice more where one sketch does
    # (test_emulated_factorise.cpp): four times in all.
    assert reads == [(0, 0), (2, 0)]


def test_derivatives_that_are_not_finite_are_named_as_on_the_cpu():
    def messages(device):
        found = []
        for residual, problem in (
            (lambda u, x: torch.sqrt(u * 0) + x.x, "derivative of the residual"),
            (lambda u, x: u / (x.x - x.x), "residual"),
        ):
            box = ax.Box(x=(0, 1))
            conditions = {"all": ax.Condition(residual, box.grid(5))}
            model = ax.MLP([1, 4, 1], device=device)
            bad = ax.Problem(("x",), ("u",), conditions)
            for call in (ax.jacobian, ax.step):
                with pytest.raises(ax.NonFiniteError, match=f"'all': {problem} is not") as caught:
                    call(bad, model, model.init(0))
                found.append(str(caught.value))
        return found

    expected, found = on_both(messages)
    assert found == expected


@pytest.mark.parametrize("name", methods.names())
def test_the_steps_of_a_method_are_those_of_the_cpu_and_read_next_to_nothing(name):
    def two_steps(device):
        problem, model = heat(device)
        method = methods.get(name)()
        method.start(PdeSystem(problem, model), model.init(0))
        host_bytes.clear()
        uploads.clear()
        method.step()
        return method.step().theta

    assert torch.equal(*on_both(two_steps))
    assert 0 < sum(host_bytes) < 2 * FEW
    assert not uploads


MOST_READS = {  # of a step
    "adam": 1,
    "gd": 2,
    "anagram": 2,
    "levenberg_marquardt": 7,
    "amstramgram": 7,
}


@pytest.mark.parametrize("name", MOST_READS)
def test_the_host_waits_no_more_than_that(name):
    def reads_of_steps(device):
        problem, model = heat(device)
        method = methods.get(name)()
        method.start(PdeSystem(problem, model), model.init(0))
        return [reads_of(method) for _ in range(4)]

    with pretended_gpu():
        assert max(reads_of_steps("cuda")) <= MOST_READS[name]


@pytest.mark.parametrize(
    ("width", "n", "solves"), [(8, 8, "Gram"), (40, 4, "RowGram"), (20, 14, "Spectral")]
)
def test_the_host_waits_less_than_fifteen_times_in_a_step_of_natural_lm(width, n, solves, watch):
    def steps(device):
        problem, model = ax.problems.heat(n=n), ax.MLP([2, width, 1], device=device)
        method = methods.get("natural_lm")()
        method.start(PdeSystem(problem, model), model.init(0))
        reads = [reads_of(method) for _ in range(20)]
        return method.state()["theta"], reads

    theta, _ = steps("cpu")
    with pretended_gpu():
        found, reads = steps("cuda")
        assert torch.equal(found.cpu(), theta)
    assert solves in watch
    assert sum(reads) / len(reads) < 15
    # One for each look: the loss, J, the ladder of dampings, those between two of it, eight chord
    # iterations, the report. Where a lower loss is sought: some rungs more, and two iterations.
    assert max(reads) <= 20


def reads_of(method):
    before = len(host_bytes)
    uploads.clear()
    method.step()
    assert not uploads
    return len(host_bytes) - before


@pytest.fixture
def watch(monkeypatch):
    """The names of the solvers that a damped model chose."""
    names = set()
    for solver in (Gram, RowGram, Spectral):

        def noted(self, *args, made=solver.__init__, name=solver.__name__, **kwargs):
            names.add(name)
            made(self, *args, **kwargs)

        monkeypatch.setattr(solver, "__init__", noted)
    return names


def test_the_second_gpu_is_used_where_it_is_named():
    def run(device):
        problem, model = heat(device)
        assert model.init(0).device == torch.device(device)
        run = ax.train(problem, model, steps=2, progress=False)
        assert run.theta.device == torch.device(device)
        return run.theta

    expected = run("cpu")
    with pretended_gpu(index=1):
        found = run("cuda:1").cpu()
    assert torch.equal(found, expected)


def test_two_networks_in_two_threads_do_not_meet():
    def steps(device, seed, width):
        problem = ax.problems.heat(n=8)
        model = ax.MLP([2, width, 1], device=device)
        theta = model.init(seed)
        for _ in range(3):
            theta = ax.step(problem, model, theta).theta
        return theta.cpu()

    def on_the_gpu(case):
        with PretendGpu():  # a mode of torch holds for one thread
            return steps("cuda", *case)

    cases = [(0, 8), (1, 12)]
    expected = [steps("cpu", *case) for case in cases]
    with pretended_gpu(), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(on_the_gpu, cases))
    assert all(map(torch.equal, found, expected))


def test_memory_that_torch_keeps_is_given_back_once(monkeypatch):
    given_back = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(True))
    J = torch.eye(3, dtype=torch.float64)
    with pretended_gpu():
        there = J.to("cuda")
        attempts = failing_first(monkeypatch, 1)
        assert factorise(there).rank(1e-6) == 3
        assert (len(attempts), len(given_back)) == (2, 1)
        attempts = failing_first(monkeypatch, 2)
        with pytest.raises(ax.OutOfMemoryError, match="needed"):
            factorise(there, smallest_cutoff=1e-3)
        assert (len(attempts), len(given_back)) == (2, 2)
        assert factorise(there).rank(1e-6) == 3


def test_streaming_gives_that_memory_back_too(monkeypatch):
    given_back = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(True))
    with pretended_gpu():
        there = torch.eye(3, dtype=torch.float64).to("cuda")
        native_type = cuda_module().FactorisationF64
        attempts = []

        class Failing(native_type):
            @classmethod
            def of_tiles(cls, *arguments):
                attempts.append(arguments)
                if len(attempts) == 1:
                    raise ax.OutOfMemoryError("out of device memory: needed 1 MiB, free 0 MiB")
                return native_type.of_tiles(*arguments)

        monkeypatch.setattr(cuda_module(), "FactorisationF64", Failing)
        found = factorise_tiles(lambda _: there, [3], 3, device=there.device)
        assert found.rank(1e-6) == 3
    assert (len(attempts), len(given_back)) == (2, 1)


def failing_first(monkeypatch, failures):
    """Makes the next calls of the native factorisation run out of memory; returns all of them."""
    native_type = cuda_module().FactorisationF64
    attempts = []

    class Failing(native_type):
        def __init__(self, *arguments):
            attempts.append(arguments)
            if len(attempts) <= failures:
                raise ax.OutOfMemoryError("out of device memory: needed 1 MiB, free 0 MiB")
            super().__init__(*arguments)

    monkeypatch.setattr(cuda_module(), "FactorisationF64", Failing)
    return attempts


def test_redrawing_reads_one_number_a_candidate():
    box = ax.Box(t=(0, 1), x=(0, 1))

    def redrawn(device):
        problem, model = heat(device)
        interior = problem.conditions["interior"]
        points = box.uniform(500).adaptive(40)
        conditions = {**problem.conditions, "interior": replace(interior, points=points)}
        system = PdeSystem(replace(problem, conditions=conditions), model)
        theta = model.init(0)
        host_bytes.clear()
        system.redraw(theta)
        return system.residual(theta)

    assert torch.equal(*on_both(redrawn))
    assert 500 * 8 <= sum(host_bytes) < 500 * 8 + FEW


def test_a_run_and_its_files_are_those_of_the_cpu(tmp_path):
    def loss(device):
        problem, model = heat(device)
        run = ax.train(problem, model, steps=3, progress=False, out=tmp_path / device)
        assert run.model.device == run.theta.device.type == device
        return run.loss, run.l2_error, run.held_out_loss

    expected, found = on_both(loss)
    assert found == expected
    written = [sorted(path.name for path in (tmp_path / d).iterdir()) for d in ("cpu", "cuda")]
    assert written[0] == written[1]
