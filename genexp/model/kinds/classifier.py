"""A supervised network whose last hidden layer is the latent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.model.kind import LABEL, Batch, Inputs, Kind, Pass
from genexp.model.kinds.convolutional import Convolutional
from genexp.model.kinds.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import nn

    from genexp.preprocessing import Preprocessed


class ClassifierParameters(Section):
    """What the classifier has of its own."""

    body: Literal["feed_forward", "convolutional"] = Field(
        "feed_forward",
        description="classifier, recurrent: layers up to the latents; convolutional: windows along genes come first (kernel, ...)",
    )


class Classifier(Kind):
    """A feed-forward or convolutional classifier; its decoder learns to rebuild rows from latents that it cannot change.

    So an encoder that was never asked to rebuild anything is still judged by what can be rebuilt from it; where it starts at PCA, that is
    what least squares rebuild in the end. When to stop is the heads' to say.
    """

    Parameters: ClassVar[type[Section]] = ClassifierParameters
    heads = (LABEL,)
    aside = ("reconstruction",)
    loss = "cross-entropy of heads"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.body: Kind = Convolutional(config) if config.body == "convolutional" else Deep(config)
        self.gene_wise = self.body.gene_wise

    @property
    def parameters(self) -> list[str]:
        """Its own, and those of its body."""
        return [*super().parameters, *self.body.parameters]

    def check(self, data: Preprocessed) -> None:
        """Refuse what the body cannot be trained on."""
        self.body.check(data)

    def build_encoder(self, inputs: Inputs) -> nn.Sequential:
        """That of the body."""
        return self.body.build_encoder(inputs)

    def run(self, network: Any, batch: Batch) -> Pass:
        """Encode for the heads alone."""
        z = network.encode(batch.x)
        x_hat = network.decode(z.detach())
        return Pass(z, x_hat, {"reconstruction": self.measure(network, x_hat, batch)})

    def finish(self, network: Any, train: Batch) -> None:
        """Anchored, let the decoder be the least-squares linear one of the latents that were kept: its slow path could not follow them."""
        import torch

        if network.decoder_shortcut is None:
            return
        with torch.no_grad():
            z, x = network.encode(train.x).double().cpu(), train.x.double().cpu()
            centre, origin = z.mean(0), x.mean(0)
            weight = torch.linalg.lstsq(z - centre, x - origin, driver="gelsd").solution
            network.decoder_shortcut.weight.copy_(weight.T)
            network.decoder[-1].weight.zero_()
            network.decoder[-1].bias.copy_(origin - centre @ weight)
