"""PyTorch: the loss at every backward pass, parameters and gradients at every optimiser step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import Patches
    from pytest_repro.autolog.sink import Sink, Switch

__all__ = ["MODULE", "listen", "prepare"]

MODULE = "torch.optim.optimizer"


def prepare(patches: Patches, module: Any) -> None:
    """Watch backward passes."""
    del module
    torch = sys.modules["torch"]
    patches.method(torch.Tensor, "backward", _backward)
    patches.function(torch.autograd.backward, _backward)


def listen(switch: Switch) -> Callable[[], None] | None:
    """Hear of every optimiser step, by torch's own hook for all optimisers; returns how to stop, None without torch."""
    module = sys.modules.get(MODULE)
    register = getattr(module, "register_optimizer_step_post_hook", None)
    if register is None:
        return None

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        del args, kwargs
        sink = switch.sink
        if sink is None or not sink.enter():
            return
        sink.leave()
        try:
            _step(sink, optimizer)
        except Exception:  # noqa: BLE001 - what cannot be recorded must not reach the test
            sink.skipped += 1

    handle = register(stepped)
    return lambda: handle.remove()  # looked up late: torch may have cleared its hooks


def _backward(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
    del result
    tensors = args[0] if args else kwargs.get("tensors")
    name = sink.count("backward")
    if isinstance(tensors, tuple | list):
        tensors = [tensor.detach() for tensor in tensors]
    elif tensors is not None:
        tensors = tensors.detach()
    sink.add(f"{name} loss", tensors, frame=frame)


def _step(sink: Sink, optimizer: Any) -> None:
    name = f"{sink.count('step')} {type(optimizer).__name__}"
    frame = sys._getframe(2)
    parameters = [tensor for group in optimizer.param_groups for tensor in group["params"]]
    values = {f"p{number}": tensor.detach() for number, tensor in enumerate(parameters)}
    gradients = {f"p{n}": tensor.grad.detach() for n, tensor in enumerate(parameters) if tensor.grad is not None}
    sink.add(f"{name} parameters", values, frame=frame)
    sink.add(f"{name} gradients", gradients, frame=frame)
