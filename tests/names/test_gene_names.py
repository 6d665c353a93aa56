"""Names of genes have one normal form, and meet by it in cohorts, gene sets, graphs and
encoders.
"""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genexp
from genexp.errors import CohortError, TrainingError
from genexp.model.graph import connect_sets, normalise_edges
from genexp.names.gene_names import describe_names, is_date_like, repair_date, repair_dates
from genexp.names.gene_sets import match_gene_sets
from genexp.names.genes import (
    current_name,
    describe_form,
    display_name,
    is_nameless,
    match_key,
    match_names,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TP53", "TP53"),
        (" TP53\t", "TP53"),
        ('"TP53"', "TP53"),
        ("TP53|7157", "TP53"),
        ("7157|TP53", "TP53"),
        ("TP53 (7157)", "TP53"),
        ("TSPAN6 (ENSG00000000003)", "TSPAN6"),
        ("CCL3L3 (414062&6349)", "CCL3L3"),
        ("TP53 (nan)", "TP53"),
        ("A1BG..1.", "A1BG"),
        ("ENSG00000141510.17", "ENSG00000141510"),
        ("ENSMUSG00000059552.14", "ENSMUSG00000059552"),
        ("ENSG00000141510.17|TP53", "TP53"),
        ("ENSG00000141510.17_TP53", "TP53"),
        ("TP53_ENSG00000141510", "TP53"),
        ("ENSG00000141510.17|ENST00000269305.9|TP53", "TP53"),
        ("ENSG00000243485_MIR1302-10", "MIR1302-10"),
        ("ENSG00000268751 (nan)", "ENSG00000268751"),
        ("ENSG00000141510|", "ENSG00000141510"),
        ("NM_000546.6", "NM_000546"),
        ("7157.0", "7157"),
        ("C1orf112", "C1orf112"),
    ],
)
def test_a_name_is_its_symbol_or_its_identifier_without_version(name: str, expected: str) -> None:
    assert display_name(name) == expected
    assert display_name(expected) == expected


@pytest.mark.parametrize(
    "name",
    [
        *(
            "?|100130426",
            "|7157",
            "NA|100",
            "? (100)",
            "AKT1|Akt_pS473",
            "sp|P04637|P53_HUMAN",
            "RP11-34P13.7",
            "5_8S_rRNA",
            "Y_RNA",
            "AT1G01010.1",
        ),
        *(
            "hsa-let-7a|MIMAT0000062",
            "HLA class I (A)",
            "MIR4640 /// DDR1",
            "1007_s_at",
            "AC012345.1",
            "NKX2-1",
            "HLA-A",
            "1-Mar",
        ),
    ],
)
def test_a_name_with_several_symbols_or_none_stays(name: str) -> None:
    assert display_name(name) == name


def test_the_copy_of_a_gene_on_y_stays_apart() -> None:
    names = [
        "ENSG00000182378.15",
        "ENSG00000182378.15_PAR_Y",
        "ENSG00000182378.15|PLCXD1",
        "ENSG00000182378.15_PAR_Y|PLCXD1",
    ]
    assert [display_name(name) for name in names] == [
        "ENSG00000182378",
        "ENSG00000182378_PAR_Y",
        "PLCXD1",
        "PLCXD1_PAR_Y",
    ]
    assert display_name("ENSGR0000182378.10") == "ENSGR0000182378"


def test_case_counts_in_a_cohort_and_not_in_a_key() -> None:
    assert display_name("Trp53") != display_name("TRP53")
    assert match_key("Trp53|22059") == match_key("TRP53") == "TRP53"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MARCH1", "MARCHF1"),
        ("March11", "Marchf11"),
        ("SEPT2|4735", "SEPTIN2"),
        ("DEC1", "DELEC1"),
        ("MARC2", "MTARC2"),
    ],
)
def test_families_that_were_renamed_because_of_spreadsheets_meet_their_new_names(
    old: str, new: str
) -> None:
    assert current_name(old) == current_name(new) == new


@pytest.mark.parametrize("name", ["MARCH12", "SEPT15", "DEC2", "MARCKS", "MARC3"])
def test_names_like_those_of_the_renamed_families_stay(name: str) -> None:
    assert current_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "NA", "nan", "NaN", "#N/A", "---", "-", '"NA"', "?", "#REF!"]
)
def test_words_for_no_name_are_no_names(name: str) -> None:
    assert is_nameless(name)


def test_genes_of_the_fly_and_unnamed_genes_with_an_identifier_are_names() -> None:
    assert not any(is_nameless(name) for name in ("na", "?|100130426", "NANOG", "N"))


