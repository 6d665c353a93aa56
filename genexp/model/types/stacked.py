"""Tied layers, pretrained one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from genexp.model.model_type import Inputs, Minibatch, measure_squared_error
from genexp.model.types.denoising import Denoising, corrupt
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import nn

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.layers import Tied


class StackedParameters(Section):
    """Parameters of the stacked autoencoder."""

    pretrain_epochs: int = Field(
        20,
        ge=0,
        description="stacked: epochs of each layer by itself before all are trained together",
    )


class Stacked(Denoising):
    """Denoising layers of sigmoid units with tied weights, each pretrained by itself (Vincent et
    al., JMLR 2010).

    ``h_k = sigmoid(W_k h_(k-1) + b_k)`` and, in the decoder, ``y_(k-1) = sigmoid(W_k' y_k + c_k)``,
    linear at the genes. With ``hidden`` empty it is the one layer of ADAGE (Tan et al., mSystems
    2016) on standardised genes and squared error; with ``scaling=minmax``, ``output=sigmoid`` and
    ``reconstruction=cross_entropy`` it is that of the paper, on genes from 0 to 1.
    """

    Parameters: ClassVar[type[Section]] = StackedParameters
    latent_activation = "sigmoid"

    def build(self, inputs: Inputs) -> Autoencoder:
        """Build sigmoid layers, and a decoder of their transposed weights."""
        from torch import nn

        from genexp.model.autoencoder import Autoencoder, Parts, draw_linear
        from genexp.model.layers import Tied

        widths = [inputs.n_inputs, *self.hidden, self.config.n_latent]
        powers = [inputs.power, *map(float, widths[1:])]
        linears = [
            draw_linear(n_in, n_out, power)
            for n_in, n_out, power in zip(widths, widths[1:], powers, strict=False)
        ]
        encoder = nn.Sequential(*(layer for linear in linears for layer in (linear, nn.Sigmoid())))
        decoder = [layer for linear in reversed(linears) for layer in (Tied(linear), nn.Sigmoid())]
        network = Autoencoder(Parts(encoder, nn.Sequential(*decoder[:-1])))
        self.add_output(network, inputs)
        return network

    def prepare(self, network: Autoencoder, train: Minibatch) -> None:
        """Train each layer to reconstruct its own input from a corrupted one."""
        import torch
        from torch import nn

        from genexp.model.layers import Tied

        last = len(network.encoder) // 2 - 1
        for i in range(last + 1):
            linear, tied = network.encoder[2 * i], network.decoder[2 * (last - i)]
            assert isinstance(linear, nn.Linear)
            assert isinstance(tied, Tied)
            self._train_layer(network, linear, tied, train, bounded=i > 0)
            with torch.no_grad():
                train = Minibatch(linear(train.x).sigmoid(), linear.out_features)

    def _train_layer(
        self, network: Autoencoder, linear: nn.Linear, tied: Tied, train: Minibatch, bounded: bool
    ) -> None:
        """Train one layer; ``bounded``: its input are sigmoid units, whose reconstruction is a
        sigmoid too, and not genes.
        """
        import torch

        optimiser = torch.optim.AdamW(
            [*linear.parameters(), tied.bias], lr=self.config.learning_rate
        )
        # Genes have a standard deviation of about 1 each; units of a hidden layer have whatever the
        # layer below gave them.
        std = train.x.std(0) if bounded else 1.0
        for _ in range(self.config.pretrain_epochs):
            for rows in torch.split(
                torch.randperm(len(train.x), device=train.x.device), self.config.minibatch
            ):
                minibatch = train.pick(rows)
                y = tied(linear(corrupt(minibatch, self.config, std)).sigmoid())
                if bounded:
                    losses = measure_squared_error(y.sigmoid(), minibatch)
                else:
                    losses = self.measure_reconstruction(network, network.end(y), minibatch)
                optimiser.zero_grad(set_to_none=True)
                losses.mean().backward()  # type: ignore[no-untyped-call]
                optimiser.step()
