"""The shipped form of an encoder: genes, transform and weights, in numpy alone.

Together with those of the modules that it imports, this file's text is part of every registered
encoder, so it imports nothing else of genexp, no torch and no mlflow. Whatever basis or kind an
encoder was trained in, it ends here: affine layers between genes and latents.
"""

from __future__ import annotations

import html
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genexp.model.checks import Rows, check_annotated, check_facts
from genexp.model.distribution import check_distribution
from genexp.model.prediction import Head
from genexp.model.table import (
    AnnotatedMatrix,
    GeneMismatchError,
    check_absent,
    match_columns,
    read_frame,
    read_values,
)
from genexp.preprocessing.transform import Transform

FORMAT = 1


class Layer(ABC):
    """A linear map with a bias, then an activation: ``linear``, ``relu``, ``sigmoid`` or
    ``softplus``.
    """

    bias: np.ndarray
    activation: str

    @abstractmethod
    def map(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, n_in) to pre-activations (n, n_out)."""

    @abstractmethod
    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """Gradients (n, n_in) for the input from those (n, n_out) for the pre-activations."""

    @property
    @abstractmethod
    def work(self) -> int:
        """Multiplications that a row takes."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, n_in) to rows (n, n_out)."""
        return self.activate(self.map(x))

    def activate(self, y: np.ndarray) -> np.ndarray:
        """Apply the activation to pre-activations (n, n_out)."""
        if self.activation == "relu":
            return np.maximum(y, 0)
        if self.activation == "softplus":
            return np.maximum(y, 0) + np.log1p(np.exp(-np.abs(y)))
        return 0.5 + 0.5 * np.tanh(0.5 * y) if self.activation == "sigmoid" else y

    def slope(self, y: np.ndarray) -> np.ndarray:
        """Derivative of the activation at pre-activations (n, n_out)."""
        if self.activation == "relu":
            return (y > 0).astype(y.dtype)
        if self.activation == "softplus":
            return 0.5 + 0.5 * np.tanh(0.5 * y)
        return (1 - np.tanh(0.5 * y) ** 2) / 4 if self.activation == "sigmoid" else np.ones_like(y)


@dataclass(frozen=True)
class Affine(Layer):
    """``activation(W x + b)`` with W (n_out, n_in) and b (n_out,) of float32."""

    weight: np.ndarray
    bias: np.ndarray
    activation: str = "linear"

    def map(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, n_in) to pre-activations (n, n_out)."""
        return x @ self.weight.T + self.bias

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """Gradients (n, n_in) for the input from those (n, n_out) for the pre-activations."""
        return gradient @ self.weight

    @property
    def work(self) -> int:
        """Multiplications that a row takes."""
        return self.weight.size


@dataclass(frozen=True)
class Convolution(Layer):
    """Patterns in windows along ordered genes; the first layer of a network, if any. Zeros fill the
    last window.

    Parameters
    ----------
    order : ndarray of int64, (n_genes,)
        Places of the genes, first to last.
    origin : ndarray of float32, (n_genes,)
        Is subtracted from a row.
    weight : ndarray of float32, (n_channels, kernel)
    bias : ndarray of float32, (n_channels,)
    stride : int
        Genes from one window to the next.
    activation : str
    """

    order: np.ndarray
    origin: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    activation: str = "linear"

    @property
    def n_windows(self) -> int:
        """Windows that hold all genes."""
        return -(-(len(self.order) - self.weight.shape[1]) // self.stride) + 1

    @property
    def work(self) -> int:
        """Multiplications that a row takes."""
        return self.n_windows * self.weight.size

    def map(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, n_genes) to pre-activations (n, n_channels * n_windows), channel by
        channel.
        """
        kernel = self.weight.shape[1]
        line = np.zeros((len(x), (self.n_windows - 1) * self.stride + kernel), dtype=np.float32)
        line[:, : len(self.order)] = (x - self.origin)[:, self.order]
        windows = np.lib.stride_tricks.sliding_window_view(line, kernel, axis=1)[:, :: self.stride]
        return (windows @ self.weight.T + self.bias).transpose(0, 2, 1).reshape(len(x), -1)

    def pull(self, gradient: np.ndarray) -> np.ndarray:
        """Gradients (n, n_genes) for the input from those (n, n_channels * n_windows) for the
        pre-activations.
        """
        kernel = self.weight.shape[1]
        by_window = (
            gradient.reshape(len(gradient), -1, self.n_windows).transpose(0, 2, 1) @ self.weight
        )
        line = np.zeros(
            (len(gradient), (self.n_windows - 1) * self.stride + kernel), dtype=gradient.dtype
        )
        for place in range(kernel):
            line[:, place : place + (self.n_windows - 1) * self.stride + 1 : self.stride] += (
                by_window[:, :, place]
            )
        pulled = np.empty((len(gradient), len(self.order)), dtype=gradient.dtype)
        pulled[:, self.order] = line[:, : len(self.order)]
        return pulled


