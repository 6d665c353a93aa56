"""Objects of Bioconductor: ExpressionSet, and SummarizedExperiment with its subclasses
(SingleCellExperiment, DESeqDataSet).
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from rdata.parser import RObject, RObjectType

from genexp.errors import CohortError, name_some
from genexp.files.damage import GuardedValues
from genexp.files.table import Table
from genexp.formats.r.objects import (
    ROW_NAMES,
    is_matrix,
    is_vector,
    read_attributes,
    read_classes,
    read_dimnames,
    read_list,
    read_matrix,
    read_names,
    read_r_frame,
    read_vectors,
    walk_pairs,
)

EXPRESSION_SET = {"assayData", "phenoData", "featureData"}
SUMMARIZED = {"assays", "colData", "elementMetadata"}


def is_experiment(item: RObject) -> bool:
    """Check whether an object has the slots of one of these classes."""
    return item.info.type is RObjectType.S4 and any(
        read_attributes(item).keys() >= slots for slots in (EXPRESSION_SET, SUMMARIZED)
    )


def open_experiment(item: RObject, assay: str, name: str) -> Table:
    """Open an assay (genes x samples) with the annotations of samples and genes.

    Parameters
    ----------
    item : RObject
    assay : str
        Name of the assay; empty: ``exprs`` of an ExpressionSet, or the only one.
    name : str
        Address of the file, for messages.
    """
    assays = {key: matrix for key, matrix in _list_assays(item) if is_matrix(matrix)}
    title = assay or (
        "exprs" if "exprs" in assays else next(iter(assays), "") if len(assays) == 1 else ""
    )
    if title not in assays:
        problem = f"no assay {assay!r}" if assay else "several assays or none"
        raise CohortError(
            f"{name} holds {problem} in its {read_classes(item)[0]}; expected one of "
            f"{name_some(assays, 10)}: name it by layer="
        )
    values, shape, dimnames = read_matrix(assays[title])
    samples, genes = read_samples(item), _read_genes(item)
    rows, columns, _ = read_dimnames(dimnames)
    rows = rows or _read_row_names(item, genes)
    columns = columns or [str(text) for text in samples.column(ROW_NAMES).to_pylist()]
    if (len(rows), len(columns)) != shape:
        raise CohortError(
            f"{name}: assay {title!r} is {shape[0]} x {shape[1]}, but has {len(rows)} names "
            f"of genes and {len(columns)} of samples; save "
            "the object again"
        )
    return Table(
        rows,
        columns,
        GuardedValues(values, name, read_classes(item)[0]),
        row_annotations=_fit(genes, len(rows)),
        column_annotations=_fit(samples, len(columns)),
        genes_in_rows=True,
        format=read_classes(item)[0],
        notes=(f"The values are the assay {title!r}.",),
    )


def _list_assays(item: RObject) -> list[tuple[str, RObject]]:
    slots = read_attributes(item)
    if "assayData" not in slots:
        return read_list(read_attributes(read_attributes(slots["assays"])["data"])["listData"])
    environment = slots["assayData"]
    if environment.info.type is not RObjectType.ENV:
        return read_list(environment)
    buckets = environment.value.hash_table.value or []
    return [pair for pairs in (environment.value.frame, *buckets) for pair in walk_pairs(pairs)]


def read_samples(item: RObject) -> pa.Table:
    """Read the annotations of samples; their names come first, under the heading ``rownames``."""
    slots = read_attributes(item)
    if "phenoData" in slots:
        return read_r_frame(read_attributes(slots["phenoData"])["data"], "phenoData")
    return _read_dataframe(slots["colData"])


def _read_genes(item: RObject) -> pa.Table:
    """Read the annotations of genes; a ranged experiment stores them with the ranges."""
    slots = read_attributes(item)
    if "featureData" in slots:
        return read_r_frame(read_attributes(slots["featureData"])["data"], "featureData")
    return _read_dataframe(
        read_attributes(slots["rowRanges"])["elementMetadata"]
        if "rowRanges" in slots
        else slots["elementMetadata"]
    )


def _read_row_names(item: RObject, genes: pa.Table) -> list[str]:
    """Read the names of genes where the assay has none: from the ranges, the experiment, or the
    annotations.
    """
    slots = read_attributes(item)
    ranges = read_attributes(slots["rowRanges"]) if "rowRanges" in slots else {}
    holders = [
        read_attributes(ranges[part]) for part in ("ranges", "partitioning") if part in ranges
    ]
    names = next(
        (names for holder in (*holders, slots) if (names := read_names(holder.get("NAMES")))), []
    )
    return names or (
        [str(text) for text in genes.column(ROW_NAMES).to_pylist()]
        if ROW_NAMES in genes.column_names
        else []
    )


def _read_dataframe(item: RObject) -> pa.Table:
    """Read the vectors of a DataFrame of S4Vectors, and its row names if it has some; other columns
    are dropped.
    """
    slots = read_attributes(item)
    vectors = [
        (title, column) for title, column in read_list(slots["listData"]) if is_vector(column)
    ]
    names = read_names(slots.get("rownames"))
    table = read_vectors(vectors)
    if not names:
        return table
    return (
        table.add_column(0, ROW_NAMES, pa.array(names))
        if vectors
        else pa.table([pa.array(names)], names=[ROW_NAMES])
    )


def _fit(table: pa.Table, length: int) -> pd.DataFrame:
    """Return annotations without the names; no columns where none exist."""
    frame = table.to_pandas().drop(columns=ROW_NAMES, errors="ignore")
    return frame if len(frame) == length else pd.DataFrame(index=range(length))
