"""Numbers between host and GPU: what is read together is what each is."""

from __future__ import annotations

import pytest
import torch

from anagram_ext.linear.transfer import read, uploaded
from pretend_cuda import host_bytes, pretended_gpu, uploads


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_many_are_read_at_once(dtype):
    numbers = torch.arange(11, dtype=dtype)
    expected = [numbers[:6].view(2, 3), numbers[6], numbers[7:7], numbers[7:]]
    assert all(map(torch.equal, read(*expected), expected))
    with pretended_gpu():
        there = [tensor.to("cuda") for tensor in expected]
        host_bytes.clear()
        found = read(*there)
        assert host_bytes == [11 * dtype.itemsize]
        assert all(map(torch.equal, found, expected))
        assert all(tensor.device.type == "cpu" for tensor in found)


def test_nobody_waits_for_numbers_that_go_to_a_gpu():
    with pretended_gpu():
        like = torch.zeros(2, device="cuda", dtype=torch.float32)
        uploads.clear()
        for given in ([1.0, 0.1], torch.tensor([1.0, 0.1], dtype=torch.float64)):
            found = uploaded(given, like)
            assert found.is_cuda
            assert found.dtype == torch.float32
            assert found.cpu().tolist() == torch.tensor([1.0, 0.1]).tolist()
        assert not uploads
