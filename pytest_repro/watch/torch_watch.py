"""torch: a digest per layer output, gradient and parameter at each step of an optimiser.

torch's hooks for all modules and all optimisers are used, not those of a single object: a model
that is copied, pickled or compared while it is watched is as it would be without. Nothing is
changed or kept of what is seen; a digest is taken at once, in one pass over the bytes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from pytest_repro.log import atom_of
from pytest_repro.model import Atom, Branch, Layout
from pytest_repro.values import canonical
from pytest_repro.watch.torch_digest import Digests, Group

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.watch.sink import Name, Sink

__all__ = ["follow"]

#: nesting of a layer's output that is looked into
_DEPTH = 4


def follow(target: Any, *, sink: Sink, every: int = 1) -> Callable[[], None]:
    """Record `target` at each step of an optimiser that holds its parameters; returns how to stop.

    Args:
        target: a module or an optimiser.
        sink: where to record.
        every: steps from one recorded step to the next.
    """
    if isinstance(target, torch.optim.Optimizer):
        layers: dict[int, str] = {}
        tensors = [parameter for group in target.param_groups for parameter in group["params"]]
        parameters = {f"p{number}": tensor for number, tensor in enumerate(tensors)}
    else:
        layers = {id(module): f"{path}.output" if path else "output" for path, module in target.named_modules()}
        parameters = dict(target.named_parameters())
    watcher = _Watcher(target, sink=sink, every=every, layers=layers, parameters=parameters)
    watcher.start()
    handles = [
        register_module_forward_hook(watcher.after_forward),
        register_optimizer_step_pre_hook(watcher.before_step),
        register_optimizer_step_post_hook(watcher.after_step),
    ]

    def stop() -> None:
        for handle in handles:
            handle.remove()

    return stop


class _Watcher:
    """The hooks of one watched object.

    They run at each call of each layer: what does not change is looked up once, here.
    """

    def __init__(
        self,
        target: object,
        *,
        sink: Sink,
        every: int,
        layers: Mapping[int, str],
        parameters: Mapping[str, torch.Tensor],
    ) -> None:
        self._target = target  # its parts stay alive, so that no other object gets an id of theirs
        self._sink = sink
        self._every = every
        self._layers = {number: sink.name_of(name) for number, name in layers.items()}
        self._parameters = parameters
        self._tensors = list(parameters.values())
        self._names = [sink.name_of(name) for name in parameters]
        self._grads = [sink.name_of(f"{name}.grad") for name in parameters]
        self._ids = {id(tensor) for tensor in self._tensors}
        self._digests = Digests()
        self._groups = Group(self._digests), Group(self._digests)
        #: steps of its optimisers so far
        self._step = 0
        #: the tensor recorded last, and its version
        self._last: tuple[weakref.ref[torch.Tensor], int] | None = None

    def start(self) -> None:
        """Record what the training starts from."""
        state = getattr(self._target, "named_buffers", dict)
        tensors = {**self._parameters, **dict(state())}

        def read(exact: bool) -> Node:
            names = sorted(tensors)
            values = tuple(self._read(tensors[name], exact) for name in names)
            return Branch("dict", Layout.MAPPING, _keys(names), values)

        self._sink.add(self._sink.name_of("initial"), 0, read)

    def after_forward(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        """Record what a layer gave."""
        del inputs
        name = self._layers.get(id(module))
        if name is None or not self._due():
            return
        tensor = isinstance(output, torch.Tensor)
        if tensor and self._seen(output) and next(module.children(), None) is not None:
            return  # a container gives what its last layer gave
        if name.exact:
            digest = self._digests.of(output) if tensor else self._structure(output, exact=True)
            self._sink.put(name.full, digest, self._step)
        else:
            self._sink.add(name, self._step, lambda exact: self._structure(output, exact=exact))

    def before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Record the gradients that an optimiser is about to use."""
        del args, kwargs
        if not self._due() or not self._concerns(optimizer):
            return
        names, grads = self._grads, [tensor.grad for tensor in self._tensors]
        there = [grad for grad in grads if grad is not None]
        if len(there) < len(grads):
            names = [name for name, grad in zip(names, grads, strict=True) if grad is not None]
        self._put_all(names, there, self._groups[0])

    def after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Record the parameters that an optimiser has updated."""
        del args, kwargs
        if not self._concerns(optimizer):
            return
        if self._due():
            self._put_all(self._names, self._tensors, self._groups[1])
        self._step += 1

    def _put_all(self, names: list[Name], tensors: list[torch.Tensor], group: Group) -> None:
        """Record tensors that stand still together."""
        if all(name.exact for name in names):
            self._sink.put_all([name.full for name in names], group.take(tensors), self._step)
            return
        for name, tensor in zip(names, tensors, strict=True):
            self._sink.add(name, self._step, functools.partial(self._read, tensor))

    def _due(self) -> bool:
        """Whether to record now; never where the calls themselves are recorded, by a compiler or a tracer."""
        if self._step % self._every or not self._sink.open:
            return False
        return not (torch.compiler.is_compiling() or torch.jit.is_tracing())

    def _concerns(self, optimizer: torch.optim.Optimizer) -> bool:
        ids = self._ids
        return optimizer is self._target or any(
            id(tensor) in ids for group in optimizer.param_groups for tensor in group["params"]
        )

    def _seen(self, output: torch.Tensor) -> bool:
        """Whether this is what was recorded last; held weakly, since a graph hangs on it."""
        try:
            version = output._version
        except RuntimeError:  # in inference mode, versions are not counted
            version = 0
        if self._last is not None and self._last[0]() is output and self._last[1] == version:
            return True
        self._last = (weakref.ref(output), version)
        return False

    def _structure(self, value: object, *, exact: bool, depth: int = _DEPTH) -> Node:
        """Every tensor of a nested output; anything else by its type only."""
        if isinstance(value, torch.Tensor):
            return self._read(value, exact)
        if isinstance(value, tuple | list) and depth:
            items = tuple([self._structure(part, exact=exact, depth=depth - 1) for part in value])
            return Branch("list", Layout.SEQUENCE, (), items)
        if isinstance(value, Mapping) and depth:
            parts = {str(key): self._structure(part, exact=exact, depth=depth - 1) for key, part in value.items()}
            names = sorted(parts)
            return Branch("dict", Layout.MAPPING, _keys(names), tuple(parts[name] for name in names))
        return Atom("type", type(value).__name__)

    def _read(self, tensor: torch.Tensor, exact: bool) -> Node:
        """A digest where only equal bits agree; the tensor itself where a tolerance must be applied."""
        return atom_of(self._digests.of(tensor)) if exact else canonical(tensor.detach())


def _keys(names: list[str]) -> tuple[str, ...]:
    return tuple(f"[{name!r}]" for name in names)
