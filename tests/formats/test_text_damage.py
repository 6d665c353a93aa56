"""Files that are cut, or whose lines are lost, doubled or moved: read right or refused, never read
wrong.
"""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.errors import CohortError
from tests.formats.test_gct import ANNOTATED, GTEX, L1000, OLDER, WHOLE_IDS
from tests.formats.test_geo import ARRAY
from tests.formats.test_headings import COUNTS, INTENSITIES, NORMALIZED, POSITIONS, RAW
from tests.formats.test_per_sample import (
    FIRST,
    GDC,
    HTSEQ,
    ISOFORMS,
    KALLISTO,
    RSEM,
    SALMON,
    SECOND,
    STRINGTIE,
    UNSTRANDED,
)
from tests.text_tables import read, write

FILES = {
    "series matrix": ARRAY,
    "GCT 1.2": OLDER,
    "GCT 1.2 with tabs": L1000,
    "GCT of GTEx": GTEX,
    "GCT 1.3": ANNOTATED,
    "GCT 1.3 with whole numbers": WHOLE_IDS,
    "Firehose": NORMALIZED,
    "Firehose with three columns": RAW,
    "MAGE-TAB": INTENSITIES,
    "MAGE-TAB with positions": POSITIONS,
    "featureCounts": COUNTS,
    "STAR": UNSTRANDED,
    # so that a line more or less leaves the strand as it is
    "STAR, first strand": FIRST.replace("3\t3\t5", "3\t3\t1"),
    "STAR, second strand": SECOND,
    "HTSeq": HTSEQ,
    "Genomic Data Commons": GDC,
    "Salmon": SALMON,
    "kallisto": KALLISTO,
    "RSEM": RSEM,
    "RSEM isoforms": ISOFORMS,
    "StringTie": STRINGTIE,
}


def damage(text: str) -> Iterator[tuple[str, str]]:
    """Texts with one fault each, and what it is."""
    lines = text.splitlines(keepends=True)
    for i in range(len(lines)):
        yield f"without line {i}", "".join(lines[:i] + lines[i + 1 :])
        yield f"line {i} twice", "".join(lines[: i + 1] + lines[i:])
        yield f"without lines from {i}", "".join(lines[:i])
    for i, j in combinations(range(len(lines)), 2):
        swapped = lines.copy()
        swapped[i], swapped[j] = lines[j], lines[i]
        yield f"lines {i} and {j} swapped", "".join(swapped)
    for end in range(1, len(text), 3):
        yield f"cut at {end}", text[:end]


def find_difference(frame: pd.DataFrame, truth: pd.DataFrame, last: list[str]) -> str:
    """What a reading has that the truth has not; empty if it is a part of the truth.

    A matrix may end within a line, whose last number is then no longer that of the truth. Samples
    of one name are refused later.
    """
    if not frame.columns.is_unique:
        return ""
    frame = frame[~frame.index.isin(last)]
    alien = [*frame.index.difference(truth.index), *frame.columns.difference(truth.columns)]
    if alien:
        return f"names {alien[:4]}"
    expected = truth.loc[frame.index, frame.columns].to_numpy()
    return "" if np.allclose(frame.to_numpy(), expected, equal_nan=True) else "values"


@pytest.mark.parametrize("kind", FILES)
def test_damage_is_refused_or_leaves_what_is_read_right(tmp_path: Path, kind: str) -> None:
    layer = "intensity" if kind == "MAGE-TAB" else ""
    path = write(tmp_path, "s1.txt", FILES[kind])
    truth = read(path, layer)[1]
    faults = []
    n_refused = n_read = 0
    for what, text in damage(FILES[kind]):
        path.write_text(text)
        try:
            # its name, before which files of GTEx have a number
            cut = text[text.rfind("\n") + 1 :].split("\t")[:2]
            difference = find_difference(read(path, layer)[1], truth, cut)
            n_read += 1
        except CohortError:
            n_refused += 1
            continue
        if difference:
            faults.append(f"{what}: {difference}")
    assert not faults
    assert n_refused > n_read / 20  # it is not that anything passes


def zip_one(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("counts.txt", content)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zip_one])
@pytest.mark.parametrize("kind", ["series matrix", "featureCounts", "Salmon"])
def test_a_damaged_packing_is_refused_or_read_right(
    tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "s1.packed"
    whole = pack(FILES[kind].encode())
    path.write_bytes(whole)
    truth = read(path)[1]
    faults = []
    for at in range(0, len(whole), 5):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            path.write_bytes(content)
            try:
                difference = find_difference(read(path)[1], truth, [])
            except CohortError:
                continue
            faults += [f"at {at}: {difference}"] if difference else []
    assert not faults
