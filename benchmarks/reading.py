"""(d) Reading cohorts against pandas and anndata."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import Plan
from benchmarks.results import Ratio, Section, gib, seconds, times
from benchmarks.sides import Side, take_turns

FORMATS = ("tsv.gz", "parquet", "h5ad")


def write_files(plan: Plan) -> dict[str, Path]:
    """The simulated cohort as a gzipped text with genes in rows (4 decimals), as Parquet and as h5ad; kept between runs."""
    folder = plan.folder / f"reading-{plan.n_samples}x{plan.n_genes}"
    paths = {ending: folder / f"cohort.{ending}" for ending in FORMATS}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        _write(plan, paths)
    return paths


def _write(plan: Plan, paths: dict[str, Path]) -> None:
    import anndata
    import pandas as pd
    import pyarrow as pa
    import pyarrow.csv

    from genexp.cohort.simulate import simulate_cohort

    made = simulate_cohort(plan.n_samples, plan.n_genes)
    values = made.X.round(4)
    table = pd.DataFrame(values, index=made.obs.index, columns=made.genes)
    table.to_parquet(paths["parquet"])
    anndata.AnnData(values, obs=made.obs[["patient_id"]], var=pd.DataFrame(index=made.genes)).write_h5ad(paths["h5ad"])
    columns = {"gene": pa.array(made.genes)} | {name: pa.array(row) for name, row in zip(table.index, values, strict=True)}
    with pa.CompressedOutputStream(str(paths["tsv.gz"]), "gzip") as stream:
        pyarrow.csv.write_csv(pa.table(columns), stream, pyarrow.csv.WriteOptions(delimiter="\t", quoting_style="none"))


def genexp_reads(path: str) -> Iterator[dict[str, Any]]:
    """Checked cohorts, one a turn."""
    from genexp.cohort import read_cohort
    from genexp.config import CohortConfig

    while True:
        start = time.perf_counter()
        shape = read_cohort(CohortConfig(cohort=path)).shape
        yield {"seconds": time.perf_counter() - start, "shape": shape}


def others_read(path: str) -> Iterator[dict[str, Any]]:
    """Tables by pandas, or by anndata for h5ad, as float32 with samples in rows; one a turn."""
    import anndata
    import pandas as pd

    while True:
        start = time.perf_counter()
        if path.endswith(".h5ad"):
            X = np.asarray(anndata.read_h5ad(path).X, dtype=np.float32)
        elif path.endswith(".parquet"):
            X = np.ascontiguousarray(pd.read_parquet(path).to_numpy(dtype=np.float32))
        else:
            X = np.ascontiguousarray(pd.read_csv(path, sep="\t", index_col=0).to_numpy(dtype=np.float32).T)
        yield {"seconds": time.perf_counter() - start, "shape": X.shape}


def measure_reading(plan: Plan) -> Section:
    """Seconds and peak memory of each format."""
    section = Section(f"(d) Reading {plan.n_samples:,} x {plan.n_genes:,}")
    rows = []
    for ending, path in write_files(plan).items():
        other = "anndata.read_h5ad" if ending == "h5ad" else "pandas.read_csv" if ending == "tsv.gz" else "pandas.read_parquet"
        sides = {"genexp": Side(genexp_reads, {"path": str(path)}), other: Side(others_read, {"path": str(path)})}
        found = take_turns(sides, plan.repeats, plan.apart)
        took = {name: float(np.median([turn["seconds"] for turn in turns])) for name, turns in found.items()}
        ratio = times(took[other], took["genexp"])
        section.ratios.append(
            Ratio(f"read {ending}, {other}", seconds(took["genexp"]), seconds(took[other]), ratio, "3 x" if ending == "tsv.gz" else "")
        )
        for name, turns in found.items():
            rows.append({"file": ending, "reader": name, "time": seconds(took[name]), "peak memory": gib(max(t["peak"] for t in turns))})
    section.tables = [rows]
    section.notes = ["genexp's time includes its checks of names and values, and gives float32 with samples in rows, as the others' does."]
    return section
