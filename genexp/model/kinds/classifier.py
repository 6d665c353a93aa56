"""A supervised network whose last hidden layer is the latent."""

from __future__ import annotations

from typing import Any

from genexp.model.kind import LABEL, Batch, Kind, Pass, measure_reconstruction


class Classifier(Kind):
    """A feed-forward classifier; its decoder learns to rebuild rows from latents that it cannot change.

    So an encoder that was never asked to rebuild anything is still judged by what can be rebuilt from it.
    """

    heads = (LABEL,)

    def run(self, network: Any, batch: Batch) -> Pass:
        """Encode for the heads alone."""
        z = network.encode(batch.x)
        x_hat = network.decode(z.detach())
        return Pass(z, x_hat, {"reconstruction": measure_reconstruction(x_hat, batch)})
