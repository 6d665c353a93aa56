"""Coordinates of training: genes, or the row space of the train matrix (dual form).

With fewer samples than genes, standardised train rows X (n x p) have rank r <= n - 1. With the thin
SVD X = U S V', every train row is x = V c with c = V'x of r numbers. A network whose first and last
layers are affine, under squared error, sees nothing else of x: gradients of the first layer lie in
the row space, and ``|x - x_hat|^2 = |c - c_hat|^2 + |x - V V'x|^2``, where the last term is 0 on
train rows and a constant on others. So the network is trained on c, and V is multiplied into its
first and last layer afterwards (:mod:`genexp.model.fold`). The minimum-norm solution lies in the
row space (representer theorem: Schölkopf, Herbrich & Smola, COLT 2001), and Gaussian initial
weights are the same in either basis, being invariant to rotation. Adam is not: it adapts each
coordinate alone. So V is rotated at random, which distributes the variance evenly over the
coordinates, as it is over standardised genes; along the principal axes themselves training took
three times the epochs to a lower held-out R2.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from genexp.errors import TrainingError
from genexp.model.pca import GENES_AT_A_TIME, ROWS_AT_A_TIME, decompose_rows, find_axes
from genexp.preprocessing import Preprocessed
from genexp.preprocessing.transform import Transform

ALIKE = 100
"""Below this ratio of the largest to the smallest singular value V is orthonormal to 1e-5 when
computed in float32."""
EXACT_UP_TO = 6000
"""Largest symmetric eigenproblem that is solved whole; beyond it PCA takes block power
iterations."""
CENTRED = 1e-3
"""Means of standardised genes below this are rounding."""
PAYS_BELOW = 0.7
"""The row space is chosen when the train samples are fewer than this share of the genes: beyond,
the decomposition costs what it saves."""


@dataclass(frozen=True)
class Basis:
    """Train and validation rows in the coordinates of training.

    Parameters
    ----------
    name : {"genes", "rows"}
    reason : str
        Reason for this basis.
    train, val : ndarray of float32, (n_train, d), (n_val, d)
        Coordinates of the rows, centred at the train mean.
    outside : ndarray of float64, (n_val,)
        Squared length of the part of each validation row outside the coordinates.
    mean : ndarray of float32, (n_genes,)
        Origin of the coordinates: the mean of the train rows.
    directions : ndarray of float32, (n_genes, d), or None
        Orthonormal columns V; None: the identity.
    principal : ndarray of float32, (d, k)
        Principal axes of the train rows in these coordinates, largest variance first.
    genes : tuple of str, (n_genes,)
        Names of the genes.
    transform : Transform or None
        From raw expression to scaled genes.
    """

    name: Literal["genes", "rows"]
    reason: str
    train: np.ndarray
    val: np.ndarray
    outside: np.ndarray
    mean: np.ndarray
    directions: np.ndarray | None
    principal: np.ndarray
    genes: tuple[str, ...] = ()
    transform: Transform | None = None

    @property
    def n_genes(self) -> int:
        """Number of genes behind the coordinates."""
        return len(self.mean)


def choose_basis(
    asked: str, n_train: int, n_genes: int, needs_genes: str = ""
) -> tuple[Literal["genes", "rows"], str]:
    """Choose the row space wherever it is exact and saves time; with the reason in words.

    Raises
    ------
    TrainingError
        The row space is asked for, and ``needs_genes`` is the reason why it is not exact.
    """
    if needs_genes:
        if asked == "rows":
            raise TrainingError(
                f"basis=rows: this kind is trained on genes, because {needs_genes}; use basis=auto"
            )
        return "genes", needs_genes
    if asked == "genes":
        return "genes", "asked for"
    if asked == "rows":
        return "rows", "asked for"
    if n_train < PAYS_BELOW * n_genes and n_train <= EXACT_UP_TO:
        return (
            "rows",
            (
                f"exact under squared error, and {n_train} train samples span far fewer "
                f"dimensions than {n_genes} genes"
            ),
        )
    if n_train > EXACT_UP_TO:
        return (
            "genes",
            f"{n_train} train samples: their decomposition would cost more than it saves",
        )
    return "genes", f"{n_train} train samples for {n_genes} genes: the row space would save little"


def build_basis(data: Preprocessed, asked: str, n_latent: int, needs_genes: str = "") -> Basis:
    """Coordinates for training; the decomposition is computed once for each preprocessed cohort and
    kept in its folder.
    """
    X, val = data.matrix("train"), data.matrix("val")
    name, reason = choose_basis(asked, len(X), X.shape[1], needs_genes)
    if n_latent > min(len(X) - 1, X.shape[1]):
        raise TrainingError(
            f"n_latent={n_latent} is more than the data allow: {len(X)} train samples of "
            f"{X.shape[1]} genes span at most "
            f"{min(len(X) - 1, X.shape[1])} dimensions; choose a smaller n_latent"
        )
    genes, transform = tuple(data.var.index), data.transform
    if name == "rows":
        return replace(
            _load_row_space(cache_row_space(data), reason, n_latent),
            genes=genes,
            transform=transform,
        )
    folder = _cache_principal(data, n_latent)
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    rows = {"train": X, "val": val} | arrays
    rows["principal"] = rows["principal"][:, :n_latent]
    return Basis(
        "genes",
        reason,
        outside=np.zeros(len(val)),
        directions=None,
        genes=genes,
        transform=transform,
        **rows,
    )


def _load_row_space(folder: Path, reason: str, n_latent: int) -> Basis:
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    axes = arrays.pop("axes")
    if n_latent > len(axes):
        raise TrainingError(
            f"n_latent={n_latent} is more than the data allow: the train samples span "
            f"{len(axes)} dimensions"
        )
    return Basis("rows", reason, principal=axes[:n_latent].T, **arrays)


def _blocks(n_genes: int) -> Iterator[slice]:
    for start in range(0, n_genes, GENES_AT_A_TIME):
        yield slice(start, min(start + GENES_AT_A_TIME, n_genes))


def _centred_blocks(
    data: Preprocessed, part: Literal["train", "val"], mean: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of centred genes in float64. The matrix is mapped anew for each, so that pages already
    read no longer count as memory.
    """
    for block in _blocks(len(mean)):
        part_of_genes = data.matrix(part)[:, block].astype(np.float64)
        part_of_genes -= mean[block]
        yield block, part_of_genes


