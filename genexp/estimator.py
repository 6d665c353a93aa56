"""A scikit-learn estimator of the autoencoders, for plain arrays: in a ``Pipeline``,
``cross_val_score`` or ``GridSearchCV``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from genexp.errors import ConfigError
from genexp.settings.parse import parse_settings
from genexp.settings.tracking import RunConfig
from genexp.settings.training import EncoderConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genexp.preprocessing import Preprocessed

MIN_VAL = 2
"""Validation rows without which no epoch can be chosen."""


class Autoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Autoencoder whose latents are the features of what follows; with the default model type it
    starts at PCA.

    Features are standardised inside, and a part of the samples is set aside to choose the epoch.
    Test samples of a cross-validation never reach :meth:`fit`. For cohorts, with splits by patient
    and a verdict against PCA, use :func:`genexp.train`.

    Parameters
    ----------
    n_latent : int
        Latent dimensions; at most the number of features, and fewer than training samples.
    hidden : sequence of int
        Widths of the encoder's hidden layers, mirrored in the decoder.
    kind : str
        Model type; those that learn a label take it from ``y``.
    dropout, learning_rate, weight_decay, epochs, patience, minibatch
        As for :func:`genexp.train`.
    validation_fraction : float
        Share of the samples by which the epoch is chosen.
    random_state : int, RandomState or None
        Of the validation samples, the initial weights, the order of rows and the dropout. With one,
        the training runs in one thread, so that it is the same to the last digit.
    options : mapping, optional
        Further parameters of :func:`genexp.train` by name, such as ``{"threads": "auto"}``.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, (n_features_in_,)
        Mean and standard deviation of the features, without the samples that choose the epoch;
        constant features have the scale 1.
    encoder_ : genexp.model.encoder.Encoder
        Between standardised features and latents.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)
        Where ``X`` was a DataFrame.

    Examples
    --------
    >>> import numpy as np, genexp
    >>> X = np.random.default_rng(0).normal(size=(60, 20))
    >>> genexp.Autoencoder(n_latent=3, hidden=(8,), epochs=5, random_state=0).fit(X).transform(X).shape
    (60, 3)
    """  # noqa: E501

    def __init__(
        self,
        n_latent: int = 32,
        hidden: Sequence[int] = (2048, 512),
        kind: str = "deep",
        dropout: float = 0.2,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        epochs: int = 200,
        patience: int = 10,
        minibatch: int = 256,
        validation_fraction: float = 0.15,
        random_state: int | np.random.RandomState | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_latent = n_latent
        self.hidden = hidden
        self.kind = kind
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.patience = patience
        self.minibatch = minibatch
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.options = options

    def fit(self, X: Any, y: Any = None) -> Autoencoder:
        """Learn from samples.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
        y : array-like, (n_samples,), optional
            Label, for model types that learn one; others leave it aside.

        Raises
        ------
        ValueError
            A parameter is out of range, or ``X`` has too few samples or features.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        config = self._configure()
        random = check_random_state(self.random_state)
        order, seed = random.permutation(len(X)), int(random.randint(2**31 - 1))
        n_val = self._count_validation(X, config.n_latent)
        train = X[order[n_val:]]  # validation samples choose the epoch, and fit nothing
        mean, scale = train.mean(axis=0), train.std(axis=0)
        # Rounding leaves a constant feature with a tiny deviation, which would blow it up to noise
        # of unit variance, and with a mean that is not its value.
        constant = scale <= 10 * np.finfo(np.float64).eps * np.maximum(np.abs(mean), 1e-300)
        self.mean_ = np.where(constant, train[0], mean)
        self.scale_ = np.where(constant, 1.0, scale)
        with tempfile.TemporaryDirectory(prefix="genexp-") as folder, _own_torch():
            data = _write_parts(
                Path(folder), (X - self.mean_) / self.scale_, y, order[n_val:], order[:n_val]
            )
            from genexp.tracker import NullTracker
            from genexp.training.train import train_encoder

            run = RunConfig(cache=folder, seed=seed)
            self.encoder_ = train_encoder(data, config, run, 0.0, NullTracker()).encoder
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute latents (n_samples, n_latent) of float64."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        latents: np.ndarray = self.encoder_.encoder((X - self.mean_) / self.scale_)
        return latents

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Reconstruct features (n_samples, n_features) from latents (n_samples, n_latent)."""
        check_is_fitted(self)
        x_hat: np.ndarray = (
            self.encoder_.decoder(np.asarray(X, dtype=np.float64)) * self.scale_ + self.mean_
        )
        return x_hat

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the latents; those of the input play no part."""
        check_is_fitted(self)
        return np.asarray(self.encoder_.latents, dtype=object)

    def _configure(self) -> EncoderConfig:
        """Settings of the training; an unknown name among ``options`` is refused as by the command
        line.
        """
        names = (
            "n_latent",
            "hidden",
            "kind",
            "dropout",
            "learning_rate",
            "weight_decay",
            "epochs",
            "patience",
            "minibatch",
        )
        values = {name: _plain(getattr(self, name)) for name in names}
        # The number of threads is measured, and sums differ with it in their last digits.
        threads = {} if self.random_state is None else {"threads": "1"}
        try:
            return parse_settings(EncoderConfig, {**values, **threads, **dict(self.options or {})})
        except ConfigError as error:
            raise ValueError(str(error)) from None

    def _count_validation(self, X: np.ndarray, n_latent: int) -> int:
        """Number of validation rows, with which enough rows to train on are left."""
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction={self.validation_fraction}: expected a share between 0 and 1"
            )
        n_val = max(round(self.validation_fraction * len(X)), MIN_VAL)
        most = min(len(X) - n_val - 1, X.shape[1])
        if n_latent > most:
            raise ValueError(
                f"n_latent={n_latent}: expected at most {max(most, 0)}, the number of "
                "features, and fewer than samples to train on "
                f"(n_samples={len(X)}, of which {n_val} validate, and n_features={X.shape[1]})"
            )
        return n_val


def _plain(value: Any) -> Any:
    """Numbers of NumPy as Python's, sequences as tuples of them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(_plain(part) for part in value)
    if isinstance(value, np.generic):
        return value.item()
    return value


@contextmanager
def _own_torch() -> Iterator[None]:
    """Leave torch's random state and its number of threads as they were."""
    import torch

    n_threads = torch.get_num_threads()
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(n_threads)


def _write_parts(
    folder: Path, Z: np.ndarray, y: Any, train: np.ndarray, val: np.ndarray
) -> Preprocessed:
    """Standardised rows in the form that trainings read: train and validation rows, and no test
    rows.
    """
    from genexp.preprocessing.store import write_preprocessed
    from genexp.preprocessing.transform import Transform

    n_samples, n_features = Z.shape
    samples = pd.Index([f"sample_{i}" for i in range(n_samples)], name="sample_id")
    obs = pd.DataFrame({"group": samples}, index=samples)
    if y is not None:
        obs["label"] = (
            pd.Series(np.asarray(y).ravel(), index=samples).astype(str).astype("category")
        )
    part = pd.Series("lost", index=samples, name="part")
    part.iloc[train], part.iloc[val] = "train", "val"
    genes = [f"feature_{i}" for i in range(n_features)]
    zeros, ones = np.zeros(n_features, np.float32), np.ones(n_features, np.float32)
    report = {
        "name": "array",
        "scale": "zscore",
        "policies": {"duplicates": "refuse"},
        "warnings": [],
    }
    return write_preprocessed(
        folder / "array",
        lambda rows: Z[rows].astype(np.float32),
        obs,
        pd.concat([part, obs["group"]], axis=1),
        pd.DataFrame({"source": genes}, index=genes),
        Transform("none", None, zeros, zeros, ones),
        report,
        {},
    )
