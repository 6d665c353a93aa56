"""A supervised network whose last hidden layer is the latent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.model.model_type import Inputs, Minibatch, Pass
from genexp.model.target_names import LABEL
from genexp.model.types.convolutional import Convolutional
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import nn

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.training_data import TrainingData


class ClassifierParameters(Section):
    """Parameters of the classifier."""

    body: Literal["feed_forward", "convolutional"] = Field(
        "feed_forward",
        description=(
            "classifier, recurrent: layers up to the latents; convolutional: windows along genes "
            "come first (kernel, ...)"
        ),
    )


class Classifier(Deep):
    """A feed-forward or convolutional classifier, with a decoder that learns from detached latents.

    ``loss = head_weight * cross_entropy(y, softmax(A z + a)) + |x - g(stop_gradient(z))|^2 /
    n_genes``. So an encoder that was never trained to reconstruct is still scored by the
    reconstruction that its latents allow; with skip connections that is the least-squares linear
    decoder in the end. Early stopping monitors the heads' losses only.
    """

    Parameters: ClassVar[type[Section]] = ClassifierParameters
    heads = (LABEL,)
    detached_losses = ("reconstruction",)
    loss = "cross-entropy of heads"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.body: Deep = Convolutional(config) if config.body == "convolutional" else Deep(config)
        self.gene_wise = self.body.gene_wise

    @property
    def parameters(self) -> list[str]:
        """Its own, and those of its body."""
        return [*super().parameters, *self.body.parameters]

    def check(self, data: TrainingData) -> None:
        """Refuse a cohort that the body cannot be trained on."""
        self.body.check(data)

    def build_encoder(self, inputs: Inputs) -> nn.Sequential:
        """Build the encoder of the body."""
        return self.body.build_encoder(inputs)

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Encode for the heads, and decode detached latents."""
        z = network.encode(minibatch.x)
        x_hat = network.decode(z.detach())
        return Pass(
            z, x_hat, {"reconstruction": self.measure_reconstruction(network, x_hat, minibatch)}
        )

    def finish(self, network: Autoencoder, train: Minibatch) -> None:
        """With skip connections, replace the decoder by the least-squares linear one of the latents
        that were kept.

        The decoder's skip connection learns slowly (``SKIP_RATE``) and cannot follow latents that
        move away from PCA. The solution is taken in float64 on the CPU, and by singular values
        (gelsd), because latents of a classifier may be collinear.
        """
        import torch

        if network.decoder_shortcut is None:
            return
        last = network.last_decoder_layer()
        assert isinstance(last, torch.nn.Linear)
        with torch.no_grad():
            z, x = network.encode(train.x).double().cpu(), train.x.double().cpu()
            z_mean, x_mean = z.mean(0), x.mean(0)
            weight = torch.linalg.lstsq(z - z_mean, x - x_mean, driver="gelsd").solution
            network.decoder_shortcut.weight.copy_(weight.T)
            last.weight.zero_()
            last.bias.copy_(x_mean - z_mean @ weight)
