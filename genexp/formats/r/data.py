"""Files of R: one object (.rds) or several (.RData, .rda), read by rdata, which runs no code of the
file.
"""

from __future__ import annotations

import bz2
import lzma
import re
import warnings
import zlib
from dataclasses import replace

import pandas as pd
import rdata
from rdata.parser import RObject, RObjectType

from genexp.errors import CohortError, name_some
from genexp.files.columnar import InMemory, open_columns
from genexp.files.damage import GuardedValues, report_damage
from genexp.files.probe import FileProbe, Request, open_stream
from genexp.files.table import Table
from genexp.formats.format import Format
from genexp.formats.r import bioconductor as r_bioconductor
from genexp.formats.r import objects as r_objects

NAME = "R data"
TABLES = ("matrix", "data frame", "experiment")
MAGIC = re.compile(
    rb"RD[XAB][23]\n|X\n\x00\x00\x00[\x02\x03]|B\n[\x02\x03]\x00\x00\x00|A\n[23]\n\d{6}\n\d{6}\n"
)
"""First bytes of several objects, and of one in R's portable, native and text encodings."""


def recognise(probe: FileProbe) -> bool:
    """Check for a file of R, packed by R, and perhaps once more, as GEO does."""
    return not probe.is_folder and MAGIC.match(_unpack_head(probe.head)) is not None


def _unpack_head(head: bytes) -> bytes:
    """Unpack some first bytes a second time where the file is packed twice."""
    try:
        if head.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(head, 64)
        if head.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(head, 64)
        if head.startswith(b"\xfd7zXZ\x00"):
            return lzma.LZMADecompressor().decompress(head, 64)
    except (zlib.error, OSError, lzma.LZMAError):
        return b""
    return head


def open_r(probe: FileProbe, request: Request) -> Table:
    """Open the matrix, data frame or Bioconductor object of a file, or the object named by
    ``layer``.
    """
    with report_damage(probe.name, NAME):
        objects = _read_objects(probe)
        key, assay = _choose(objects, request.layer, probe.name)
        others = [other for other in objects if other != key]
        notes = (f"The values are {key}; not read: {name_some(others)}.",) if others else ()
        table = _open_object(objects[key], assay, request)
        return replace(table, notes=notes + table.notes)


def annotate(probe: FileProbe, request: Request) -> pd.DataFrame:
    """Read the only data frame of a file, or the annotations of samples of its Bioconductor
    object.
    """
    with report_damage(probe.name, NAME):
        objects = _read_objects(probe)
        frames = [
            key for key, item in objects.items() if _describe(item) in ("data frame", "experiment")
        ]
        if len(frames) != 1:
            contents = name_some(
                (
                    f"{key}: {_describe(item)}" if key else _describe(item)
                    for key, item in objects.items()
                ),
                10,
            )
            raise CohortError(
                f"{probe.name}: expected one data frame of annotations, found {contents}; "
                "save the data frame alone: saveRDS(FRAME, FILE)"
            )
        item = objects[frames[0]]
        frame = (
            r_bioconductor.read_samples(item)
            if _describe(item) == "experiment"
            else r_objects.read_r_frame(item, probe.name)
        )
        return frame.to_pandas()


def _read_objects(probe: FileProbe) -> dict[str, RObject]:
    """Read the objects of a file by name; the object of .rds has none, unless it is a list of named
    parts.
    """
    with open_stream(probe) as stream:
        content = stream.read()
    is_workspace = _unpack_head(content[:4096]).startswith(b"RD")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about endings, and about tags that are not needed
        root = rdata.parser.parse_data(content, extension=".rda" if is_workspace else ".rds").object
    if is_workspace:
        return dict(r_objects.walk_pairs(root))
    parts = (
        r_objects.read_list(root)
        if root.info.type is RObjectType.VEC and _describe(root) not in TABLES
        else []
    )
    return dict(parts) or {"": root}


def _describe(item: RObject) -> str:
    """Describe an object: one of TABLES, or its class or type."""
    classes = r_objects.read_classes(item)
    if r_objects.is_matrix(item):
        return "matrix"
    if "data.frame" in classes:
        return "data frame"
    return (
        "experiment"
        if r_bioconductor.is_experiment(item)
        else (classes or [item.info.type.name])[0]
    )


def _choose(objects: dict[str, RObject], layer: str, name: str) -> tuple[str, str]:
    """Choose the object to read, and its assay; ``layer`` names the object, or the assay of a
    single object.
    """
    tables = [key for key, item in objects.items() if _describe(item) in TABLES]
    described = name_some(
        (f"{key}: {_describe(item)}" if key else _describe(item) for key, item in objects.items()),
        10,
    )
    wanted, _, assay = layer.partition("/")
    if wanted in tables:
        return wanted, assay
    if len(tables) == 1 and (not layer or _describe(objects[tables[0]]) == "experiment"):
        return tables[0], layer
    if tables:
        choice = (
            f"name it by layer=, one of {', '.join(tables)}" if any(tables) else "leave layer empty"
        )
        raise CohortError(f"{name} holds {described}; expected one matrix or data frame: {choice}")
    raise CohortError(
        f"{name} holds {described}; expected a matrix, a data frame, an ExpressionSet or a "
        "SummarizedExperiment: save the values as a "
        "matrix, as with saveRDS(as.matrix(VALUES), FILE); for Seurat, with "
        'saveRDS(GetAssayData(OBJECT, layer = "counts"), FILE)'
    )


def _open_object(item: RObject, assay: str, request: Request) -> Table:
    kind = _describe(item)
    if kind == "experiment":
        return r_bioconductor.open_experiment(item, assay, request.name)
    if kind == "data frame":
        return open_columns(InMemory(r_objects.read_r_frame(item, request.name)), request, NAME)
    values, shape, dimnames = r_objects.read_matrix(item)
    rows, columns, heading = r_objects.read_dimnames(dimnames)
    if (len(rows), len(columns)) != shape:
        sides = " and ".join(
            side for side, names in (("rows", rows), ("columns", columns)) if not names
        )
        raise CohortError(
            f"{request.name}: expected a matrix with names of rows and columns, found none "
            f"of {sides}; set rownames and colnames"
        )
    return Table(
        rows, columns, GuardedValues(values, request.name, NAME), heading=heading, format=NAME
    )


FORMAT = Format(
    NAME,
    "RDX or RDA, or the first bytes of one object of R, below gzip, bzip2 or xz",
    recognise,
    open_r,
    annotate,
    layer="an object, or OBJECT/ASSAY",
)