@pytest.mark.parametrize(
    ("name", "gene"),
    [
        *(
            ("1-Mar", "MARCHF1"),
            ("01-Mar", "MARCHF1"),
            ("Mar-01", "MARCHF1"),
            ("2006/03/01", "MARCHF1"),
            ("2023-03-01 00:00:00", "MARCHF1"),
        ),
        *(
            ("2-Sep", "SEPTIN2"),
            ("Sep-02", "SEPTIN2"),
            ("14-Sep", "SEPTIN14"),
            ("1-Dec", "DELEC1"),
            ("1-Mar-06", "MARCHF1"),
            ("1. Mrz", "MARCHF1"),
        ),
        *(
            ("3/1/2006", "MARCHF1"),
            ("01/03/2006", "MARCHF1"),
            ("01.03.2006", "MARCHF1"),
            ("2-mars", "MARCHF2"),
        ),
    ],
)
def test_a_date_is_repaired_to_the_gene_that_it_was(name: str, gene: str) -> None:
    assert is_date_like(name)
    assert repair_date(name) == gene


@pytest.mark.parametrize("name", ["9/3/2006", "15-Sep", "12-Mar", "2-Dec", "4-Oct"])
def test_a_date_that_is_no_gene_or_two_stays(name: str) -> None:
    assert is_date_like(name)
    assert repair_date(name) == name


@pytest.mark.parametrize(
    "name",
    ["MARCH1", "SEPT2", "sep-1", "dec-10", "Oct-4", "44256", "1-8U", "7-Dehydro", "2/3", "1.2.3.4"],
)
def test_names_of_genes_are_no_dates(name: str) -> None:
    assert not is_date_like(name)


def test_numbers_of_a_spreadsheet_are_dates_only_when_asked() -> None:
    assert is_date_like("44256", serials=True)
    assert repair_date("44256", serials=True) == "MARCHF1"
    assert not is_date_like("7157", serials=True)


def test_dates_that_two_genes_become_are_left_and_named() -> None:
    names = ["TP53", "1-Mar", "2-Mar", "1-Mar", "2-Mar", "3-Mar", "5-Mar", "MARCH5", "2-Sep"]
    dates = repair_dates(names)
    assert dates == {
        "1-Mar": "1-Mar",
        "2-Mar": "2-Mar",
        "3-Mar": "MARCHF3",
        "5-Mar": "5-Mar",
        "2-Sep": "SEPTIN2",
    }
    assert describe_names(names).ambiguous_dates == ["1-Mar", "2-Mar", "5-Mar"]


def test_full_dates_whose_year_may_be_the_number_are_left() -> None:
    assert repair_dates(["2001-03-01", "2002-03-01", "TP53"]) == {
        "2001-03-01": "2001-03-01",
        "2002-03-01": "2002-03-01",
    }
    assert repair_dates(["2023-03-01", "2023-03-02", "TP53"]) == {
        "2023-03-01": "MARCHF1",
        "2023-03-02": "MARCHF2",
    }


def test_dates_of_a_mouse_become_genes_of_the_mouse() -> None:
    assert repair_dates(["1-Mar", "Trp53", "Actb", "Gapdh"]) == {"1-Mar": "Marchf1"}


def test_the_names_of_a_file_are_described_with_counts_and_examples() -> None:
    names = [
        "ENSG00000141510.17",
        "ENSG00000012048.23",
        "TP53|7157",
        "NA",
        "---",
        "1-Mar",
        "MYC",
        "MYC",
    ]
    found = describe_names(names)
    assert found.display == [
        "ENSG00000141510",
        "ENSG00000012048",
        "TP53",
        "NA",
        "---",
        "1-Mar",
        "MYC",
        "MYC",
    ]
    assert found.repaired[5] == "MARCHF1"
    assert found.nameless == [3, 4]
    assert found.notes == [
        "versions of identifiers removed: 2 (ENSG00000141510.17 became ENSG00000141510)",
        "identifiers next to a symbol removed: 1 (TP53|7157 became TP53)",
        "genes without a name: 2",
        "genes that a spreadsheet turned into dates: 1 (1-Mar is MARCHF1)",
        "names that occur more than once: 1 (MYC)",
    ]
    assert describe_names(["TP53", "MYC"]).notes == []


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["TP53", "MYC", "1007_s_at"], "symbols (TP53, MYC, 1007_s_at)"),
        (
            ["ENSG00000141510", "ENSG00000012048.1", "MYC", "NA"],
            "Ensembl identifiers (ENSG00000141510, ENSG00000012048.1, MYC)",
        ),
        (
            ["7157", "4609", "672", "675"],
            "numbers, as Entrez identifiers are (7157, 4609, 672, ...)",
        ),
        (["1007_s_at", "ILMN_1343291"], "probes of an array (1007_s_at, ILMN_1343291)"),
        ([], "no names ()"),
    ],
)
def test_the_form_of_names_is_said_with_examples(names: list[str], form: str) -> None:
    assert describe_form(names) == form