@dataclass(frozen=True)
class LogCpm:
    """Last step of a decoder of counts: logits of proportions to scaled log2(common_library share +
    1), by the transform's own scaling.
    """

    shift: np.ndarray
    spread: np.ndarray
    common_library: float = 1e6

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Map logits (n, n_genes) to scaled values (n, n_genes)."""
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        scaled: np.ndarray = (np.log2(self.common_library * share + 1) - self.shift) / self.spread
        return scaled


@dataclass(frozen=True)
class Network:
    """Layers in sequence, with a PCA-initialised linear skip connection (``shortcut``) and a last
    step where there are any.
    """

    layers: tuple[Layer, ...]
    shortcut: Affine | None = None
    output: LogCpm | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Map rows (n, n_in) to rows (n, n_out)."""
        y = x
        for layer in self.layers:
            y = layer(y)
        y = y if self.shortcut is None else y + self.shortcut(x)
        return y if self.output is None else self.output(y)

    def to_parts(self, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Split into what JSON holds and what safetensors holds."""
        named: dict[str, Layer | LogCpm] = {
            f"{name}.{i}": layer for i, layer in enumerate(self.layers)
        }
        named |= {
            f"{name}.{key}": part
            for key, part in (("shortcut", self.shortcut), ("output", self.output))
            if part is not None
        }
        parts = {
            f"{key}.{part}": value
            for key, layer in named.items()
            for part, value in vars(layer).items()
        }
        spec: dict[str, Any] = {
            "activations": [layer.activation for layer in self.layers],
            "shortcut": self.shortcut is not None,
        }
        if self.output is not None:
            spec |= {"output": "log_cpm", "common_library": self.output.common_library}
        if isinstance(self.layers[0], Convolution):
            spec["stride"] = self.layers[0].stride
        return spec, {key: value for key, value in parts.items() if isinstance(value, np.ndarray)}

    @classmethod
    def from_parts(
        cls, name: str, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Network:
        """Undo :meth:`to_parts`."""

        def layer(key: str, activation: str) -> Affine:
            return Affine(arrays[f"{name}.{key}.weight"], arrays[f"{name}.{key}.bias"], activation)

        layers: tuple[Layer, ...] = tuple(
            layer(str(i), activation) for i, activation in enumerate(spec["activations"])
        )
        if "stride" in spec:
            order, origin, weight, bias = (
                arrays[f"{name}.0.{part}"] for part in ("order", "origin", "weight", "bias")
            )
            layers = (
                Convolution(
                    order.astype(np.int64),
                    origin,
                    weight,
                    bias,
                    spec["stride"],
                    layers[0].activation,
                ),
                *layers[1:],
            )
        output = None
        if "output" in spec:
            shift, spread = (arrays[f"{name}.output.{part}"] for part in ("shift", "spread"))
            output = LogCpm(shift, spread, spec.get("common_library", 1e6))
        return cls(layers, layer("shortcut", "linear") if spec["shortcut"] else None, output)


@dataclass(frozen=True, repr=False)
class Encoder:
    """An encoder with its contract.

    Parameters
    ----------
    genes : sequence of str, (n_genes,)
        Gene names, in the order of the weights.
    sources : sequence of str, (n_genes,)
        The same genes as the training file named them (``TP53|7157``).
    scale : str
        Value scale that raw expression must have.
    duplicates : {"max_variance", "mean", "first", "refuse"}
        What was done with genes of one name; ``mean`` averages them here too.
    transform : Transform
        From raw expression to the network's input.
    encoder, decoder : Network
        Genes to latents and back, on transformed values.
    max_missing : float
        Largest share of genes that a table may lack.
    card : mapping
        Where the encoder comes from: configuration, hashes, figures.
    calibration : mapping of str to ndarray of float32
        Reference for novelty (genexp.model.novelty); empty where it was not measured.
    heads : tuple of Head
        What was learnt to be predicted from the latents; empty where nothing was.
    """

    genes: Sequence[str]
    sources: Sequence[str]
    scale: str
    duplicates: str
    transform: Transform
    encoder: Network
    decoder: Network
    max_missing: float = 0.2
    card: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, np.ndarray] = field(default_factory=dict)
    heads: tuple[Head, ...] = ()

    @property
    def facts(self) -> dict[str, object]:
        """Facts that tell encoders apart, for one line: cohort, kind, numbers of genes and latents,
        scale.
        """
        kind = dict(self.card.get("config", {})).get("kind", "unknown")
        size = {"genes": len(self.genes), "latents": self.n_latent}
        return {
            "cohort": self.card.get("cohort", "unknown"),
            "kind": kind,
            **size,
            "scale": self.scale,
        }

    def __repr__(self) -> str:
        return f"<Encoder: {', '.join(f'{name}={value}' for name, value in self.facts.items())}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in self.facts.items()
        )
        return f"<table><caption>Encoder</caption>{rows}</table>"

    @property
    def n_latent(self) -> int:
        """Number of latent dimensions."""
        return len(self.encoder.layers[-1].bias)

    @property
    def latents(self) -> list[str]:
        """Column names of the latents."""
        return [f"latent_{i:0{len(str(self.n_latent - 1))}d}" for i in range(self.n_latent)]

    def encode(
        self, expression: pd.DataFrame | AnnotatedMatrix, batch: str | Iterable[str] | None = None
    ) -> pd.DataFrame:
        """Latents of raw expression.

        Parameters
        ----------
        expression : DataFrame or AnnData, (n_samples, any genes)
            Raw values on ``scale``; columns are gene names in any order and form, others are
            ignored. Of an AnnData, ``X`` is read.
        batch : str or iterable of str, (n_samples,), optional
            Batch of all samples, or of each; needed where the encoder corrects batches, and not
            used elsewhere.

        Returns
        -------
        DataFrame of float32, (n_samples, n_latent)
            With the index of ``expression``; ``attrs["filled_genes"]`` names genes that were
            absent, ``attrs["notes"]`` holds the sentences of which each is a warning, too.

        Raises
        ------
        ExpressionError
            What was given is no table of numbers with named genes in columns.
        GeneMismatchError
            More than ``max_missing`` of the genes or values are absent, or a gene is there twice.
        ScaleError
            Values are not on ``scale``.
        BatchError
            Batches are corrected, and that of a sample is not told, or is one that the encoder does
            not know and may not estimate.
        """
        raw, absent, samples, notes = self._read(expression)
        latent = pd.DataFrame(
            self.encoder(self.transform.apply(raw, batch)), index=samples, columns=self.latents
        )
        latent.attrs |= {"filled_genes": absent, "notes": notes}
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return latent

    def decode(self, latent: pd.DataFrame | np.ndarray) -> pd.DataFrame:
        """Expression on the normalised scale (n_samples, n_genes) from latents (n_samples,
        n_latent).
        """
        index = latent.index if isinstance(latent, pd.DataFrame) else None
        values = self.decoder(np.asarray(latent, dtype=np.float32))
        return pd.DataFrame(self.transform.invert(values), index=index, columns=list(self.genes))

    def predict(
        self,
        expression: pd.DataFrame | AnnotatedMatrix,
        head: str,
        batch: str | Iterable[str] | None = None,
        subjects: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Predict the target of a head from raw expression (n_samples, any genes).

        Parameters
        ----------
        expression, batch
            As for :meth:`encode`.
        head : str
            Name of the head.
        subjects : sequence of str, (n_samples,), optional
            Subject of each row, for a head that reads sequences; the rows of a subject stand in
            their order.

        Returns
        -------
        DataFrame of float32, (n_samples, n_classes or 1)
            Probability of each class of a label; of ``survival`` the log relative hazard
            ``risk_score`` (higher = worse).

        Raises
        ------
        ValueError
            The encoder has no such head, or the head needs ``subjects``.
        ExpressionError, BatchError
            As in :meth:`encode`.
        """
        found = self.find_head(head)
        latent = self.encode(expression, batch)
        return pd.DataFrame(
            found(latent.to_numpy(), subjects), index=latent.index, columns=found.columns
        )

    def find_head(self, name: str) -> Head:
        """Head of a name, or a ``ValueError`` with those that there are."""
        for head in self.heads:
            if head.name == name:
                return head
        raise ValueError(
            "this encoder predicts "
            f"{', '.join(head.name for head in self.heads) or 'nothing'}; '{name}' was asked "
            "for"
        )

    def align(self, expression: pd.DataFrame | AnnotatedMatrix) -> tuple[np.ndarray, list[str]]:
        """Pick the encoder's genes: raw float32 rows (n_samples, n_genes), NaN where absent, and
        the absent names.

        Checks and warns as :meth:`encode`.
        """
        raw, absent, _, notes = self._read(expression)
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return raw, absent

    def _read(
        self, expression: pd.DataFrame | AnnotatedMatrix
    ) -> tuple[np.ndarray, list[str], pd.Index, list[str]]:
        """Raw rows, absent genes, samples, and what is to be said about them; after all checks."""
        frame = read_frame(expression)
        if not isinstance(expression, pd.DataFrame):
            check_annotated(expression.uns, self.scale)
        columns = match_columns(
            [str(name) for name in frame.columns],
            self.genes,
            self.sources,
            self.duplicates,
            self.max_missing,
        )
        absent = [self.genes[int(i)] for i in np.flatnonzero(columns.first < 0)]
        check_absent(absent, frame, self.genes, self.max_missing)
        raw, notes = read_values(frame, columns)
        rows = Rows.of(raw, frame.index, self.genes, np.flatnonzero(columns.first >= 0), self.scale)
        notes = (
            [columns.note] * bool(columns.note)
            + notes
            + check_facts(rows)
            + check_distribution(rows, self.transform)
        )
        share = 0.0 if rows.complete else float(np.isnan(raw).mean())
        if share > self.max_missing:
            raise GeneMismatchError(
                f"{share:.0%} of the values are missing; this encoder accepts "
                f"{self.max_missing:.0%}"
            )
        if absent:
            shown = f"{', '.join(absent[:5])}{', ...' if len(absent) > 5 else ''}"
            notes.append(
                f"{len(absent)} of {len(self.genes)} genes are absent and stand at their "
                f"training mean: {shown}"
            )
        return raw, absent, frame.index, notes

    def save(self, folder: Path) -> None:
        """Write ``encoder.json`` and ``encoder.safetensors``."""
        from safetensors.numpy import save_file

        transform, arrays = self.transform.to_parts()
        spec: dict[str, Any] = {"format": FORMAT, "transform": transform}
        arrays = {f"transform.{name}": array for name, array in arrays.items()}
        arrays |= {f"calibration.{name}": array for name, array in self.calibration.items()}
        for name, network in (("encoder", self.encoder), ("decoder", self.decoder)):
            spec[name], weights = network.to_parts(name)
            arrays |= weights
        for i, head in enumerate(self.heads):
            described, weights = head.to_parts()
            spec.setdefault("heads", []).append(described)
            arrays |= {f"head.{i}.{name}": array for name, array in weights.items()}
        for name in ("scale", "duplicates", "max_missing"):
            spec[name] = getattr(self, name)
        spec |= {"genes": list(self.genes), "sources": list(self.sources), "card": dict(self.card)}
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()},
            folder / "encoder.safetensors",
        )
        (folder / "encoder.json").write_text(json.dumps(spec, indent=1, default=str))

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        spec = json.loads((Path(folder) / "encoder.json").read_text())
        if spec["format"] != FORMAT:
            raise ValueError(
                f"encoder format {spec['format']} is not {FORMAT}: load it with the genexp "
                "version that wrote it"
            )
        arrays = load_file(Path(folder) / "encoder.safetensors")

        def pick(start: str) -> dict[str, np.ndarray]:
            return {
                name.removeprefix(start): array
                for name, array in arrays.items()
                if name.startswith(start)
            }

        return cls(
            **{
                name: spec[name]
                for name in ("genes", "sources", "scale", "duplicates", "max_missing", "card")
            },
            transform=Transform.from_parts(spec["transform"], pick("transform.")),
            encoder=Network.from_parts("encoder", spec["encoder"], arrays),
            decoder=Network.from_parts("decoder", spec["decoder"], arrays),
            calibration=pick("calibration."),
            heads=tuple(
                Head.from_parts(one, pick(f"head.{i}."))
                for i, one in enumerate(spec.get("heads", []))
            ),
        )