def _measure_mean(data: Preprocessed) -> np.ndarray:
    n_genes = data.matrix("train").shape[1]
    means = [
        data.matrix("train")[:, block].mean(axis=0, dtype=np.float64) for block in _blocks(n_genes)
    ]
    return np.concatenate(means).astype(np.float32)


def cache_row_space(data: Preprocessed) -> Path:
    """Folder with the decomposition of the train rows: mean, directions V, and coordinates of train
    and val rows.

    The Gram matrix and its eigenproblem are in float64: a direction of singular value s carries the
    rounding of the largest one divided by s. For the same reason V is computed in float64 unless
    all singular values are of one size.
    """
    folder = data.folder / "row_space"
    if folder.exists():
        return folder
    mean = _measure_mean(data)
    left, singular = decompose_rows(_centred_blocks(data, "train", mean), len(data.matrix("train")))
    with _publish(folder) as temporary:
        np.save(temporary / "mean.npy", mean)
        np.save(temporary / "axes.npy", _rotate(np.eye(len(singular))).astype(np.float32))
        np.save(temporary / "train.npy", _rotate(left * singular).astype(np.float32))
        weights = _rotate(left / singular).astype(
            np.float32 if singular[0] < ALIKE * singular[-1] else np.float64
        )
        del left
        directions = np.lib.format.open_memmap(
            temporary / "directions.npy",
            mode="w+",
            dtype=np.float32,
            shape=(len(mean), len(singular)),
        )
        val = np.zeros((len(data.matrix("val")), len(singular)))
        length = np.zeros(len(val))
        held_out = _centred_blocks(data, "val", mean)
        for (block, part), (_, held) in zip(
            _centred_blocks(data, "train", mean), held_out, strict=True
        ):
            directions[block] = part.T.astype(weights.dtype, copy=False) @ weights
            val += held @ directions[block]
            length += np.square(held).sum(axis=1)
        directions.flush()
        np.save(temporary / "val.npy", val.astype(np.float32))
        # A difference of two sums of squares: rounding can bring it below 0.
        np.save(temporary / "outside.npy", np.maximum(length - np.square(val).sum(axis=1), 0))
    return folder


