"""Files that are damaged, are no tables, or lack what a cohort needs: each is refused with a word
on what to do.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pandas as pd

from tests.layouts.files import CSV, TSV
from tests.layouts.layout import Layouts
from tests.layouts.truth import GENES, IDS, LOG2, E, expect

LAYOUTS = Layouts()


@LAYOUTS
def the_heading_again_amid_the_table(folder: Path):
    """Files were joined with cat."""
    lines = CSV.splitlines()
    (folder / "m.csv").write_text("\n".join([*lines[:20], lines[0], *lines[20:]]) + "\n")
    return {"cohort": "m.csv"}, expect(says=["heading"]) | {"or_refuse": ["heading", "sample"]}


@LAYOUTS
def zip_of_two_files(folder: Path):
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr("a.tsv", TSV)
        archive.writestr("b.tsv", TSV)
    return {"cohort": "m.zip"}, {"refuse": ["a.tsv"]}


@LAYOUTS
def gzip_that_was_cut(folder: Path):
    packed = gzip.compress(TSV.encode())
    (folder / "m.tsv.gz").write_bytes(packed[: len(packed) * 2 // 3])
    return {"cohort": "m.tsv.gz"}, {"refuse": ["complete"]}


@LAYOUTS
def a_line_that_was_cut(folder: Path):
    (folder / "m.tsv").write_text(TSV[: len(TSV) * 2 // 3])
    return {"cohort": "m.tsv"}, {"refuse": ["complete"]}


@LAYOUTS
def two_lines_that_ran_together(folder: Path):
    lines = CSV.splitlines()
    lines[8:10] = [lines[8] + lines[9]]
    (folder / "m.csv").write_text("\n".join(lines) + "\n")
    return {"cohort": "m.csv"}, {"refuse": ["regular"]}


@LAYOUTS
def an_empty_file(folder: Path):
    (folder / "m.tsv").write_text("")
    return {"cohort": "m.tsv"}, {"refuse": ["m.tsv"]}


@LAYOUTS
def a_page_of_the_web_in_its_place(folder: Path):
    """What is downloaded where a login was needed."""
    (folder / "m.tsv").write_text(
        "<!DOCTYPE html>\n<html>\n<head><title>Sign in</title></head>\n<body>\n<p>Please, "
        "sign in, to go on.</p>\n</body>\n</html>\n"
    )
    return {"cohort": "m.tsv"}, {"refuse": ["m.tsv"]}


@LAYOUTS
def a_sample_twice(folder: Path):
    pd.concat([E, E.iloc[[4]]]).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["duplicated"]}


@LAYOUTS
def a_sample_twice_in_columns(folder: Path):
    buffer = io.StringIO()
    pd.concat([E, E.iloc[[4]]]).T.rename_axis("gene").to_csv(buffer, sep="\t")
    (folder / "m.tsv").write_text(buffer.getvalue())
    return {"cohort": "m.tsv"}, {"refuse": ["duplicated"]}


@LAYOUTS
def a_word_among_numbers(folder: Path):
    x = E.astype(object)
    x.iloc[7, 7] = "7.4 (repeat)"
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["7.4 (repeat)"]}


@LAYOUTS
def missing_values_of_many_kinds(folder: Path):
    x = E.astype(object)
    for k, word in enumerate(["NA", "", "null", "NaN", "N/A", "-"]):
        x.iloc[k, k] = word
    x.to_csv(folder / "m.csv")
    right = expect(E.mask(x.map(lambda value: isinstance(value, str))), says=["6 values"])
    return {"cohort": "m.csv", "missing": "impute_mean"}, right


@LAYOUTS
def missing_values_without_a_policy(folder: Path):
    x = E.astype(object)
    x.iloc[5, 5] = ""
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["missing="]}


@LAYOUTS
def infinite_values(folder: Path):
    x = E.astype(object)
    x.iloc[5, 5] = "-Inf"
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["infinite"]}


@LAYOUTS
def a_long_table(folder: Path):
    """One line for each sample and gene is no matrix."""
    E.reset_index().melt("sample", var_name="gene", value_name="value").to_csv(
        folder / "m.csv", index=False
    )
    return {"cohort": "m.csv"}, expect(scale=LOG2) | {"or_refuse": ["long", "gene", "sample"]}


@LAYOUTS
def an_archive_of_tar(folder: Path):
    (folder / "x.tsv").write_text(TSV)
    with tarfile.open(folder / "m.tar.gz", "w:gz") as archive:
        archive.add(folder / "x.tsv", arcname="x.tsv")
    return {"cohort": "m.tar.gz"}, {"refuse": ["tar"]}


@LAYOUTS
def an_empty_folder(folder: Path):
    (folder / "counts").mkdir()
    return {"cohort": "counts"}, {"refuse": ["folder"]}


@LAYOUTS
def signs_of_per_cent(folder: Path):
    rows = ["\t".join([gene, *(f"{value}%" for value in E[gene])]) for gene in GENES]
    (folder / "m.tsv").write_text("\n".join(["\t".join(["gene", *IDS]), *rows]) + "\n")
    return {"cohort": "m.tsv"}, {"refuse": ["text", "values"]}


@LAYOUTS
def nothing_but_missing_values(folder: Path):
    E.astype(object).map(lambda value: "NA").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["missing"]}


@LAYOUTS
def too_few_samples(folder: Path):
    E.iloc[:5].to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["5 samples"]}
