"""The plain autoencoder of one layer."""

from __future__ import annotations

from genexp.model.types.deep import Deep


class Vanilla(Deep):
    """Genes to rectified latents and back, without a hidden layer (Rumelhart, Hinton & Williams,
    Nature 1986).

    ``z = relu(W x + b)``, ``x_hat = W' z + b'``.
    """

    latent_activation = "relu"

    @property
    def hidden(self) -> tuple[int, ...]:
        """No hidden layer."""
        return ()
