"""Watched training: what is recorded, under which names, and that nothing stays behind."""

from __future__ import annotations

import copy
import io
import pickle
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pytest_repro.errors import RecordingError
from pytest_repro.model import Array, Atom, Kind, Observation, Tolerance
from pytest_repro.recorder import Keeper, Recorder, Repro
from pytest_repro.values import identical

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

EXACT = Tolerance()


class Noisy(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Adds `noise` in its fourth call."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.noise = noise
        self.calls = 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return x + (self.noise if self.calls == 4 else 0.0)


def make_model(noise: float = 0.0) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    for name, layer in (
        ("fc1", torch.nn.Linear(4, 6)),
        ("act", torch.nn.ReLU()),
        ("noisy", Noisy(noise)),
        ("fc2", torch.nn.Linear(6, 1)),
    ):
        model.add_module(name, layer)
    return model


def train(model: Any, optimizer: Any = None, *, steps: int = 5) -> Any:
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.linspace(-1, 1, 32).reshape(8, 4)
    for _ in range(steps):
        optimizer.zero_grad()
        model(data).pow(2).mean().backward()
        optimizer.step()
    return optimizer


def make_repro(tolerance: Tolerance = EXACT) -> tuple[Repro, Recorder]:
    recorder = Recorder(nodeid="test_x.py::test_x", keeper=Keeper(), tolerance_for=lambda _: tolerance)
    return Repro(seed=0, run=1, runs=3, recorder=recorder), recorder


def watched(act: Callable[[Repro], object], tolerance: Tolerance = EXACT) -> tuple[Observation, ...]:
    repro, recorder = make_repro(tolerance)
    act(repro)
    recorder.close()
    return recorder.observations()


def run(noise: float = 0.0, **options: Any) -> tuple[Observation, ...]:
    def act(repro: Repro) -> None:
        model = make_model(noise)
        repro.watch(model, **options)
        train(model)

    return watched(act)


def hooks() -> int:
    from torch.nn.modules import module
    from torch.optim import optimizer

    tables = [module._global_forward_hooks, optimizer._global_optimizer_pre_hooks]
    return sum(len(table) for table in [*tables, optimizer._global_optimizer_post_hooks])


def first_difference(left: tuple[Observation, ...], right: tuple[Observation, ...]) -> tuple[str, int | None]:
    assert [(o.name, o.step) for o in left] == [(o.name, o.step) for o in right]
    return next(
        ((a.name, a.step) for a, b in zip(left, right, strict=True) if not identical(a.value, b.value)), ("", None)
    )


# --- what is recorded -------------------------------------------------------------------------


def test_a_step_is_recorded_in_the_order_of_its_computation() -> None:
    names = [o.name for o in run() if o.step == 1]
    outputs = [f"model.{layer}.output" for layer in ("fc1", "act", "noisy", "fc2")]
    parameters = [f"model.{name}" for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")]
    assert names == [*outputs, *(f"{name}.grad" for name in parameters), *parameters]


def test_the_start_is_recorded_first() -> None:
    first = run()[0]
    assert (first.name, first.step, first.kind) == ("model.initial", 0, Kind.AUTO)


def test_the_first_difference_is_the_layer_and_step_of_the_noise() -> None:
    assert first_difference(run(), run(noise=1e-3)) == ("model.noisy.output", 3)


def test_equal_training_is_recorded_equal() -> None:
    assert first_difference(run(), run()) == ("", None)


def test_every_nth_step_is_recorded_when_asked_for() -> None:
    assert {o.step for o in run(every=2)} == {0, 2, 4}


def test_the_line_is_that_of_the_call() -> None:
    observations = run()
    assert len({str(o.location) for o in observations}) == 1
    assert observations[0].location.file == __file__


def test_an_optimizer_gives_gradients_and_parameters_only() -> None:
    def act(repro: Repro) -> None:
        model = make_model()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        repro.watch(optimizer, "sgd")
        train(model, optimizer, steps=1)

    numbers = [f"sgd.p{number}" for number in range(4)]
    assert [o.name for o in watched(act)] == ["sgd.initial", *(f"{name}.grad" for name in numbers), *numbers]


def test_a_second_model_has_a_name_and_steps_of_its_own() -> None:
    def act(repro: Repro) -> None:
        models = [make_model(), make_model()]
        for model in models:
            repro.watch(model)
        train(models[0], steps=2)
        train(models[1], steps=1)

    steps = [(o.name, o.step) for o in watched(act) if o.name.endswith("fc1.weight")]
    assert steps == [("model.fc1.weight", 0), ("model.fc1.weight", 1), ("model#2.fc1.weight", 0)]


def test_a_module_that_computes_beside_its_layers_is_recorded_itself() -> None:
    class Doubled(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return {"out": self.inner(x) * 2, "parts": (x, "text")}

    def act(repro: Repro) -> None:
        model = Doubled()
        repro.watch(model)
        model(torch.ones(1, 4))

    assert [o.name for o in watched(act)] == ["model.initial", "model.inner.output", "model.output"]


def test_tensors_themselves_are_kept_where_a_tolerance_is_asked_for() -> None:
    def act(repro: Repro) -> None:
        model = make_model()
        repro.watch(model)
        train(model, steps=1)

    values = [o.value for o in watched(act, Tolerance(rtol=1e-6))]
    assert isinstance(values[1], Array)
    assert not any(isinstance(value, Atom) for value in values)


# --- what stays as it was ---------------------------------------------------------------------


def test_hooks_are_gone_when_the_run_ends() -> None:
    before = hooks()
    repro, recorder = make_repro()
    model = make_model()
    repro.watch(model)
    assert hooks() == before + 3
    recorder.close()
    assert hooks() == before
    train(model)
    assert len(recorder) == 1


def test_a_watched_model_can_be_copied_and_pickled() -> None:
    def act(repro: Repro) -> None:
        model = torch.nn.Linear(2, 1)
        repro.watch(model)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            other(torch.ones(1, 2))
        torch.save(model, io.BytesIO())

    assert [o.name for o in watched(act)] == ["model.initial"]


def test_other_threads_are_not_recorded() -> None:
    def act(repro: Repro) -> None:
        model = make_model()
        repro.watch(model)
        thread = threading.Thread(target=train, args=(model,))
        thread.start()
        thread.join()

    assert len(watched(act)) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda repro: repro.watch(3), r"takes a torch\.nn\.Module .* got int", id="not-a-model"),
        pytest.param(lambda repro: repro.watch(make_model(), every=0), "whole number from 1", id="every-0"),
        pytest.param(lambda repro: repro.watch(make_model(), every=True), "whole number from 1", id="every-true"),
        pytest.param(lambda repro: repro.watch(make_model(), name=""), "non-empty string", id="no-name"),
    ],
)
def test_wrong_calls_say_what_to_do(call: Callable[[Repro], object], message: str) -> None:
    before = hooks()
    with pytest.raises(RecordingError, match=message):
        call(make_repro()[0])
    assert hooks() == before


