"""Files for the user: latents in any form, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genexp.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def _write_parquet(latent: pd.DataFrame, _: pd.DataFrame, path: Path) -> None:
    latent.to_parquet(path)


def _write_text(latent: pd.DataFrame, _: pd.DataFrame, path: Path) -> None:
    latent.to_csv(path, sep="," if path.suffix == ".csv" else "\t")


def _write_h5ad(latent: pd.DataFrame, obs: pd.DataFrame, path: Path) -> None:
    """Latents as ``obsm["X_latent"]`` beside the annotations."""
    from anndata import AnnData

    AnnData(obs=obs, obsm={"X_latent": latent.to_numpy()}).write_h5ad(path)


WRITERS = {".parquet": _write_parquet, ".tsv": _write_text, ".csv": _write_text, ".h5ad": _write_h5ad}
"""How latents are written, by the ending of the file."""


def write_latent(latent: pd.DataFrame, obs: pd.DataFrame, path: Path) -> None:
    """Write latents as the file's ending says."""
    write_whole(path, lambda temporary: WRITERS[path.suffix](latent, obs, temporary))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that is whole or not there."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"out={path}: expected a file that can be written; found: {error.strerror or error}") from None
    finally:
        if temporary.is_file():
            temporary.unlink()
