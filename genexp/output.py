"""Files for the user: latents and cohorts in several formats, written completely or not at all."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genexp.errors import ConfigError, name_some

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def _write_parquet(latent: pd.DataFrame, _: pd.DataFrame, path: Path) -> None:
    latent.to_parquet(path)


def _write_text(latent: pd.DataFrame, _: pd.DataFrame, path: Path) -> None:
    latent.to_csv(path, sep="," if path.suffix == ".csv" else "\t")


def _write_h5ad(latent: pd.DataFrame, obs: pd.DataFrame, path: Path) -> None:
    """Write latents as ``obsm["X_latent"]``, with the annotations as ``obs``."""
    from anndata import AnnData

    AnnData(obs=obs, obsm={"X_latent": latent.to_numpy()}).write_h5ad(path)


WRITERS = {
    ".parquet": _write_parquet,
    ".tsv": _write_text,
    ".csv": _write_text,
    ".h5ad": _write_h5ad,
}
"""Writers of latents, by the ending of the file."""


def write_latent(latent: pd.DataFrame, obs: pd.DataFrame, path: Path) -> None:
    """Write latents in the format of the file's ending."""
    write_whole(path, lambda temporary: WRITERS[path.suffix](latent, obs, temporary))


def write_cohort(adata: AnnData, path: Path) -> list[Path]:
    """Write a cohort as it was read, and return the files.

    An h5ad file holds all of it: ``uns["scale"]`` names the scale, ``uns["reading"]`` describes the
    reading (JSON). A table holds the values, samples in rows, and ``<out>.obs.tsv`` the
    annotations. A column ``batch`` that was read as an annotation keeps its name.
    """
    obs = _writable(
        adata.obs.rename(columns={} if "batch" in adata.obs else {"given_batch": "batch"})
    )
    if path.suffix == ".h5ad":
        write_whole(path, lambda temporary: _write_anndata(adata, obs, temporary))
        return [path]
    values = adata.to_df()
    if path.suffix == ".parquet":
        twice = values.columns[values.columns.duplicated()].unique()
        if len(twice):
            raise ConfigError(
                f"out={path}: a Parquet table needs unique genes, found {name_some(twice)} "
                "more than once; write .h5ad or .tsv.gz"
            )
        write_whole(path, values.to_parquet)
    else:
        compression = "gzip" if path.suffix == ".gz" else None
        write_whole(
            path, lambda temporary: values.to_csv(temporary, sep="\t", compression=compression)
        )
    obs_path = path.with_name(f"{path.name}.obs.tsv")
    write_whole(obs_path, lambda temporary: obs.to_csv(temporary, sep="\t"))
    return [path, obs_path]


def _write_anndata(adata: AnnData, obs: pd.DataFrame, path: Path) -> None:
    from anndata import AnnData

    uns = {
        "scale": adata.uns["scale"],
        "name": adata.uns["name"],
        "reading": json.dumps(adata.uns["report"], default=str),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "(Variable|Observation) names are not unique", UserWarning
        )
        AnnData(X=adata.X, obs=obs, var=_writable(adata.var), uns=uns).write_h5ad(
            path, compression="lzf"
        )


def _writable(table: pd.DataFrame) -> pd.DataFrame:
    """Convert columns for HDF5: mixed ones to text, names without a slash."""
    columns = {}
    for name, values in table.items():
        writable = values
        if values.dtype == object:
            mixed = not values.dropna().map(lambda value: isinstance(value, (str, bool))).all()
            writable = values.where(values.isna(), values.astype(str)) if mixed else values
        columns[str(name).replace("/", "_") or "unnamed"] = writable
    return type(table)(columns, index=table.index)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file completely or not at all."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            f"out={path}: expected a file that can be written; found: {error.strerror or error}"
        ) from None
    finally:
        if temporary.is_file():
            temporary.unlink()
