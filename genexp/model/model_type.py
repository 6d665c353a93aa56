"""The contract of a model type: its network, the treatment of minibatches in training, and its
losses.

:class:`ModelType` is the base; each model type is a subclass in a file of its own under
:mod:`genexp.model.types`. Settings contain the
parameters of all model types and must load at once, so torch is imported where it computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from genexp.settings.section import Section

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor

    from genexp.model.autoencoder import Autoencoder
    from genexp.model.training_data import TrainingData
    from genexp.preprocessing.transform import Transform

SQUARED_ERROR = "squared error"


@dataclass(frozen=True)
class Inputs:
    """Shape and statistics of the train rows for which a network is built.

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
        Origin of the coordinates, in scaled gene space.
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
class Minibatch:
    """Rows that pass the network together.

    Parameters
    ----------
    x : Tensor of float32, (n, n_inputs)
        Coordinates.
    outside : Tensor of float64, (n,), or float
        Squared length of the part of each row outside the coordinates.
    n_genes : int
    targets : mapping of str to Tensor, (n,)
        Class codes by label, -1 where unknown; ``time_days`` (NaN where unknown) and ``event`` for
        survival; further values that the model type reads of each sample.
    directions : Tensor of float32, (n_genes, n_inputs), or None
        Orthonormal map from coordinates to genes; None where they are the same.
    epoch : int
        0 before the first step.
    """

    x: Tensor
    n_genes: int
    outside: Tensor | float = 0.0
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    directions: Tensor | None = None
    epoch: int = 0

    def pick(self, rows: Tensor, epoch: int = 0) -> Minibatch:
        """Select some of the rows."""
        outside = self.outside if isinstance(self.outside, float) else self.outside[rows]
        targets = {name: values[rows] for name, values in self.targets.items()}
        return Minibatch(self.x[rows], self.n_genes, outside, targets, self.directions, epoch)


@dataclass(frozen=True)
class Pass:
    """Latents, reconstruction and losses of a minibatch.

    Parameters
    ----------
    z : Tensor of float32, (n, n_latent)
    x_hat : Tensor of float32, (n, n_inputs)
    losses : mapping of str to Tensor, (n,) or ()
        Each with its weight, by row where a loss has rows; the total loss is the sum of their
        means.
    """

    z: Tensor
    x_hat: Tensor
    losses: Mapping[str, Tensor]

    def add(self, **losses: Tensor) -> Pass:
        """Add losses by their names."""
        return Pass(self.z, self.x_hat, {**self.losses, **losses})


class ModelType(ABC):
    """Base of all model types.

    Parameters
    ----------
    config : settings of the network and of the training, with the parameters of the model type
    """

    Parameters: ClassVar[type[Section]] = Section
    """Parameters that this model type adds; their names are free of other model types' names."""
    gene_wise: str = ""
    """Reason why the model type is trained on genes; empty where training in the row space is
    exact."""
    latent_activation: ClassVar[str] = "linear"
    """``linear``, ``relu`` or ``sigmoid``, unless the configuration overrides it
    (:attr:`activation`)."""
    heads: ClassVar[tuple[str, ...]] = ()
    """Targets that are predicted even where the configuration names none."""
    columns: ClassVar[tuple[str, ...]] = ()
    """Columns of the preprocessed annotations that the model type needs in addition to genes."""
    block: ClassVar[str] = ""
    """Name of the value whose equal rows stay together in one minibatch; empty: each row is drawn
    alone."""
    detached_losses: ClassVar[tuple[str, ...]] = ()
    """Losses with a stop-gradient at the latents; excluded from early stopping."""
    loss: ClassVar[str] = SQUARED_ERROR
    """Name of the loss: only losses of one name can be compared between model types, and with
    PCA."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters that act in this model type in addition to those of every one."""
        return [
            name
            for base in type(self).__mro__
            if issubclass(base, ModelType)
            for name in base.Parameters.model_fields
        ]

    @property
    def needs_genes(self) -> str:
        """Reason why this configuration is trained on genes; empty where training in the row space
        is exact.
        """
        if self.config.output != "linear":
            return self.gene_wise or f"output={self.config.output} acts on each gene"
        # |W|_1 depends on the coordinates, unlike squared weights and squared errors, which a
        # rotation leaves as they are.
        return self.gene_wise or (
            "an L1 penalty on weights is another one in the row space" if self.config.l1 else ""
        )

    @property
    def activation(self) -> str:
        """Activation of the latents."""
        return self.latent_activation

    @property
    def n_state(self) -> int:
        """Units of the memory through which heads read a subject's samples; 0: they read each
        sample alone.
        """
        return 0

    def check(self, data: TrainingData) -> None:
        """Refuse a cohort that this configuration cannot be trained on."""
        if self.config.output != "linear":
            from genexp.model.output import check_range

            check_range(self.config.output, data)

    def read(self, obs: pd.DataFrame) -> dict[str, np.ndarray]:
        """Read the values (n,) of each sample that the model type needs in addition to genes and
        targets: its ``columns``.
        """
        import numpy as np

        return {name: obs[name].to_numpy(np.float32) for name in self.columns}

    @abstractmethod
    def build(self, inputs: Inputs) -> Autoencoder:
        """Build the untrained network."""

    def prepare(self, network: Autoencoder, train: Minibatch) -> None:  # noqa: B027 (an optional step, as the two below)
        """Prepare the network before the first epoch, for example by pretraining layer by layer."""

    @abstractmethod
    def run(self, network: Autoencoder, minibatch: Minibatch) -> Pass:
        """Encode and decode a minibatch, and compute its losses."""

    def end_step(self, network: Autoencoder, minibatch: Minibatch, z: Tensor) -> None:  # noqa: B027
        """Update state that gradients do not reach, after each training step."""

    def finish(self, network: Autoencoder, train: Minibatch) -> None:  # noqa: B027
        """Complete the network of the best epoch once training has ended."""

    def measure_reconstruction(
        self, network: Autoencoder, x_hat: Tensor, minibatch: Minibatch
    ) -> Tensor:
        """Compute the configured reconstruction loss per gene of each row (n,): squared error or
        cross-entropy.
        """
        if self.config.reconstruction == "cross_entropy":
            from genexp.model.output import GeneOutput

            assert isinstance(network.output, GeneOutput)
            return network.output.measure_cross_entropy(x_hat, minibatch.x)
        return measure_squared_error(x_hat, minibatch)


def measure_squared_error(x_hat: Tensor, minibatch: Minibatch) -> Tensor:
    """Compute ``(|c - c_hat|^2 + outside) / n_genes`` of each row (n,): with orthonormal
    coordinates c, the squared error in genes.

    In float32 also where the network ran in bfloat16, whose 8 significant bits would lose small
    errors in the sum over genes.
    """
    return ((x_hat.float() - minibatch.x).square().sum(1) + minibatch.outside) / minibatch.n_genes
