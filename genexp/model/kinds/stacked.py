"""Layer by layer, with tied weights."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from genexp.model.kind import Batch, Inputs, measure_reconstruction
from genexp.model.kinds.denoising import Denoising, corrupt
from genexp.settings.section import Section


class StackedParameters(Section):
    """What the stacked kind has of its own."""

    pretrain_epochs: int = Field(20, ge=0, description="stacked: epochs of each layer by itself before all are trained together")


class Stacked(Denoising):
    """Denoising layers of sigmoid units with tied weights, each trained by itself first (Vincent et al., JMLR 2010).

    With ``hidden`` empty it is the one layer of ADAGE (Tan et al., mSystems 2016), on standardised genes and squared error; with
    ``scaling=minmax``, ``output=sigmoid`` and ``reconstruction=cross_entropy`` on genes from 0 to 1, as the paper has it.
    """

    Parameters: ClassVar[type[Section]] = StackedParameters
    latent_activation = "sigmoid"

    def build(self, inputs: Inputs) -> Any:
        """Sigmoid layers one way, and their transposed weights the other."""
        from torch import nn

        from genexp.model.autoencoder import Autoencoder, draw_linear
        from genexp.model.layers import Tied

        widths = [inputs.n_inputs, *self.hidden, self.config.n_latent]
        powers = [inputs.power, *map(float, widths[1:])]
        linears = [draw_linear(n_in, n_out, power) for n_in, n_out, power in zip(widths, widths[1:], powers, strict=False)]
        encoder = nn.Sequential(*(layer for linear in linears for layer in (linear, nn.Sigmoid())))
        back = [layer for linear in reversed(linears) for layer in (Tied(linear), nn.Sigmoid())]
        network = Autoencoder(encoder, nn.Sequential(*back[:-1]))
        self.add_output(network, inputs)
        return network

    def prepare(self, network: Any, train: Batch) -> None:
        """Train each layer to rebuild its own input from a corrupted one."""
        import torch

        last = len(network.encoder) // 2 - 1
        for i in range(last + 1):
            linear, tied = network.encoder[2 * i], network.decoder[2 * (last - i)]
            self._train_layer(network, linear, tied, train, bounded=i > 0)
            with torch.no_grad():
                train = Batch(linear(train.x).sigmoid(), linear.out_features)

    def _train_layer(self, network: Any, linear: Any, tied: Any, train: Batch, bounded: bool) -> None:
        import torch

        optimiser = torch.optim.AdamW([*linear.parameters(), tied.bias], lr=self.config.learning_rate)
        noise = train.x.std(0) if bounded else 1.0
        for _ in range(self.config.pretrain_epochs):
            for chosen in torch.split(torch.randperm(len(train.x), device=train.x.device), self.config.minibatch):
                batch = train.pick(chosen)
                y = tied(linear(corrupt(batch, self.config, noise)).sigmoid())
                losses = measure_reconstruction(y.sigmoid(), batch) if bounded else self.measure(network, network.end(y), batch)
                optimiser.zero_grad(set_to_none=True)
                losses.mean().backward()  # type: ignore[no-untyped-call]
                optimiser.step()