def test_names_match_as_they_stand_before_they_match_by_form() -> None:
    places, note = match_names(
        ["TP53", "MARCH1", "MYC"], ["TP53|7157", "TP53", "MARCHF1|55016", "MYC (4609)"]
    )
    assert places == {"TP53": 1, "MARCH1": 2, "MYC": 3}
    assert note == ""


def test_a_form_that_two_names_share_matches_neither() -> None:
    assert match_names(["SLC35E2", "MYC"], ["SLC35E2|9906", "SLC35E2|728661", "MYC"]) == (
        {"MYC": 2},
        "",
    )


def test_mouse_and_human_genes_of_one_cohort_are_not_merged() -> None:
    human, mouse = [f"GENE{i}" for i in range(20)], [f"Gene{i}" for i in range(20)]
    places, note = match_names([*human, "CD8A"], [*mouse, *human, "Cd8a"])
    assert places == {name: 20 + i for i, name in enumerate(human)}
    assert note == ""


GENES = [f"GENE{i}" for i in range(60)]
SETS = {f"SET{i}": GENES[5 * i : 5 * i + 20] for i in range(8)}


def test_gene_sets_find_the_genes_of_a_cohort_by_the_normal_form() -> None:
    _, expected = match_gene_sets(SETS, pd.Index(GENES), 5, 500)
    names, members = match_gene_sets(
        SETS, pd.Index([f"{gene}|{i}" for i, gene in enumerate(GENES)]), 5, 500
    )
    assert names == list(SETS)
    np.testing.assert_array_equal(members.toarray(), expected.toarray())


def test_gene_sets_match_regardless_of_case_only_where_nothing_else_does_and_say_so() -> None:
    lower = pd.Index([gene.capitalize() for gene in GENES])
    with pytest.warns(
        UserWarning,
        match=r"gene sets: 55 gene names match only when case is ignored \(GENE0 is read as Gene0\).*orthologs",  # noqa: E501
    ):
        _, members = match_gene_sets(SETS, lower, 5, 500)
    np.testing.assert_array_equal(
        members.toarray(), match_gene_sets(SETS, pd.Index(GENES), 5, 500)[1].toarray()
    )
    with pytest.raises(CohortError, match="Give sets that name genes as the cohort does"):
        match_gene_sets(SETS, pd.Index([f"ENSG{i:011d}" for i in range(60)]), 5, 500)


def test_graphs_find_the_genes_of_a_cohort_by_the_normal_form() -> None:
    firehose = [f"{gene}|{i}" for i, gene in enumerate(GENES)]
    np.testing.assert_array_equal(connect_sets(SETS, firehose)[1], connect_sets(SETS, GENES)[1])
    edges = list(pairwise(GENES))
    np.testing.assert_array_equal(
        normalise_edges(edges, firehose).toarray(), normalise_edges(edges, GENES).toarray()
    )
    with pytest.warns(UserWarning, match="graph: 55 gene names match only when case is ignored"):
        connect_sets(SETS, [gene.lower() for gene in GENES])
    with pytest.raises(TrainingError, match="give one with the cohort's kind of names"):
        connect_sets(SETS, [f"ENSG{i:011d}" for i in range(60)])


def test_the_shipped_names_import_nothing_of_genexp() -> None:
    tree = ast.parse((Path(genexp.__file__).parent / "names" / "genes.py").read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert modules == {"__future__", "re", "collections", "collections.abc"}


def test_every_gene_of_a_real_file_keeps_its_name(shared_data: Path) -> None:
    names = (
        pd.read_csv(shared_data / "tcga_5cohorts_fulltranscriptome.tsv.gz", sep="\t", usecols=[0])
        .iloc[:, 0]
        .tolist()
    )
    found = describe_names(names)
    assert len(found.display) == 20531
    assert sum(name.startswith("?|") for name in found.display) == 29
    assert found.n_identifiers == 20531 - 29
    assert found.duplicated == ["SLC35E2"]
    assert not found.dates
    assert not found.nameless
