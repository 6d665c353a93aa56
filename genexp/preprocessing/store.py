"""Preprocessed cohort on disk: one matrix per part, written once and whole, so that training never
reads test rows.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import pandas as pd

from genexp.errors import PreprocessError
from genexp.preprocessing.correction import BatchError
from genexp.preprocessing.split import PARTS, hash_split
from genexp.preprocessing.transform import OF_COUNTS, ROWS_AT_A_TIME, Transform, measure_library

MANIFEST = "files.json"
"""Names and sizes of the files of a folder, written last: a folder is complete when they agree."""


@dataclass(frozen=True)
class Preprocessed:
    """A split, filtered and scaled cohort. Train and validation rows are read freely; every access
    to held-out test rows is counted.

    Parameters
    ----------
    folder : Path
        Folder of the files; its name is the fingerprint.
    name : str
        Name of the cohort.
    scale : str
        Value scale of the raw cohort.
    fingerprint : str
        Hash of everything that decides the values.
    split_hash : str
        Hash of the parts of all samples.
    split : DataFrame, (n_samples, ...)
        ``part`` (``lost`` for excluded samples) and ``group`` of every sample, with its quality
        (``detected``, ``level``) where it was measured; index sample id.
    var : DataFrame, (n_genes, ...)
        Kept genes in matrix order: index gene name; ``source``, ``entrez_id`` and the statistics by
        which genes were filtered.
    transform : Transform
        Transform from raw expression to the stored values.
    report : dict
        Counts, policies and warnings.
    """

    folder: Path
    name: str
    scale: str
    fingerprint: str
    split_hash: str
    split: pd.DataFrame
    var: pd.DataFrame
    transform: Transform
    report: dict[str, Any]

    def matrix(self, part: Literal["train", "val"]) -> np.ndarray:
        """Load scaled values (n, n_genes) of float32 as a read-only memory map."""
        self._refuse_test(part)
        return np.load(self.folder / f"{part}.npy", mmap_mode="r")

    def obs(self, part: Literal["train", "val"]) -> pd.DataFrame:
        """Load annotations (n, ...) in the order of the matrix; index sample id."""
        self._refuse_test(part)
        return pd.read_parquet(self.folder / f"{part}.parquet")

    def access_test(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Load scaled values (n, n_genes) and annotations of the test rows; the access is counted
        on the split.
        """
        line = (
            json.dumps(
                {
                    "opened": datetime.now(UTC).isoformat(timespec="seconds"),
                    "fingerprint": self.fingerprint,
                }
            )
            + "\n"
        )
        with _writing(self._access_log), self._access_log.open("a") as file:
            file.write(line)
        return np.load(self.folder / "test.npy", mmap_mode="r"), pd.read_parquet(
            self.folder / "test.parquet"
        )

    @property
    def n_accesses(self) -> int:
        """Number of accesses to the test rows of this split, under any filter and scaling."""
        return len(self._access_log.read_text().splitlines()) if self._access_log.exists() else 0

    @property
    def _access_log(self) -> Path:
        return self.folder.parent / f"openings-{self.split_hash}.jsonl"

    def read_table(self, name: Literal["lost_genes", "lost_samples"]) -> pd.DataFrame:
        """Load the filtered genes (index gene name) or excluded samples (index sample id), with the
        reason.
        """
        return pd.read_parquet(self.folder / f"{name}.parquet")

    @staticmethod
    def _refuse_test(part: str) -> None:
        if part not in ("train", "val"):
            raise PreprocessError(
                f"expected train or val, found {part}: held-out test rows are read by "
                "access_test() alone, which counts the access"
            )


def load_preprocessed(folder: Path) -> Preprocessed:
    """Load a folder written by :func:`write_preprocessed`.

    Raises
    ------
    PreprocessError
        A file is absent or has another size than when it was written.
    """
    from safetensors.numpy import load_file

    try:
        _check_files(folder)
        report = json.loads((folder / "report.json").read_text())
        split = pd.read_parquet(folder / "split.parquet")
        spec: dict[str, Any] = json.loads((folder / "transform.json").read_text())
        transform = Transform.from_parts(spec, load_file(folder / "transform.safetensors"))
        var = pd.read_parquet(folder / "var.parquet")
    except (OSError, ValueError) as error:
        raise PreprocessError(
            f"expected a preprocessed cohort in {folder}, found a broken one ({error}); "
            "delete the folder and run again"
        ) from error
    return Preprocessed(
        folder,
        report["name"],
        report["scale"],
        folder.name,
        hash_split(split["part"]),
        split,
        var,
        transform,
        report,
    )


def _check_files(folder: Path) -> None:
    for name, size in json.loads((folder / MANIFEST).read_text()).items():
        if (actual := (folder / name).stat().st_size) != size:
            raise ValueError(f"{name} has {actual} instead of {size} bytes")


def prepare_cache(cache: str | Path) -> Path:
    """Create the folder of preprocessed cohorts inside a cache."""
    folder = Path(cache).absolute() / "cohorts"
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "permission denied")
    return folder


