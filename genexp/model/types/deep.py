"""The deep autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genexp.model.model_type import Inputs, Minibatch, ModelType, Pass

if TYPE_CHECKING:
    from torch import nn

    from genexp.model.autoencoder import Autoencoder, Parts


class Deep(ModelType):
    """Hidden layers between genes and latents, mirrored in the decoder (Hinton & Salakhutdinov,
    Science 2006).

    With hidden layers ``h = relu(W h' + b)``::

        z = f(x) + L x,    x_hat = g(z) + M z,    loss = |x - x_hat|^2 / n_genes

    The PCA-initialised linear skip connections L and M are there where the configuration asks for
    them and latents and output are linear (:attr:`has_skip`): L starts at V'/u and M at u V with
    the principal axes V and the scale u of the latents, and the last layers of f and g at 0, so the
    untrained network is PCA.
    """

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the encoder's hidden layers."""
        return tuple(self.config.hidden)

    @property
    def has_skip(self) -> bool:
        """True for PCA-initialised linear skip connections, which need linear latents and
        output.
        """
        return bool(
            self.config.skip == "pca"
            and self.activation == "linear"
            and self.config.output == "linear"
        )

    def build(self, inputs: Inputs) -> Autoencoder:
        """Build the untrained network."""
        from genexp.model.autoencoder import Autoencoder

        network = Autoencoder(self.build_parts(inputs))
        self.add_output(network, inputs)
        return network

    def build_parts(self, inputs: Inputs) -> Parts:
        """Build encoder and decoder, with the principal axes from which skip connections start."""
        from genexp.model.autoencoder import Parts, build_body

        config, n_latent = self.config, self.config.n_latent
        # Decoder first: the order of random draws is part of what a seed means, and of every result
        # reported so far.
        widths = [n_latent, *reversed(self.hidden), inputs.n_inputs]
        decoder = build_body(
            widths, config.dropout, config.batch_norm, float(n_latent), inputs.power
        )
        return Parts(
            self.build_encoder(inputs),
            decoder,
            inputs.principal if self.has_skip else None,
            inputs.unit,
        )

    def build_encoder(self, inputs: Inputs) -> nn.Sequential:
        """Build the layers from coordinates to latents."""
        from genexp.model.autoencoder import build_body

        config, n_latent = self.config, self.config.n_latent
        widths = [inputs.n_inputs, *self.hidden, n_latent]
        return build_body(
            widths,
            config.dropout,
            config.batch_norm,
            inputs.power,
            float(n_latent),
            self.activation,
        )

    def add_output(self, network: Autoencoder, inputs: Inputs) -> None:
        """End the decoder with the configured activation, starting at the genes' means."""
        if self.config.output != "linear":
            from genexp.model.output import GeneOutput

            assert inputs.origin is not None
            network.add_output(GeneOutput(self.config.output, inputs.origin))

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Encode and decode; the loss is that of the reconstruction."""
        z = network.encode(minibatch.x)
        x_hat = network.decode(z)
        return Pass(
            z, x_hat, {"reconstruction": self.measure_reconstruction(network, x_hat, minibatch)}
        )
