"""Counts are rebuilt as counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from genexp.errors import TrainingError
from genexp.model.kind import Batch, Inputs, Kind, Pass
from genexp.settings.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder
    from genexp.preprocessing import Preprocessed

LIBRARY = "library"
ROWS_AT_A_TIME = 1024
VALUES_AT_A_TIME = 2**18
"""Counts whose likelihood is taken together, in float64: as many as a processor's cache holds, which is some four times as fast."""


class CountParameters(Section):
    """What the count kind has of its own."""

    likelihood: Literal["negative_binomial", "zero_inflated"] = Field(
        "negative_binomial", description="count: distribution of a gene's counts; zero_inflated adds zeros that the mean does not explain"
    )
    dispersion: Literal["gene", "gene_sample"] = Field(
        "gene", description="count: whether a gene has one dispersion, or one for each sample, from the decoder"
    )


class Count(Kind):
    """Negative binomial counts around proportions of the library.

    As in scVI (Lopez et al., Nature Methods 2018) and DCA (Eraslan et al., Nature Communications 2019). Rows go in scaled, as for every
    kind. The decoder's outputs are logits of the genes' proportions; times the library size of the sample they are the means. The
    loss is the negative log likelihood per gene, in nats. What is rebuilt is the proportion, on the logarithmic scale of the rows; zero
    inflation is no part of it. It is the logarithm of a mean, and squared error asks for the mean of a logarithm, which noise makes
    smaller: R2 on such rows is below that of the deep kind even where the proportions are nearer to the truth. Anchored, the logits start
    at the train mean and the principal axes, which is near PCA where genes are well above zero.
    """

    Parameters: ClassVar[type[Section]] = CountParameters
    gene_wise = "each gene has a likelihood of its own"
    columns = (LIBRARY,)
    loss = "likelihood"

    def check(self, data: Preprocessed) -> None:
        """Refuse what is not counts, or is not kept so that the counts can be told from it, and an output beside the kind's own."""
        from genexp.preprocessing.transform import OF_COUNTS

        if self.config.output != "linear":
            raise TrainingError(
                f"kind=count rebuilds proportions by a softmax of its own, found output={self.config.output}; leave output=linear"
            )
        if data.scale != "counts":
            raise TrainingError(f"kind=count needs counts, this cohort is {data.scale}; give raw counts, or take another kind")
        transform = data.transform
        if transform.normalise not in OF_COUNTS or transform.clip is not None or transform.correction is not None:
            found = f"normalise={transform.normalise}, clip={transform.clip or 'none'}"
            found += "" if transform.correction is None else ", corrected studies"
            raise TrainingError(
                f"kind=count needs normalise={' or '.join(OF_COUNTS)}, clip=none and correction=none, so that counts are recovered; "
                f"this cohort has {found}"
            )

    def build(self, inputs: Inputs) -> Autoencoder:
        """The deep network, whose decoder gives logits, with the genes' dispersions."""
        import torch

        from genexp.model.counts import LEAST_COUNT, LN2, CountOutput, Dispersion

        network, transform = super().build(inputs), inputs.transform
        assert transform is not None
        assert inputs.origin is not None
        network.output = output = CountOutput(transform.shift, transform.spread, inputs.origin, transform.common_library)
        last: Any = network.decoder[-1]
        by_sample, inflated = self.config.dispersion == "gene_sample", self.config.likelihood == "zero_inflated"
        network.dispersion = Dispersion(last.in_features, inputs.n_inputs, by_sample, inflated)
        with torch.no_grad():
            level = torch.expm1(LN2 * torch.from_numpy(transform.fill)).clamp(min=LEAST_COUNT).log()
            last.bias.copy_(level - level.logsumexp(0))
            if network.decoder_shortcut is not None:
                network.decoder_shortcut.weight.mul_(LN2 * output.spread[:, None])
        return network

    def prepare(self, network: Any, train: Batch) -> None:
        """Let dispersions start at the moments of the counts."""
        import torch

        def read() -> Iterator[tuple[Tensor, Tensor]]:
            for x, library in zip(*(torch.split(rows, ROWS_AT_A_TIME) for rows in (train.x, train.targets[LIBRARY])), strict=True):
                yield network.output.recover(x, library), library

        network.dispersion.start(read)

    def run(self, network: Any, batch: Batch) -> Pass:
        """Encode, decode to proportions, and judge the counts."""
        import torch

        z = network.encode(batch.x)
        features = network.decoder[:-1](z)
        logits = network.decoder[-1](features)
        if network.decoder_shortcut is not None:
            logits = logits + network.decoder_shortcut(z)
        rows = torch.split(torch.arange(len(z), device=z.device), max(1, VALUES_AT_A_TIME // logits.shape[1]))
        losses = [_measure_loss(network, batch.x[at], batch.targets[LIBRARY][at], logits[at], features[at]) for at in rows]
        return Pass(z, network.output(logits), {"count": torch.cat(losses)})


def _measure_loss(network: Any, x: Tensor, library: Tensor, logits: Tensor, features: Tensor) -> Tensor:
    """Negative log likelihood per gene of each row (n,), in nats."""
    from genexp.model.counts import measure_log_likelihood

    counts = network.output.recover(x, library)
    log_mean = logits.double().log_softmax(1) + library.double().log()[:, None]
    log_size, gate = network.dispersion(features)
    return -measure_log_likelihood(counts, log_mean, log_size.double(), None if gate is None else gate.double()).mean(1)
