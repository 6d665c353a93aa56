"""Likelihoods of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.model_type import Inputs, Minibatch, Pass
from genexp.model.types.deep import Deep
from genexp.settings.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.networks import CountAutoencoder
    from genexp.model.training_data import TrainingData

LIBRARY = "library"
ROWS_AT_A_TIME = 1024
VALUES_AT_A_TIME = 2**18
"""Counts whose likelihood is taken together, in float64: as many as a processor's cache holds,
which is some four times as fast."""


class CountParameters(Section):
    """Parameters of the autoencoder of counts."""

    likelihood: Literal["negative_binomial", "zero_inflated"] = Field(
        "negative_binomial",
        description=(
            "count: distribution of a gene's counts; zero_inflated adds zeros that the mean does "
            "not explain"
        ),
    )
    dispersion: Literal["gene", "gene_sample"] = Field(
        "gene",
        description=(
            "count: whether a gene has one dispersion, or one for each sample, from the decoder"
        ),
    )


class Count(Deep):
    """Negative binomial counts around proportions of the library.

    As in scVI (Lopez et al., Nature Methods 2018) and DCA (Eraslan et al., Nature Communications
    2019)::

        p = softmax(g(z)),    k_j ~ NB(mean = library p_j, variance = mean + mean^2 / size_j),
        loss = -mean_j log P(k_j)

    Rows enter scaled, as for every model type. The loss is per gene, in nats. The reconstruction is
    the proportion, on the logarithmic scale of the rows, without zero inflation. It is the
    logarithm of a mean, and squared error asks for the mean of a logarithm, which noise makes
    smaller: R2 on such rows is below that of the deep autoencoder even where the proportions are
    nearer to the truth. With skip connections the logits start at the train mean and the principal
    axes, which is near PCA where genes are well above zero.
    """

    Parameters: ClassVar[type[Section]] = CountParameters
    gene_wise = "each gene has a likelihood of its own"
    columns = (LIBRARY,)
    loss = "likelihood"

    def check(self, data: TrainingData) -> None:
        """Refuse values from which counts cannot be recovered, and an output in addition to the
        softmax.
        """
        from genexp.preprocessing.transform import OF_COUNTS

        if self.config.output != "linear":
            raise TrainingError(
                "kind=count reconstructs proportions by a softmax of its own, found "
                f"output={self.config.output}; leave output=linear"
            )
        if data.scale != "counts":
            raise TrainingError(
                f"kind=count needs counts, this cohort is {data.scale}; give raw counts, or "
                "take another kind"
            )
        transform = data.transform
        if (
            transform.normalise not in OF_COUNTS
            or transform.clip is not None
            or transform.correction is not None
        ):
            actual = f"normalise={transform.normalise}, clip={transform.clip or 'none'}"
            actual += "" if transform.correction is None else ", corrected batches"
            raise TrainingError(
                f"kind=count needs normalise={' or '.join(OF_COUNTS)}, clip=none and "
                "correction=none, so that counts are recovered; "
                f"this cohort has {actual}"
            )

    def build(self, inputs: Inputs) -> CountAutoencoder:
        """Build the deep network, whose decoder gives logits, with the genes' dispersions."""
        from genexp.model.counts import CountOutput
        from genexp.model.networks import CountAutoencoder

        transform = inputs.transform
        assert transform is not None
        assert inputs.origin is not None
        output = CountOutput(
            transform.shift, transform.spread, inputs.origin, transform.common_library
        )
        by_sample, inflated = (
            self.config.dispersion == "gene_sample",
            self.config.likelihood == "zero_inflated",
        )
        network = CountAutoencoder(self.build_parts(inputs), output, by_sample, inflated)
        network.start_at(transform.fill)
        return network

    def prepare(self, network: Autoencoder, train: Minibatch) -> None:
        """Start dispersions at the moments of the counts."""
        import torch

        from genexp.model.networks import CountAutoencoder

        assert isinstance(network, CountAutoencoder)
        output = network.count_output

        def read() -> Iterator[tuple[Tensor, Tensor]]:
            for x, library in zip(
                *(torch.split(rows, ROWS_AT_A_TIME) for rows in (train.x, train.targets[LIBRARY])),
                strict=True,
            ):
                yield output.recover(x, library), library

        network.dispersion.start(read)

    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Encode, decode to proportions, and compute the likelihood of the counts."""
        import torch

        from genexp.model.networks import CountAutoencoder

        assert isinstance(network, CountAutoencoder)
        z = network.encode(minibatch.x)
        logits, features = network.decode_logits(z)
        blocks = torch.split(
            torch.arange(len(z), device=z.device), max(1, VALUES_AT_A_TIME // logits.shape[1])
        )
        losses = [
            _measure_loss(
                network,
                minibatch.x[rows],
                minibatch.targets[LIBRARY][rows],
                logits[rows],
                features[rows],
            )
            for rows in blocks
        ]
        return Pass(z, network.count_output(logits), {"count": torch.cat(losses)})


def _measure_loss(
    network: CountAutoencoder, x: Tensor, library: Tensor, logits: Tensor, features: Tensor
) -> Tensor:
    """Negative log likelihood per gene of each row (n,), in nats.

    In float64: log gamma functions of large counts differ by little, and the mean of a rare gene is
    the exponential of a small logit.
    """
    from genexp.model.counts import measure_log_likelihood

    counts = network.count_output.recover(x, library)
    log_mean = logits.double().log_softmax(1) + library.double().log()[:, None]
    log_size, gate = network.dispersion(features)
    return -measure_log_likelihood(
        counts, log_mean, log_size.double(), None if gate is None else gate.double()
    ).mean(1)
