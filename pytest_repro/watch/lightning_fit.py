"""Lightning: the loss and the parameters after each batch, metrics after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom
from pytest_repro.values import canonical, fingerprint
from pytest_repro.watch.sink import Callback

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.watch.sink import Sink

__all__ = ["make"]


def make(lightning: Any, sink: Sink) -> Any:
    """Return the callback: ``Trainer(..., callbacks=[repro.callback("lightning")])``."""

    class ReproCallback(Callback, lightning.Callback):  # type: ignore[misc]
        """Records what the training loop tells its callbacks."""

        epochs = 0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            """Record one batch; counted over all epochs and calls of ``fit``."""
            del trainer, batch, batch_idx
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            if loss is not None:
                self.sink.metrics(self.step, {"loss": float(loss)})
            self.sink.add(self.sink.name_of("model"), self.step, lambda exact: _parameters(pl_module, exact))
            self.step += 1

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            """Record the metrics that the module logged; those of the validation are among them."""
            del pl_module
            logged = {f"epoch.{name}": float(value) for name, value in sorted(trainer.callback_metrics.items())}
            self.sink.metrics(self.epochs, logged)
            self.epochs += 1

    callback = ReproCallback()
    callback.sink = sink
    return callback


def _parameters(module: Any, exact: bool) -> Node:
    from pytest_repro.log import atom_of
    from pytest_repro.watch.torch_digest import Digests, Group

    if not exact:
        return canonical(dict(module.named_parameters()))
    digests = Group(Digests()).take([parameter for _, parameter in module.named_parameters()])
    return Atom("parameters", fingerprint("\n".join(atom_of(digest).text for digest in digests))[:16])
