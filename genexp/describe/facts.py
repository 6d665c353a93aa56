"""Sentences about a file, its names and its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.probe import FileProbe
from genexp.formats import Table, find_format
from genexp.names.genes import describe_form

SAMPLE_FORMS = {
    "barcodes of TCGA": re.compile(r"TCGA[-.]\w\w[-.]\w{4}.*"),
    "barcodes of TARGET": re.compile(r"TARGET[-.]\d\d[-.].*"),
    "barcodes of GTEx": re.compile(r"GTEX[-.].*"),
    "identifiers of CPTAC": re.compile(r"C3[LN][-.]\d{5}.*"),
    "models of DepMap": re.compile(r"ACH-\d{6}"),
    "samples of GEO": re.compile(r"(GSE.*_)?GSM\d+.*"),
    "runs of the Sequence Read Archive": re.compile(r"[SED]R[RSX]\d{5,}.*"),
    "barcodes of cells": re.compile(r".*[ACGTN]{10,}([-_.:#]\w+)?"),
    "file names": re.compile(
        r".+\.(bam|sam|cel|fastq|fq|txt|tsv|csv|htseq|counts)(\.gz)?", re.IGNORECASE
    ),
    "whole numbers": re.compile(r"\d+"),
}
ROWS_AT_A_TIME = 256
MAX_SAMPLED = 500
"""Number of samples and of genes in the histogram of values."""


def describe_bytes(path: Path) -> list[str]:
    """Describe a file that cannot be read: its size and its first lines."""
    probe = FileProbe(path, path.name)
    try:
        sentences = [f"{find_format(probe).name}, {_count_bytes(path)}."]
        lines = [line for line in probe.lines[:200] if line.strip()][:3]
    except (CohortError, OSError):
        return [f"{_count_bytes(path)}."]
    if lines:
        sentences += ["Its first lines:", *(_cut(line.expandtabs(4), 88) for line in lines)]
    return sentences


def describe_file(table: Table, path: Path | None, annotations: pd.DataFrame | None) -> list[str]:
    """Describe the content of a file before any decision about its orientation and scale."""
    size = f", {_count_bytes(path)}" if path is not None and path.exists() else ""
    sentences = [
        (
            f"{table.format or 'Table'}{size}: {len(table.rows):,} rows x {len(table.columns):,} "
            "columns of values."
        )
    ]
    if table.named_rows:
        heading = f" under the heading {table.heading!r}" if table.heading.strip() else ""
        sentences.append(f"Rows{heading}: {_list_first(table.rows)}")
    else:
        sentences.append("Rows have no names.")
    sentences.append(f"Columns: {_list_first(table.columns)}")
    for frame, side in ((table.row_annotations, "columns"), (table.column_annotations, "rows")):
        if len(frame.columns):
            sentences.append(f"Other {side} of the file: {name_some(frame.columns, 12)}.")
    if annotations is not None:
        sentences.append(
            f"Table of annotations: {len(annotations):,} rows, columns "
            f"{name_some(annotations.columns, 12)}."
        )
    return sentences


def describe_samples(samples: Sequence[str], n_in_file: int) -> str:
    """Describe the number of kept samples, and the form of their names."""
    sampled = [
        samples[i] for i in np.linspace(0, len(samples) - 1, min(len(samples), 500)).astype(int)
    ]
    forms = {
        form: sum(pattern.fullmatch(name) is not None for name in sampled)
        for form, pattern in SAMPLE_FORMS.items()
    }
    form = max(forms, key=lambda name: forms[name])
    what = f": {form}" if 2 * forms[form] > len(sampled) else ""
    of_all = f" of {n_in_file:,}" if n_in_file != len(samples) else ""
    return (
        f"{len(samples):,}{of_all}{what} "
        f"({', '.join(samples[:3])}{', ...' if len(samples) > 3 else ''})."
    )


def describe_genes_found(genes: pd.Index, X: np.ndarray) -> list[str]:
    """Describe the number of genes, the form of their names, and the number of constant genes."""
    # of TCGA, genes with no symbol are the first
    named = [str(name) for name in genes if not str(name).startswith("?")]
    sentences = [f"{len(genes):,}: {describe_form(named or list(map(str, genes)))}."]
    with np.errstate(invalid="ignore"):
        n_constant = int((np.fmax.reduce(X, axis=0) <= np.fmin.reduce(X, axis=0)).sum())
    if n_constant:
        sentences.append(f"{n_constant:,} genes have one value in all samples.")
    return sentences


def sample_values(X: np.ndarray) -> np.ndarray:
    """Sample finite values of evenly spaced samples and genes, (k,)."""
    rows, columns = (np.linspace(0, n - 1, min(n, MAX_SAMPLED)).astype(int) for n in X.shape)
    values = X[np.ix_(rows, columns)].ravel()
    return values[np.isfinite(values)]


def describe_values(values: np.ndarray) -> str:
    """Describe the quantiles of values, and the shares of 0, whole and negative ones."""
    low, quarter, median, three, high = np.quantile(
        values.astype(np.float64), [0.01, 0.25, 0.5, 0.75, 0.99]
    )
    shares = {
        "zeros": (values == 0).mean(),
        "whole numbers": (values == np.rint(values)).mean(),
        "below 0": (values < 0).mean(),
    }
    listed = ", ".join(
        f"{_percent(float(share))} {name}" for name, share in shares.items() if share > 0
    )
    quantiles = (
        f"Quantiles (1, 25, 50, 75, 99 %): {low:,.4g}, {quarter:,.4g}, {median:,.4g}, "
        f"{three:,.4g}, {high:,.4g}"
    )
    return f"{quantiles}{f'; {listed}' if listed else ''}."


def describe_missing(X: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Describe the number of missing values; also return their share by gene (n_genes,)."""
    by_gene, n_infinite = np.zeros(X.shape[1]), 0
    for start in range(0, len(X), ROWS_AT_A_TIME):
        block = X[start : start + ROWS_AT_A_TIME]
        by_gene += (~np.isfinite(block)).sum(axis=0)
        n_infinite += int(np.isinf(block).sum())
    total = int(by_gene.sum())
    by_gene /= len(X)
    if not total:
        return ["None."], by_gene
    n_genes, n_half = int((by_gene > 0).sum()), int((by_gene > 0.5).sum())
    half = f"; {n_half:,} of them lack more than half of the samples" if n_half else ""
    infinite = f", {n_infinite:,} of them infinite" if n_infinite else ""
    return [
        f"{total:,} of {X.size:,} values{infinite}, in {n_genes:,} of {X.shape[1]:,} genes{half}."
    ], by_gene


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}" if share >= 0.001 else "<0.1%"


def _list_first(names: Sequence[str]) -> str:
    return f"{', '.join(_cut(name, 40) or '(empty)' for name in names[:3])}{', ...' if len(names) > 3 else ''}"  # noqa: E501


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _count_bytes(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    n_bytes = float(sum(file.stat().st_size for file in files))
    unit = "bytes"
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            break
        n_bytes /= 1000
    folder = f" in {len(files):,} files" if path.is_dir() else ""
    return f"{n_bytes:,.3g} {unit}{folder}" if unit != "bytes" else f"{n_bytes:,.0f} bytes{folder}"
