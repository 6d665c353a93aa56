"""Convolutions along ordered genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.model_type import Inputs
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from torch import Tensor, nn

    from genexp.model.training_data import TrainingData


class ConvolutionalParameters(Section):
    """Parameters of the convolutional autoencoder."""

    channels: int = Field(
        8,
        ge=1,
        le=1024,
        description="convolutional: patterns that are sought in every window of genes",
    )
    kernel: int = Field(32, ge=1, le=4096, description="convolutional: genes of a window")
    stride: int = Field(
        16,
        ge=1,
        le=4096,
        description="convolutional: genes from one window to the next; at most those of a window",
    )
    gene_order: Literal["correlation", "given", "shuffled"] = Field(
        "correlation",
        description="convolutional: order of the genes; correlation: "
        "neighbours move together in train "
        "samples, given: as in the cohort, "
        "shuffled: the control",
    )


class Convolutional(Deep):
    """One layer of 1-D convolutions along ordered genes before the deep encoder (LeCun et al.,
    Neural Computation 1989).

    ``h_ct = relu(b_c + sum_k w_ck x_(s t + k))`` for channel c and window t of stride s. Windows
    share their weights, which supposes that a pattern means the same wherever it lies. No natural
    order of genes has that property, so the shuffled order is there as control. The decoder is the
    deep one.
    """

    Parameters: ClassVar[type[Section]] = ConvolutionalParameters
    gene_wise = "its windows lie along genes"

    def check(self, data: TrainingData) -> None:
        """Refuse windows larger than the genes, or strides that skip genes."""
        super().check(data)
        kernel, stride, n_genes = self.config.kernel, self.config.stride, len(data.var)
        if kernel > n_genes:
            raise TrainingError(
                f"kernel={kernel}: windows of at most the cohort's {n_genes} genes were "
                "expected; choose a smaller kernel"
            )
        if stride > kernel:
            raise TrainingError(
                f"stride={stride}: at most kernel={kernel} was expected, else genes between "
                "windows are seen by none"
            )

    def build_encoder(self, inputs: Inputs) -> nn.Sequential:
        """Build the convolution, and the deep encoder on its outputs."""
        from genexp.model.autoencoder import build_body
        from genexp.model.layers import GeneConvolution

        config = self.config
        shape = (config.channels, config.kernel, config.stride)
        front = GeneConvolution(
            self._order(inputs), *shape, inputs.power / inputs.n_inputs, config.batch_norm
        )
        widths = [front.n_outputs, *self.hidden, config.n_latent]
        # A rectified output of He-normal weights has mean square 1; half of that starts the next
        # layer larger by sqrt(2). It is kept,
        # because all reported results started so.
        body = build_body(
            widths,
            config.dropout,
            config.batch_norm,
            front.n_outputs / 2,
            float(config.n_latent),
            self.activation,
        )
        body.insert(0, front)
        return body

    def _order(self, inputs: Inputs) -> Tensor:
        """Indices of the genes (n_genes,), first to last."""
        import torch

        from genexp.model.gene_order import order_by_correlation

        if self.config.gene_order == "shuffled":
            return torch.randperm(inputs.n_inputs)
        if self.config.gene_order == "given":
            return torch.arange(inputs.n_inputs)
        assert inputs.lengths is not None
        return torch.from_numpy(order_by_correlation((inputs.principal * inputs.lengths).numpy()))