# --- digests ----------------------------------------------------------------------------------


def digest_of(value: Any) -> str:
    from pytest_repro.log import atom_of
    from pytest_repro.watch.torch_digest import Digests, Group

    digests = Digests()
    text = atom_of(digests.of(value)).text
    together = Group(digests)
    for _ in range(2):
        assert [atom_of(digest).text for digest in together.take([value, value])] == [text, text]
    return text


SIZES = [pytest.param(64, id="small"), pytest.param(20_001, id="folded"), pytest.param(140_000, id="long-rows")]
DTYPES = ["float16", "float32", "float64", "bfloat16", "int64", "bool", "complex64", "float8_e4m3fn"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_digest_tells_any_two_elements_apart(size: int, dtype: str) -> None:
    kind = getattr(torch, dtype, None)
    if kind is None:
        pytest.skip(f"this torch has no {dtype}")
    base = torch.zeros(size).to(kind)
    seen = {digest_of(base)}
    for place in (0, 1, size // 2, size - 1):
        other = torch.zeros(size)
        other[place] = 1.0
        seen.add(digest_of(other.to(kind)))
    assert len(seen) == 5


@pytest.mark.parametrize("size", SIZES)
def test_two_signs_of_zero_do_not_cancel_out(size: int) -> None:
    distances = {2 * words % size for width in (127, 131, 509, 521) for words in (width, 2 * width)} - {0}
    seen = {digest_of(torch.zeros(size, dtype=torch.float32))}
    for distance in (1, 2, *distances):
        other = torch.zeros(size)
        other[1] = other[(1 + distance) % size] = -0.0
        seen.add(digest_of(other))
    assert len(seen) == 3 + len(distances)


def test_moved_rows_have_another_digest() -> None:
    batch = torch.arange(64 * 1024, dtype=torch.float32).reshape(64, 1024)
    assert digest_of(batch) != digest_of(batch[torch.randperm(64, generator=torch.Generator().manual_seed(0))])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("size", SIZES)
def test_all_nans_are_equal(dtype: str, size: int) -> None:
    kind = getattr(torch, dtype)
    positive = torch.ones(size).to(kind)
    positive[3] = float("nan")
    negative = torch.ones(size).to(kind)
    negative[3] = -positive[3]
    assert digest_of(positive) == digest_of(negative) != digest_of(torch.ones(size).to(kind))


def test_a_nan_is_none_of_infinity() -> None:
    assert digest_of(torch.tensor([np.inf, -np.inf])) != digest_of(torch.tensor([np.inf, np.nan]))


def test_strides_are_not_part_of_a_digest_but_shape_and_dtype_are() -> None:
    base = torch.arange(12.0).reshape(3, 4)
    assert digest_of(base) == digest_of(base.t().contiguous().t()) == "float32 (3, 4) " + digest_of(base).split()[-1]
    assert len({digest_of(base), digest_of(base.reshape(4, 3)), digest_of(base.double())}) == 3


def test_sparse_tensors_and_conjugates_have_digests() -> None:
    dense = torch.eye(3)
    assert digest_of(dense.to_sparse()) == digest_of(torch.eye(3).to_sparse()) != digest_of((dense * 2).to_sparse())
    wave = torch.tensor([1 + 2j])
    assert digest_of(wave.conj()) == digest_of(torch.tensor([1 - 2j])) != digest_of(wave)
    assert digest_of(torch.empty(3, device="meta")) == "float32 (3,) without elements"


@pytest.mark.parametrize("value", [6e4, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_large_values_warn_of_nothing(dtype: str, value: float) -> None:
    large = torch.full((100,), 3e38 if (dtype, value) == ("float32", 6e4) else value, dtype=getattr(torch, dtype))
    assert digest_of(large) != digest_of(large / 2 + 1) or np.isinf(value)


def test_digests_of_tensors_without_readable_elements_name_their_kind() -> None:
    base = torch.ones(100)
    part, strided = base[10:20], base[::3]
    before = digest_of(part)
    base.untyped_storage().resize_(0)
    assert digest_of(part) == "float32 (10,) without elements" != before
    assert digest_of(strided) == "float32 (34,) without elements"
    assert digest_of(base) == "float32 (100,) without elements"
    base.untyped_storage().resize_(400)
    base.fill_(1.0)
    assert digest_of(part) == before


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2", "complex64", "int16"])
def test_empty_tensors_have_digests(dtype: str) -> None:
    kind = getattr(torch, dtype, None)
    if kind is None:
        pytest.skip(f"this torch has no {dtype}")
    assert digest_of(torch.empty(0, 2, dtype=kind)) == f"{dtype} (0, 2) 00000000"


@pytest.mark.parametrize(("dtype", "one", "two"), [("float8_e5m2", 0x7D, 0xFE), ("float8_e4m3fn", 0x7F, 0xFF)])
def test_nans_of_8_bits_are_equal_too(dtype: str, one: int, two: int) -> None:
    kind = getattr(torch, dtype, None)
    if kind is None:
        pytest.skip(f"this torch has no {dtype}")
    a, b, c = (torch.tensor([0x30, bits], dtype=torch.uint8).view(kind) for bits in (one, two, 0x31))
    assert digest_of(a) == digest_of(b) != digest_of(c)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bits", [0x7FC0, 0x7F81, 0xFFC0, 0xFF81])
def test_every_nan_of_bfloat16_is_found_and_no_infinity_is_one(size: int, bits: int) -> None:
    elements = torch.full((size,), 0x7F80, dtype=torch.int32)
    elements[::2] = 0xFF80

    def digest(last: int) -> str:
        elements[-1] = last
        return digest_of(elements.to(torch.uint16).view(torch.bfloat16))

    assert digest(bits) == digest(0x7FFF)
    assert digest(0x7F80) != digest(0xFF80) != digest(bits)


def test_a_group_notices_what_moved_or_changed_its_kind() -> None:
    from pytest_repro.log import atom_of
    from pytest_repro.watch.torch_digest import Digests, Group

    group = Group(Digests())
    tensors = [torch.ones(4), torch.zeros(2, 3), torch.arange(3)]
    others: list[Any] = [torch.full((4,), 2.0), torch.zeros(3, 2), tensors[2].float(), torch.eye(2).to_sparse()]
    others += [torch.full((4,), np.nan), tensors[1].t(), torch.ones(2, device="meta"), torch.ones(20_000)]
    for place in range(len(tensors)):
        for other in [tensors[place], *others, tensors[place].neg_()]:
            now = [*tensors[:place], other, *tensors[place + 1 :]]
            assert [atom_of(digest).text for digest in group.take(now)] == [digest_of(tensor) for tensor in now]


def test_digests_of_one_address_are_told_apart_by_shape_and_dtype() -> None:
    from pytest_repro.log import atom_of
    from pytest_repro.watch.torch_digest import Digests

    digests, base = Digests(), torch.arange(1.0, 13.0)
    forms = [
        base,
        base.view(3, 4),
        base.view(torch.int32),
        base[:6],
        base[::2],
        base.view(2, 6)[:, :3],
        base.view(3, 4),
    ]
    for form in [*forms, *forms]:
        assert atom_of(digests.of(form)).text == digest_of(form.clone())


# --- what stays as it was, in the tensors themselves ------------------------------------------


def test_a_tensor_can_be_resized_after_it_was_seen() -> None:
    tensor = torch.ones(4)
    digest_of(tensor)
    digest_of(tensor[::2])
    assert tensor.resize_(100).shape == (100,)


def test_an_output_is_not_kept_alive() -> None:
    def act(repro: Repro) -> None:
        model = torch.nn.Linear(2, 1)
        repro.watch(model)
        output = weakref.ref(model(torch.ones(1, 2)))
        assert output() is None

    assert [o.name for o in watched(act)] == ["model.initial", "model.output"]


def test_training_is_the_same_bit_for_bit_and_draws_as_much() -> None:
    def outcome(repro: Repro | None) -> tuple[list[Any], Any]:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
        if repro is not None:
            repro.watch(model)
        train(model)
        assert all(parameter.grad_fn is None and parameter.is_leaf for parameter in model.parameters())
        return [parameter.detach().clone() for parameter in model.parameters()], torch.get_rng_state()

    plain, state = outcome(None)
    seen: list[Any] = []
    watched(lambda repro: seen.append(outcome(repro)))
    assert all(map(torch.equal, plain, seen[0][0]))
    assert torch.equal(state, seen[0][1])


def test_calls_that_are_themselves_recorded_or_transformed_go_on() -> None:
    def act(repro: Repro) -> None:
        model = torch.nn.Linear(3, 2)

        def traced() -> list[str]:
            return [node.kind() for node in torch.jit.trace(model, torch.ones(1, 3), check_trace=False).graph.nodes()]

        plain = traced()
        repro.watch(model)
        assert traced() == plain
        torch.func.vmap(model)(torch.ones(4, 3))
        torch.func.grad(lambda x: model(x).sum())(torch.ones(3))
        with torch.inference_mode():
            model(torch.ones(1, 3))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.trace", DeprecationWarning)
        names = [(o.name, getattr(o.value, "text", "")[:24]) for o in watched(act)]
    unread = ("model.output", "Tensor without elements")
    assert names[1:3] == [unread, unread]
    assert [name for name, _ in names[3:]] == ["model.output"]
