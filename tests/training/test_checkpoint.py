from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from anagram_ext import MLP
from anagram_ext.training import checkpoint


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("coordinates", [None, ("t", "x")])
def test_network_and_parameters_come_back_exactly(tmp_path, dtype, coordinates, device):
    model = MLP([2, 5, 3, 1], "gelu", dtype=dtype, device=device, coordinates=coordinates)
    theta = model.init(seed=3)
    checkpoint.save(tmp_path / "m.safetensors", model, theta, problem="heat")
    loaded, parameters = checkpoint.load(tmp_path / "m.safetensors")
    assert loaded == replace(model, device="cpu")
    assert parameters.dtype == dtype
    assert torch.equal(parameters, theta.cpu())


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path):
    model = MLP([1, 4, 1])
    for seed in (0, 1):
        checkpoint.save(tmp_path / "m.safetensors", model, model.init(seed))
    assert torch.equal(checkpoint.load(tmp_path / "m.safetensors")[1], model.init(1))
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    model = MLP([1, 4, 1])
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, model, model.init(0))

    def full_disk(self, content):
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(path, model, model.init(1))
    monkeypatch.undo()
    assert torch.equal(checkpoint.load(path)[1], model.init(0))
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        checkpoint.load(tmp_path / "absent.safetensors")


def test_not_a_checkpoint(tmp_path):
    garbage, foreign = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    garbage.write_bytes(b"no tensors here")
    save_file({"theta": torch.zeros(3)}, foreign)
    save_file({"weights": torch.zeros(3)}, tmp_path / "c.safetensors")
    for path in (garbage, foreign, tmp_path / "c.safetensors"):
        with pytest.raises(ValueError, match="is not a checkpoint"):
            checkpoint.load(path)


def test_parts_that_do_not_belong_together(tmp_path):
    model = MLP([1, 4, 1])
    with pytest.raises(ValueError, match="theta"):
        checkpoint.save(tmp_path / "m.safetensors", model, torch.zeros(5, dtype=torch.float64))


def test_parameters_stay_what_they_are_when_the_file_changes(tmp_path):
    model = MLP([2, 300, 300, 1])  # large enough to be worth a memory map
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, model, model.init(0))
    _, theta = checkpoint.load(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - theta.nbytes)
        file.write(b"\0" * theta.nbytes)
    assert torch.equal(theta, model.init(0))
    with path.open("r+b") as file:
        file.truncate(200)
    assert torch.equal(theta, model.init(0))
    with pytest.raises(ValueError, match="is not a checkpoint"):
        checkpoint.load(path)
