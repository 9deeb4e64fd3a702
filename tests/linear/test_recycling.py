"""Memory of a Jacobian is used again when nobody refers to it, and not before."""

from __future__ import annotations

import gc
import threading

import torch

import anagram_ext as ax
from anagram_ext.linear.recycling import empty_matrix


def test_a_matrix_that_is_held_is_never_handed_out_again():
    held = [empty_matrix(300, 500, torch.float64).fill_(i) for i in range(6)]
    addresses = {matrix.data_ptr() for matrix in held}
    assert len(addresses) == 6
    views = [matrix[10:20, 3] for matrix in held]
    del held
    gc.collect()
    fresh = [empty_matrix(300, 500, torch.float64).fill_(-1.0) for _ in range(6)]
    assert all(bool((view == i).all()) for i, view in enumerate(views))
    del fresh


def test_the_memory_of_the_last_one_serves_the_next_one():
    first = empty_matrix(700, 900, torch.float64)
    address = first.data_ptr()
    del first
    second = empty_matrix(700, 900, torch.float64)
    assert second.data_ptr() == address
    assert second.data_ptr() % 64 == 0
    assert second.shape == (700, 900)
    assert second.is_contiguous()


def test_a_callers_jacobian_stays_what_it_is():
    problem = ax.problems.heat()
    model = problem.model
    _, J = ax.jacobian(problem, model, model.init(0))
    kept = J.clone()
    for seed in range(1, 4):
        ax.jacobian(problem, model, model.init(seed))
        ax.step(problem, model, model.init(seed))
    assert torch.equal(J, kept)


def test_threads_take_and_return_at_once():
    failures = []

    def work(value):
        for _ in range(300):
            matrix = empty_matrix(40, 50 + value % 3, torch.float64).fill_(value)
            if not bool((matrix == value).all()):
                failures.append(value)

    threads = [threading.Thread(target=work, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
