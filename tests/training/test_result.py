from __future__ import annotations

import anagram_ext as ax
from anagram_ext.methods import Stop


def test_a_result_is_one_line_without_arrays():
    run = ax.train(ax.problems.poisson_1d(), steps=3, method="anagram", progress=False)
    line = repr(run)
    assert len(line) < 120
    assert "tensor" not in line
    for part in ("anagram, seed 0", f"loss {run.loss:.2e}", f"L2 {run.l2_error:.2e}", "3 steps"):
        assert part in line
    assert line.endswith("steps reached)")


def test_the_reason_is_a_sentence_and_a_kind():
    run = ax.train(ax.problems.poisson_1d(), steps=2, method="gd", progress=False)
    assert run.stop is Stop.STEPS_REACHED
    assert type(run.stop_reason) is str
    assert run.summary()["stop_reason"] == run.stop_reason == "steps reached"
