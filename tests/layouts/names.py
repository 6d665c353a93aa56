"""Names of genes: versions, two names in one, dates of spreadsheets, blanks and duplicates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import ENSEMBL, GENES, IDS, C, E, G, expect, tsv

LAYOUTS = Layouts()


def renamed(folder: Path, names: list[str], genes: list[str] | None = None, **more):
    tsv(E.T.set_axis(names).rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(genes=genes or GENES, **more)


@LAYOUTS
def versions_of_ensembl(folder: Path):
    return renamed(
        folder,
        [f"{name}.{i % 15 + 1}" for i, name in enumerate(ENSEMBL)],
        ENSEMBL,
        says=["version"],
    )


@LAYOUTS
def the_copy_on_y(folder: Path):
    names = [f"{ENSEMBL[0]}.5", f"{ENSEMBL[0]}.5_PAR_Y", *(f"{name}.2" for name in ENSEMBL[2:])]
    return renamed(folder, names, [ENSEMBL[0], f"{ENSEMBL[0]}_PAR_Y", *ENSEMBL[2:]])


@LAYOUTS
def symbol_and_entrez_of_firehose(folder: Path):
    names = [f"{name}|{1000 + i}" for i, name in enumerate(GENES)]
    names[0] = "?|100130426"
    return renamed(folder, names, ["?|100130426", *GENES[1:]])


@LAYOUTS
def symbol_and_entrez_of_depmap(folder: Path):
    x = E.set_axis([f"{name} ({1000 + i})" for i, name in enumerate(GENES)], axis=1).set_axis(
        [f"ACH-{i:06d}" for i in range(1, 37)]
    )
    x.rename_axis("ModelID").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x, genes=GENES)


@LAYOUTS
def ensembl_and_symbol_in_one(folder: Path):
    return renamed(
        folder,
        [f"{ens}.3_{name}" for ens, name in zip(ENSEMBL, GENES, strict=True)],
        says=["identifier"],
    )


@LAYOUTS
def ensembl_bar_symbol(folder: Path):
    return renamed(
        folder,
        [f"{ens}|{name}" for ens, name in zip(ENSEMBL, GENES, strict=True)],
        says=["identifier"],
    )


@LAYOUTS
def blanks_and_quotes_around(folder: Path):
    tsv(E.T.set_axis([f" {name} " for name in GENES]).rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def genes_without_a_name(folder: Path):
    names = ["NA", "", "---", *GENES[3:]]
    return renamed(folder, names)[0], expect(E[GENES[3:]], says=["without a name"])


@LAYOUTS
def genes_called_nan_by_pandas(folder: Path):
    x = E.set_axis(["nan", "nan", *GENES[2:]], axis=1)
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(E[GENES[2:]], says=["without a name"])


@LAYOUTS
def dates_are_asked_about(folder: Path):
    return renamed(folder, ["1-Mar", "7-Sep", *GENES[2:]])[0], {"refuse": ["date_genes"]}


@LAYOUTS
def dates_that_are_repaired(folder: Path):
    parameters, right = renamed(
        folder, ["1-Mar", "7-Sep", *GENES[2:]], ["MARCHF1", "SEPTIN7", *GENES[2:]], says=["date"]
    )
    return parameters | {"date_genes": "repair"}, right


@LAYOUTS
def dates_that_are_kept(folder: Path):
    parameters, right = renamed(
        folder,
        ["Mar-01", "2009-09-07", *GENES[2:]],
        ["Mar-01", "2009-09-07", *GENES[2:]],
        says=["date"],
    )
    return parameters | {"date_genes": "keep"}, right


@LAYOUTS
def two_dates_that_are_one(folder: Path):
    """MARCH1 and MARC1 both became 1-Mar: these cannot be repaired."""
    parameters, right = renamed(
        folder,
        ["1-Mar", "1-Mar", "7-Sep", *GENES[3:]],
        ["1-Mar", "1-Mar", "SEPTIN7", *GENES[3:]],
        says=["ambiguous"],
    )
    return parameters | {"date_genes": "repair"}, right


@LAYOUTS
def dates_along_the_columns(folder: Path):
    E.rename(columns={"A1BG": "2-Mar", "ACTB": "1-Dec"}).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, {"refuse": ["date_genes"]}


@LAYOUTS
def a_symbol_twice(folder: Path):
    """It is said, and a policy decides later."""
    return renamed(folder, ["ACTB", *GENES[1:]], ["ACTB", *GENES[1:]], says=["duplicates="])


@LAYOUTS
def a_symbol_twice_is_refused_on_request(folder: Path):
    parameters, _ = renamed(folder, ["ACTB", *GENES[1:]])
    return parameters | {"duplicates": "refuse"}, {"refuse": ["ACTB"]}


@LAYOUTS
def a_symbol_twice_in_columns_as_pandas_renames_it(folder: Path):
    """``ACTB`` and ``ACTB.1``: pandas numbers headings that occur twice."""
    E.rename(columns={"A1BG": "ACTB.1"}).to_csv(folder / "m.csv")
    right = [expect(genes=["ACTB", *GENES[1:]]), expect(genes=["ACTB.1", *GENES[1:]])]
    return {"cohort": "m.csv"}, right


@LAYOUTS
def two_versions_of_one_gene(folder: Path):
    names = [f"{ENSEMBL[0]}.1", f"{ENSEMBL[0]}.2", *ENSEMBL[2:]]
    return renamed(
        folder,
        names,
        [ENSEMBL[0], ENSEMBL[0], *ENSEMBL[2:]],
        says=["more than once", "duplicates="],
    )


@LAYOUTS
def entrez_numbers_that_became_floats(folder: Path):
    tsv(
        C.T.set_axis([f"{1000 + i}.0" for i in range(G)]).rename_axis("Entrez_Gene_Id"),
        folder / "m.tsv",
    )
    return {"cohort": "m.tsv"}, expect(C, genes=[f"{1000 + i}" for i in range(G)], scale="counts")


@LAYOUTS
def symbols_with_points_and_hyphens(folder: Path):
    names = [
        "HLA-DRB1",
        "MT-ND1",
        "AC004381.6",
        "RP11-34P13.7",
        "NKX2-1",
        "ANKHD1-EIF4EBP3",
        "C1orf112",
        "Y_RNA",
        "5S_rRNA",
        "MIR99AHG",
        *GENES[10:],
    ]
    return renamed(folder, names, names)


@LAYOUTS
def columns_of_one_gene_in_rows_given_twice(folder: Path):
    t = pd.concat([E.T, E.T.iloc[[3]]])
    tsv(t.rename_axis("Symbol"), folder / "m.tsv")
    return {"cohort": "m.tsv", "duplicates": "first"}, {
        "samples": IDS,
        "n_genes": G + 1,
        "scale": "log2_norm_count",
        "says": ["aldoa", "duplicates=first"],
    }


@LAYOUTS
def dates_with_hours(folder: Path):
    """What pandas makes of an Excel sheet."""
    return renamed(folder, ["2020-03-01 00:00:00", "2020-09-07 00:00:00", *GENES[2:]])[0], {
        "refuse": ["date_genes"]
    }


@LAYOUTS
def dates_in_german(folder: Path):
    return renamed(folder, ["01. Mrz", "07. Sep", *GENES[2:]])[0], {"refuse": ["date_genes"]}


@LAYOUTS
def dates_that_became_numbers(folder: Path):
    """Excel's numbers of days."""
    names = ["43891", "44081", *GENES[2:]]
    return renamed(folder, names, names, says=["43891"])


@LAYOUTS
def clones_that_became_numbers(folder: Path):
    """2310009E13Rik without its end is a number to a spreadsheet."""
    names = ["2.31E+13", "4.93E+19", *(gene.capitalize() for gene in GENES[2:])]
    return renamed(folder, names, names, says=["2.31E+13"])


@LAYOUTS
def several_symbols_of_one_probe(folder: Path):
    names = ["DDR1 /// MIR4640", *GENES[1:]]
    return renamed(folder, names, names)


@LAYOUTS
def every_symbol_twice(folder: Path):
    tsv(
        E.T.set_axis([GENES[i // 2] for i in range(G)]).rename_axis("Gene Symbol"), folder / "m.tsv"
    )
    return {"cohort": "m.tsv"}, {"samples": IDS, "n_genes": G, "says": ["duplicates="]}