def write_preprocessed(
    folder: Path,
    raw_rows: Callable[[np.ndarray], np.ndarray],
    obs: pd.DataFrame,
    split: pd.DataFrame,
    var: pd.DataFrame,
    transform: Transform,
    report: dict[str, Any],
    tables: dict[str, pd.DataFrame],
) -> Preprocessed:
    """Transform and write a cohort, part by part and block by block.

    Everything is written into a temporary sibling, which is then renamed in one step, so a folder
    of that name is complete. If another process was faster, its folder stays.

    Parameters
    ----------
    folder : Path
        Folder to create; its name is the fingerprint.
    raw_rows : callable
        Function from some rows of ``obs`` to raw values (len(rows), n_genes) of the kept genes.
    obs, split : DataFrame, (n_samples, ...)
        Annotations and assignment of the same samples in the same order. Where counts become counts
        per million, the annotations are stored with ``library``, the sum of a sample over the kept
        genes: it recovers the counts from the scaled values. Where batches are corrected, ``obs``
        has the column ``batch``.
    var : DataFrame, (n_genes, ...)
        Kept genes.
    transform : Transform
        Transform of raw rows. An unseen batch is estimated in each part from the rows of that part,
        or refused.
    report : dict
        Report to store; ``parts`` is added, with the numbers of ``samples`` and of ``filled``
        values of each part.
    tables : dict of str to DataFrame
        Further tables to store by name.

    Raises
    ------
    PreprocessError
        The folder cannot be written, or the transform cannot correct the batch of a sample.
    """
    temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    with _writing(folder):
        try:
            temporary.mkdir()
            parts = {}
            for part in PARTS:
                rows = np.flatnonzero(split["part"].to_numpy() == part)
                n_filled, library = _write_matrix(
                    temporary / f"{part}.npy", raw_rows, rows, transform, obs.get("batch")
                )
                annotations = (
                    obs.iloc[rows]
                    if transform.normalise not in OF_COUNTS
                    else obs.iloc[rows].assign(library=library)
                )
                _make_writable(annotations).to_parquet(temporary / f"{part}.parquet")
                parts[part] = {"samples": len(rows), "filled": n_filled}
            _write_rest(temporary, split, var, transform, {**report, "parts": parts}, tables)
            _rename_whole(temporary, folder)
        except BatchError as error:
            raise PreprocessError(str(error)) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return load_preprocessed(folder)


def _write_matrix(
    path: Path,
    raw_rows: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    transform: Transform,
    batch: pd.Series | None,
) -> tuple[int, np.ndarray]:
    """Write transformed rows as .npy; return the number of filled missing values, and the library
    size (n_samples,).

    It writes a plain file, not a memory map: pages of a map count as memory, and on a full disk a
    map kills the process.
    """
    from tqdm import tqdm

    n_filled, library = 0, np.zeros(len(rows))
    part_batch = None if batch is None else batch.iloc[rows]
    transform = transform.extend_to_batches(
        part_batch, len(rows), lambda index: raw_rows(rows[index])
    )
    with path.open("wb") as file:
        _write_header(file, (len(rows), len(transform.shift)))
        for start in tqdm(
            range(0, len(rows), ROWS_AT_A_TIME),
            desc=f"scale {path.stem}",
            unit="block",
            leave=False,
            disable=None,
        ):
            block = slice(start, start + ROWS_AT_A_TIME)
            raw = raw_rows(rows[block])
            n_filled += int(np.count_nonzero(np.isnan(raw)))
            library[block] = measure_library(raw)
            file.write(
                transform.apply(raw, None if part_batch is None else part_batch.iloc[block]).data
            )
    return n_filled, library


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(file, header)


def _write_rest(
    folder: Path,
    split: pd.DataFrame,
    var: pd.DataFrame,
    transform: Transform,
    report: dict[str, Any],
    tables: dict[str, pd.DataFrame],
) -> None:
    from safetensors.numpy import save_file

    spec, arrays = transform.to_parts()
    save_file(arrays, folder / "transform.safetensors")
    (folder / "transform.json").write_text(json.dumps(spec))
    (folder / "report.json").write_text(json.dumps(report, indent=1, default=str))
    for name, table in {"split": split, "var": var, **tables}.items():
        _make_writable(table).to_parquet(folder / f"{name}.parquet")
    (folder / MANIFEST).write_text(
        json.dumps({path.name: path.stat().st_size for path in sorted(folder.iterdir())})
    )


def _rename_whole(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _make_writable(table: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of mixed numbers and texts into texts, which Parquet can hold."""
    mixed = [
        name
        for name in table
        if pd.api.types.infer_dtype(table[name], skipna=True).startswith("mixed")
    ]
    return table.assign(
        **{name: table[name].where(table[name].isna(), table[name].astype(str)) for name in mixed}
    )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an error of writing into a message that names the folder."""
    try:
        yield
    except OSError as error:
        raise PreprocessError(
            f"expected a folder to write to, but {path} cannot be written "
            f"({error.strerror or error}); name another folder with cache="
        ) from error
