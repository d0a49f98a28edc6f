"""Keras: metrics and weights after each epoch, as a ``keras.callbacks.Callback``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom
from pytest_repro.values import canonical, fingerprint
from pytest_repro.watch.sink import Callback

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.watch.sink import Sink

__all__ = ["make"]


def make(keras: Any, sink: Sink) -> Any:
    """Return the callback: ``model.fit(..., callbacks=[repro.callback("keras")])``."""

    class ReproCallback(Callback, keras.callbacks.Callback):  # type: ignore[misc]
        """Records logs and weights at the end of each epoch."""

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            """Record one epoch; counted over all calls of ``fit``."""
            del epoch
            self.sink.metrics(self.step, logs or {})
            self.sink.add(self.sink.name_of("model"), self.step, lambda exact: _weights(self.model, exact))
            self.step += 1

    callback = ReproCallback()
    callback.sink = sink
    return callback


def _weights(model: Any, exact: bool) -> Node:
    node = canonical(model.get_weights())
    return Atom("weights", fingerprint(node)[:16]) if exact else node
