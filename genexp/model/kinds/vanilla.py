"""The plain autoencoder of one layer."""

from __future__ import annotations

from genexp.model.kind import Kind


class Vanilla(Kind):
    """Genes to rectified latents and back, without a hidden layer (Rumelhart, Hinton & Williams, Nature 1986)."""

    latent_activation = "relu"

    @property
    def hidden(self) -> tuple[int, ...]:
        """None."""
        return ()
