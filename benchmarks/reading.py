"""(d) Reading cohorts against pandas and anndata."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import Plan
from benchmarks.results import Ratio, Section, gib, seconds, times
from benchmarks.sides import Side, take_turns


@dataclass(frozen=True)
class Measured:
    """A file that is read: what it is, by whom else it is read, and how many times less genexp
    should take.
    """

    what: str
    other: str
    target: str = ""


FILES = {
    "genes.tsv.gz": Measured("tsv.gz, genes in rows", "pandas.read_csv", "3 x"),
    "samples.tsv.gz": Measured("tsv.gz, samples in rows", "pandas.read_csv", "3 x"),
    "cohort.parquet": Measured("parquet", "pandas.read_parquet"),
    "dense.h5ad": Measured("h5ad, dense", "anndata.read_h5ad", "0.77 x"),
    "sparse.h5ad": Measured("h5ad, sparse", "anndata.read_h5ad", "0.77 x"),
}
"""Checks may take three tenths of the time of ``anndata.read_h5ad``, which only reads: 1 / 1.3 is
0.77."""
ZERO_SHARE = 0.8
"""Of the values of the sparse file."""


def write_files(plan: Plan) -> dict[str, Path]:
    """The simulated cohort as gzipped text either way round (4 decimals), as Parquet and as h5ad;
    kept between runs.
    """
    folder = plan.folder / f"reading-{plan.n_samples}x{plan.n_genes}"
    paths = {name: folder / name for name in FILES}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _write(plan, paths)
    return paths


def _write(plan: Plan, paths: dict[str, Path]) -> None:
    import anndata
    import pandas as pd
    import scipy.sparse

    from genexp.cohort.simulators.bulk import simulate_cohort

    simulated = simulate_cohort(plan.n_samples, plan.n_genes)
    values, samples = simulated.X.round(4), list(simulated.obs.index)
    _write_text(paths["genes.tsv.gz"], "gene", simulated.genes, samples, values.T)
    _write_text(paths["samples.tsv.gz"], "sample", samples, simulated.genes, values)
    pd.DataFrame(values, index=samples, columns=simulated.genes).to_parquet(paths["cohort.parquet"])
    obs, var = simulated.obs[["patient_id"]], pd.DataFrame(index=simulated.genes)
    anndata.AnnData(values, obs=obs, var=var).write_h5ad(paths["dense.h5ad"])
    sparse = scipy.sparse.csr_matrix(
        np.where(values > np.quantile(values, ZERO_SHARE), values, np.float32(0))
    )
    anndata.AnnData(sparse, obs=obs, var=var).write_h5ad(paths["sparse.h5ad"])


def _write_text(
    path: Path, heading: str, rows: list[str], columns: list[str], values: np.ndarray
) -> None:
    import pyarrow as pa
    import pyarrow.csv

    table = pa.table(
        {heading: pa.array(rows)}
        | {name: pa.array(column) for name, column in zip(columns, values.T, strict=True)}
    )
    with pa.CompressedOutputStream(str(path), "gzip") as stream:
        pyarrow.csv.write_csv(
            table, stream, pyarrow.csv.WriteOptions(delimiter="\t", quoting_style="none")
        )


def genexp_reads(path: str) -> Iterator[dict[str, Any]]:
    """Checked cohorts, one a turn."""
    from genexp.cohort import read_cohort
    from genexp.settings.cohort import CohortConfig

    while True:
        start = time.perf_counter()
        shape = read_cohort(CohortConfig(cohort=path)).shape
        yield {"seconds": time.perf_counter() - start, "shape": shape}


def others_read(path: str) -> Iterator[dict[str, Any]]:
    """Tables by pandas, or by anndata for h5ad, as dense float32 with samples in rows; one a
    turn.
    """
    import anndata
    import pandas as pd

    while True:
        start = time.perf_counter()
        if path.endswith(".h5ad"):
            stored = anndata.read_h5ad(path).X
            X = np.asarray(
                stored if isinstance(stored, np.ndarray) else stored.toarray(), dtype=np.float32
            )
        elif path.endswith(".parquet"):
            X = np.ascontiguousarray(pd.read_parquet(path).to_numpy(dtype=np.float32))
        else:
            values = pd.read_csv(path, sep="\t", index_col=0).to_numpy(dtype=np.float32)
            X = np.ascontiguousarray(values.T if path.endswith("genes.tsv.gz") else values)
        yield {"seconds": time.perf_counter() - start, "shape": X.shape}


def measure_reading(plan: Plan) -> Section:
    """Seconds and peak memory of each file."""
    section = Section(f"(d) Reading {plan.n_samples:,} x {plan.n_genes:,}")
    rows = []
    for name, path in write_files(plan).items():
        file = FILES[name]
        sides = {
            "genexp": Side(genexp_reads, {"path": str(path)}),
            file.other: Side(others_read, {"path": str(path)}),
        }
        turns = take_turns(sides, plan.repeats, plan.apart)
        took = {
            reader: float(np.median([turn["seconds"] for turn in figures]))
            for reader, figures in turns.items()
        }
        ratio = times(took[file.other], took["genexp"])
        what = f"read {file.what}, {file.other}"
        section.ratios.append(
            Ratio(what, seconds(took["genexp"]), seconds(took[file.other]), ratio, file.target)
        )
        for reader, figures in turns.items():
            peak = gib(max(turn["peak"] for turn in figures))
            rows.append(
                {
                    "file": file.what,
                    "reader": reader,
                    "time": seconds(took[reader]),
                    "peak memory": peak,
                }
            )
    section.tables = [rows]
    section.notes = [
        "genexp's time includes its checks of names and values. All give dense float32 with "
        "samples in rows; of the sparse file "
        f"{ZERO_SHARE:.0%} of the values are 0."
    ]
    return section