def _rotate(rows: np.ndarray) -> np.ndarray:
    """Rotate rows (n, r) by a fixed random rotation: two rounds of random signs and an orthonormal
    cosine transform.

    It distributes any row over all coordinates as a Gaussian rotation does (Ailon & Chazelle, STOC
    2006), in O(r log r).
    """
    from scipy.fft import dct

    # A fixed seed, as the decomposition is shared by all trainings of a cohort, whatever their
    # seeds.
    rng = np.random.default_rng(0)
    for _ in range(2):
        rows = dct(
            rows * rng.choice([-1.0, 1.0], rows.shape[1]), axis=1, norm="ortho", overwrite_x=True
        )
    return rows


def _cache_principal(data: Preprocessed, n_latent: int) -> Path:
    """Folder of training on genes: the origin of the coordinates and at least ``n_latent``
    principal axes.

    Z-scores are centred as they are, up to rounding: their origin is 0 and the matrices of the
    cohort serve as they are. Others are centred once, into files that all workers map.
    """
    folder = data.folder / "principal"
    if folder.exists() and np.load(folder / "principal.npy", mmap_mode="r").shape[1] >= n_latent:
        return folder
    shape, mean = data.matrix("train").shape, _measure_mean(data)
    if is_centred := bool(np.abs(mean).max() < CENTRED):
        mean = np.zeros_like(mean)
    if min(shape) <= EXACT_UP_TO:
        # 256 axes cost little more than a few, and a search over n_latent asks for others in each
        # trial.
        axes = _principal_axes_exact(
            data, mean, min(256, shape[0] - 1, shape[1]) if n_latent <= 256 else n_latent
        )
    else:
        axes = _principal_axes_iterated(data.matrix("train"), mean, n_latent)
    shutil.rmtree(folder, ignore_errors=True)
    with _publish(folder) as temporary:
        np.save(temporary / "principal.npy", axes.astype(np.float32))
        np.save(temporary / "mean.npy", mean)
        for part in () if is_centred else ("train", "val"):
            _write_centred(temporary / f"{part}.npy", data.matrix(part), mean)
    return folder


def _write_centred(path: Path, X: np.ndarray, mean: np.ndarray) -> None:
    centred = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=X.shape)
    for start in range(0, len(X), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        np.subtract(X[rows], mean, out=centred[rows])
    centred.flush()


def _principal_axes_exact(data: Preprocessed, mean: np.ndarray, k: int) -> np.ndarray:
    return find_axes(
        lambda: _centred_blocks(data, "train", mean), data.matrix("train"), mean, k, whole=True
    )[0]


def _principal_axes_iterated(
    X: np.ndarray, mean: np.ndarray, k: int, n_iterations: int = 8
) -> np.ndarray:
    """Randomised subspace iteration (Halko, Martinsson & Tropp, SIAM Review 2011, algorithm 4.4),
    in float32 blocks.
    """
    # 20 further axes, without which the last ones of the k converge slowly.
    axes = np.random.default_rng(0).standard_normal((X.shape[1], k + 20)).astype(np.float32)
    for _ in range(n_iterations + 1):
        image = X @ axes - mean @ axes
        axes = np.linalg.qr(X.T @ image - np.outer(mean, image.sum(axis=0)))[0]
    projected = X @ axes - mean @ axes
    rotation = np.linalg.svd(projected.astype(np.float64), full_matrices=False)[2].T[:, :k]
    return axes @ rotation.astype(np.float32)


@contextmanager
def _publish(folder: Path) -> Iterator[Path]:
    """A temporary sibling that becomes ``folder`` when the block ends well, so that nobody sees
    half of it.
    """
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield temporary
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
