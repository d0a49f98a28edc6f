"""Watched training inside whole test sessions: the report names the layer and the step."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Inner

pytest.importorskip("torch")

MODEL = """
import os
import pytest
import torch
from torch import nn

class Noisy(nn.Module):
    calls = 0
    def forward(self, x):
        self.calls += 1
        if self.calls == 4:
            return x + int.from_bytes(os.urandom(3), "big") / 1e6
        return x * 1.0

def train(repro, middle):
    model = nn.Sequential(nn.Linear(4, 8), middle, nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    repro.watch(model)
    for step in range(6):
        loss = model(torch.randn(16, 4)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        repro.metric("loss", loss.item(), step=step)

def hooks():
    from torch.nn.modules import module
    from torch.optim import optimizer as optim
    tables = module._global_forward_hooks, optim._global_optimizer_pre_hooks, optim._global_optimizer_post_hooks
    return [len(table) for table in tables]

@pytest.fixture(autouse=True)
def no_hook_stays():
    yield
    assert hooks() == [0, 0, 0]
"""


def test_the_first_divergence_is_the_layer_and_the_step_of_the_noise(inner: Inner) -> None:
    inner.file(
        MODEL
        + """
@pytest.mark.repro
def test_guilty(repro):
    train(repro, Noisy())

@pytest.mark.repro
def test_innocent(repro):
    train(repro, nn.ReLU())

@pytest.mark.repro
def test_hooks_go_when_the_test_fails(repro):
    train(repro, nn.ReLU())
    assert False
"""
    )
    result = inner("--repro-runs=3", "--repro-explain=off", "--repro-json=out.json", subprocess=True)
    result.assert_outcomes(failed=2, passed=1)
    tests = {test["nodeid"]: test for test in json.loads((inner.pytester.path / "out.json").read_text())["tests"]}
    guilty = next(test for name, test in tests.items() if name.endswith("test_guilty"))
    assert (guilty["first_divergence"]["name"], guilty["first_divergence"]["step"]) == ("model.1.output", 3)


def test_hooks_go_when_another_fixture_fails(inner: Inner) -> None:
    inner.file(
        MODEL
        + """
@pytest.fixture
def model(repro):
    model = nn.Linear(2, 1)
    repro.watch(model)
    return model

@pytest.fixture
def broken(model):
    raise ValueError("broken")

@pytest.mark.repro
def test_never_called(broken):
    pass

def test_afterwards():
    assert hooks() == [0, 0, 0]
"""
    )
    result = inner("--repro-runs=2", subprocess=True)
    result.assert_outcomes(errors=1, passed=1)
