"""What a kind of autoencoder is: its network, what happens to rows in training, and the terms of its loss.

The class here is the deep autoencoder; every other kind is a subclass in a file of its own under :mod:`genexp.model.kinds` and
changes what it changes. Kinds are known to the config, which must load at once, so torch is imported where it computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from genexp.settings.section import Section

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor, nn

    from genexp.model.autoencoder import Autoencoder
    from genexp.preprocessing import Preprocessed
    from genexp.preprocessing.transform import Transform

LABEL, SURVIVAL = "label", "survival"
SQUARED_ERROR = "squared error"
SUBJECT, PLACE = "sequence/subject", "sequence/place"
"""Where a sample stands among those of its subject, for heads with a memory; names that no column of the annotations is likely to have."""


@dataclass(frozen=True)
class Inputs:
    """What a network is built for.

    Parameters
    ----------
    n_inputs : int
        Coordinates of a row.
    n_genes : int
        Genes behind them.
    power : float
        Mean squared length of the train rows.
    residual : float
        Squared error per gene of PCA with as many components as there are latents, on train rows.
    principal : Tensor of float32, (n_inputs, n_latent)
        Principal axes of the train rows in these coordinates.
    unit : float
        Root mean square of the principal components of the train rows.
    lengths : Tensor of float32, (n_latent,), or None
        Root mean square of each principal component of the train rows.
    genes : tuple of str, (n_genes,)
        Names of the genes.
    origin : ndarray of float32, (n_genes,), or None
        Where the coordinates have their zero, in scaled gene space.
    transform : Transform or None
        From raw expression to scaled genes.
    classes : mapping of str to int
        Number of classes of each label that a head predicts.
    survival : bool
        Whether a head predicts survival.
    """

    n_inputs: int
    n_genes: int
    power: float
    residual: float
    principal: Tensor
    unit: float
    lengths: Tensor | None = None
    genes: tuple[str, ...] = ()
    origin: np.ndarray | None = None
    transform: Transform | None = None
    classes: Mapping[str, int] = field(default_factory=dict)
    survival: bool = False


@dataclass(frozen=True)
class Batch:
    """Rows that a network sees together.

    Parameters
    ----------
    x : Tensor of float32, (n, n_inputs)
        Coordinates.
    outside : Tensor of float64, (n,), or float
        Squared length of what the coordinates do not hold.
    n_genes : int
    targets : mapping of str to Tensor, (n,)
        Class codes by label, -1 where unknown; ``time_days`` (NaN where unknown) and ``event`` for survival; what the kind
        reads of samples.
    directions : Tensor of float32, (n_genes, n_inputs), or None
        Way from coordinates to genes; None where they are the same.
    epoch : int
        0 before the first step.
    """

    x: Tensor
    n_genes: int
    outside: Tensor | float = 0.0
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    directions: Tensor | None = None
    epoch: int = 0

    def pick(self, rows: Tensor, epoch: int = 0) -> Batch:
        """Some of the rows."""
        outside = self.outside if isinstance(self.outside, float) else self.outside[rows]
        targets = {name: values[rows] for name, values in self.targets.items()}
        return Batch(self.x[rows], self.n_genes, outside, targets, self.directions, epoch)


@dataclass(frozen=True)
class Pass:
    """What a network made of a batch.

    Parameters
    ----------
    z : Tensor of float32, (n, n_latent)
    x_hat : Tensor of float32, (n, n_inputs)
    terms : mapping of str to Tensor, (n,) or ()
        Terms of the loss, each with its weight, by row where a term has rows; the loss is the sum of their means.
    """

    z: Tensor
    x_hat: Tensor
    terms: Mapping[str, Tensor]


class Kind:
    """The deep autoencoder (Hinton & Salakhutdinov, Science 2006), anchored at PCA where the configuration says so.

    Parameters
    ----------
    config : settings with the sections of the model, and of the kind's own parameters
    """

    Parameters: ClassVar[type[Section]] = Section
    """The kind's own parameters; their names are free of other kinds' names."""
    gene_wise: str = ""
    """Why the kind is trained on genes themselves; empty where the span of the train rows is exact."""
    latent_activation: ClassVar[str] = "linear"
    """``linear``, ``relu`` or ``sigmoid``, unless the configuration says otherwise (:attr:`activation`)."""
    heads: ClassVar[tuple[str, ...]] = ()
    """Targets that are predicted even where the configuration names none."""
    columns: ClassVar[tuple[str, ...]] = ()
    """Numbers of each sample that the kind needs beside its genes: columns of the preprocessed annotations."""
    together: ClassVar[str] = ""
    """What the kind reads of samples that must be whole in a step: rows of one value stay together; empty: each row is drawn alone."""
    aside: ClassVar[tuple[str, ...]] = ()
    """Terms that train what the encoder does not feel, and so say nothing of when to stop: no part of the loss by which epochs are kept."""
    loss: ClassVar[str] = SQUARED_ERROR
    """What the loss is, in words: beside a squared error per gene PCA's and other kinds' can stand."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters that act in this kind beside those of every kind."""
        return [name for base in type(self).__mro__ if issubclass(base, Kind) for name in base.Parameters.model_fields]

    @property
    def needs_genes(self) -> str:
        """Why this configuration is trained on genes themselves; empty where the span of the train rows is exact."""
        if self.config.output != "linear":
            return self.gene_wise or f"output={self.config.output} acts on each gene"
        return self.gene_wise or ("an L1 penalty on weights is another one in the span" if self.config.l1 else "")

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the encoder's hidden layers."""
        return tuple(self.config.hidden)

    @property
    def n_state(self) -> int:
        """Units of the memory through which heads read a subject's samples; 0: they read each sample alone."""
        return 0

    @property
    def activation(self) -> str:
        """Activation of the latents."""
        return self.latent_activation

    @property
    def anchored(self) -> bool:
        """Whether linear paths that start at PCA run beside the network: latents and output must be linear."""
        return bool(self.config.anchor == "pca" and self.activation == "linear" and self.config.output == "linear")

    def check(self, data: Preprocessed) -> None:
        """Refuse a cohort that this configuration cannot be trained on."""
        if self.config.output != "linear":
            from genexp.model.output import check_range

            check_range(self.config.output, data)

    def read(self, obs: pd.DataFrame) -> dict[str, np.ndarray]:
        """What the kind needs of each sample (n,) beside its genes and targets: its ``columns``, unless it says more."""
        import numpy as np

        return {name: obs[name].to_numpy(np.float32) for name in self.columns}

    def build(self, inputs: Inputs) -> Autoencoder:
        """Untrained network."""
        from genexp.model.autoencoder import Autoencoder, build_body

        config, n_latent = self.config, self.config.n_latent
        style = (config.dropout, config.batch_norm)
        decoder = build_body([n_latent, *reversed(self.hidden), inputs.n_inputs], *style, float(n_latent), inputs.power)
        network = Autoencoder(self.build_encoder(inputs), decoder, inputs.principal if self.anchored else None, inputs.unit)
        self.add_output(network, inputs)
        return network

    def add_output(self, network: Autoencoder, inputs: Inputs) -> None:
        """Let the decoder end with the configured activation, at the genes' means."""
        if self.config.output != "linear":
            from genexp.model.output import add_output

            assert inputs.origin is not None
            add_output(network, self.config.output, inputs.origin)

    def build_encoder(self, inputs: Inputs) -> nn.Sequential:
        """Untrained body of the encoder, from coordinates to latents."""
        from genexp.model.autoencoder import build_body

        config, n_latent = self.config, self.config.n_latent
        widths = [inputs.n_inputs, *self.hidden, n_latent]
        return build_body(widths, config.dropout, config.batch_norm, inputs.power, float(n_latent), self.activation)

    def prepare(self, network: Any, train: Batch) -> None:
        """Anything to do before the first epoch, such as training layer by layer."""

    def run(self, network: Any, batch: Batch) -> Pass:
        """Encode and decode a batch and name the terms of its loss."""
        z = network.encode(batch.x)
        x_hat = network.decode(z)
        return Pass(z, x_hat, {"reconstruction": self.measure(network, x_hat, batch)})

    def measure(self, network: Any, x_hat: Tensor, batch: Batch) -> Tensor:
        """Loss per gene of each rebuilt row (n,)."""
        if self.config.reconstruction == "cross_entropy":
            entropy: Tensor = network.output.measure_cross_entropy(x_hat, batch.x)
            return entropy
        return measure_reconstruction(x_hat, batch)

    def end_step(self, network: Any, batch: Batch, z: Tensor) -> None:
        """Anything that follows a training step."""

    def finish(self, network: Any, train: Batch) -> None:
        """Anything to do once training has ended, to the network of the best epoch."""


def measure_reconstruction(x_hat: Tensor, batch: Batch) -> Tensor:
    """Squared error per gene of each row (n,), with the part outside the coordinates."""
    return ((x_hat.float() - batch.x).square().sum(1) + batch.outside) / batch.n_genes
