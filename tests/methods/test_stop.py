from __future__ import annotations

import json

import pytest

from anagram_ext.methods import Stop


@pytest.mark.parametrize("kind", Stop)
def test_a_kind_is_read_back_from_its_sentences(kind):
    assert Stop.of(kind) is Stop.of(str(kind)) is kind
    assert Stop.of(kind.because("x = 0.5: nan")) is kind


def test_a_kind_is_text():
    assert f"{Stop.INTERRUPTED}" == str(Stop.INTERRUPTED) == Stop.INTERRUPTED == "interrupted"
    assert json.dumps(Stop.INTERRUPTED) == '"interrupted"'
    assert Stop.NO_PROGRESS in Stop.NO_PROGRESS.because("no damping lowers the loss")


def test_words_of_a_method_are_kept_and_are_its_own_reason():
    assert Stop.of("the budget is spent") is Stop.of("interrupted by me") is Stop.BY_METHOD
