"""Bad input: each is one CohortError that says what was expected, what was found and what to do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.cohort import read_cohort
from genexp.errors import CohortError
from genexp.settings.cohort import CohortConfig

Change = Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]


def build_tables(n_samples: int = 40, n_genes: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A sound cohort: counts, with label, group and survival."""
    rng = np.random.default_rng(0)
    samples = pd.Index([f"S{i}" for i in range(n_samples)], name="sample")
    X = pd.DataFrame(
        rng.poisson(100, (n_samples, n_genes)).astype(object),
        index=samples,
        columns=[f"g{i}" for i in range(n_genes)],
    )
    obs = pd.DataFrame(
        {
            "type": np.where(np.arange(n_samples) < n_samples / 2, "a", "b"),
            "weight": rng.normal(70, 9, n_samples),
        },
        index=samples,
    )
    obs["days"], obs["dead"] = (
        rng.integers(1, 999, n_samples).astype(float),
        (np.arange(n_samples) % 3 == 0).astype(float),
    )
    return X, obs


def write_tables(X: pd.DataFrame, obs: pd.DataFrame, folder: Path) -> dict[str, str]:
    X.to_csv(folder / "c.tsv", sep="\t")
    obs.to_csv(folder / "obs.tsv", sep="\t")
    return {"cohort": str(folder / "c.tsv"), "obs": str(folder / "obs.tsv")}


def put(table: str, row: object, column: object, value: object) -> Change:
    def change(X: pd.DataFrame, obs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        {"X": X, "obs": obs}[table].loc[row, column] = value
        return X, obs

    return change


def keep(X: pd.DataFrame, obs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return X, obs


SURVIVAL = {"time": "days", "event": "dead"}

REFUSALS: dict[str, tuple[Change, dict[str, str], list[str]]] = {
    "text in the matrix": (
        put("X", "S3", "g4", "high"),
        {},
        ["expected numbers", "1 ('high' at S3, g4)"],
    ),
    "missing value": (
        put("X", ["S3", "S7"], "g4", np.nan),
        {},
        ["2 missing values", "1 (g4)", "missing=drop_gene", "impute_mean"],
    ),
    "infinite value": (put("X", "S3", "g4", np.inf), {}, ["1 infinite value"]),
    "negative counts": (
        put("X", "S3", "g4", -1),
        {},
        ["counts", "negative values: 1 (-1 at S3, g4)"],
    ),
    "negative counts, declared": (
        put("X", "S3", "g4", -1),
        {"scale": "counts"},
        ["counts", "negative values: 1 (-1 at S3, g4)"],
    ),
    "another scale": (
        keep,
        {"scale": "zero_one"},
        ["scale=zero_one", "values from 0 to 1", "found values from"],
    ),
    "log2 of counts, which are not": (
        keep,
        {"scale": "log2_norm_count"},
        ["scale=log2_norm_count", "from 0 to 40"],
    ),
    "fold changes that never fall": (
        lambda X, obs: (X / 30, obs),
        {"scale": "log2fc"},
        ["both signs"],
    ),
    "logarithms called counts": (
        lambda X, obs: (X / 30.7, obs),
        {"scale": "counts"},
        ["logarithms?"],
    ),
    "sample twice": (
        lambda X, obs: (X.rename({"S3": "S4"}), obs),
        {},
        ["duplicated sample ids", "1 (S4)"],
    ),
    "sample without a name": (
        lambda X, obs: (X.rename({"S3": ""}), obs),
        {"rows": "samples"},
        ["samples without a name", "1 (4)"],
    ),
    "gene twice": (
        lambda X, obs: (X.rename(columns={"g1": "TP53|1", "g2": "TP53|2"}), obs),
        {"duplicates": "refuse"},
        ["duplicated genes", "1 (TP53)", "max_variance"],
    ),
    "where names no column": (
        keep,
        {"where": "stage == 1"},
        ["stage", "5 (sample, type, weight, days, dead)"],
    ),
    "where is no condition": (keep, {"where": "weight + 1"}, ["where="]),
    "where is not a query": (keep, {"where": "type =="}, ["where="]),
    "where reaches for python": (keep, {"where": "@__import__('os').getcwd() == type"}, ["where="]),
    "where leaves none": (
        keep,
        {"where": "type == 'c'"},
        ["leaves no sample of 40", "type: 2 (a, b)"],
    ),
    "fewer than 20": (
        keep,
        {"where": "type == 'a' and weight < 69"},
        ["found", "samples after where", "expected 20 or more"],
    ),
    "annotations of others": (
        lambda X, obs: (X, obs.rename("other-{}".format)),
        {},
        ["match no sample", "S0, S1, S2"],
    ),
    "a sample without annotations": (
        lambda X, obs: (X, obs.drop(["S3", "S5"])),
        {},
        ["2 of 40 samples", "2 (S3, S5)"],
    ),
    "annotated twice": (
        lambda X, obs: (X, pd.concat([obs, obs.loc[["S3"]]])),
        {},
        ["duplicated sample ids", "1 (S3)"],
    ),
    "no such id column": (keep, {"sample_id": "barcode"}, ["sample_id='barcode'"]),
    "label absent": (
        keep,
        {"label": "pam50"},
        ["label='pam50' is not a column", "sample, type, weight"],
    ),
    "label of one class": (
        keep,
        {"label": "type", "where": "type == 'a'"},
        ["1 class (a)", "two classes"],
    ),
    "label that measures": (keep, {"label": "weight"}, ["40 distinct values", "no label"]),
    "group absent": (keep, {"group": "patient"}, ["group='patient' is not a column"]),
    "event without time": (
        put("obs", "S3", "days", np.nan),
        SURVIVAL,
        ["no time ('days'): 1 (S3)", 'where="not (dead == 1.0 and days is missing)"'],
    ),
    "negative time": (
        put("obs", "S3", "days", -5),
        SURVIVAL,
        ["negative", "1 (S3)", 'where="not days < 0"'],
    ),
    "time in words": (
        lambda X, obs: (X, obs.assign(days="long")),
        SURVIVAL,
        ["expected numbers", "1 (long)"],
    ),
    "unknown word for an event": (
        lambda X, obs: (X, obs.assign(dead="maybe")),
        SURVIVAL,
        ["dead/alive", "1 (maybe)"],
    ),
    "event twice the number": (
        put("obs", "S3", "dead", 2),
        SURVIVAL,
        ["1/0", "3 (1, 0, 2)", "event_value=2"],
    ),
    "time without event": ((keep), {"time": "days"}, ["event is not"]),
    "event column absent": (keep, {"time": "days", "event": "OS"}, ["event='OS' is not a column"]),
    "no outcome at all": (lambda X, obs: (X, obs.assign(days=0)), SURVIVAL, ["no sample has both"]),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_tables_are_refused_in_one_clear_paragraph(case: str, tmp_path: Path) -> None:
    change, options, fragments = REFUSALS[case]
    files = write_tables(*change(*build_tables()), tmp_path)
    with pytest.raises(CohortError) as refusal:
        read_cohort(CohortConfig(**(files | options)))
    message = str(refusal.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert "\n" not in message
    assert len(message) < 700


def test_the_sound_cohort_that_the_refusals_start_from_is_accepted(tmp_path: Path) -> None:
    files = write_tables(*build_tables(), tmp_path)
    cohort = read_cohort(
        CohortConfig(**files, **SURVIVAL, label="type", where="weight > 0", duplicates="refuse")
    )
    assert cohort.shape == (40, 30)
    assert cohort.uns["scale"] == "counts"


@pytest.mark.parametrize("case", ["event without time", "negative time"])
def test_the_where_that_a_refusal_proposes_mends_it(case: str, tmp_path: Path) -> None:
    change, options, _ = REFUSALS[case]
    files = write_tables(*change(*build_tables()), tmp_path)
    with pytest.raises(CohortError) as refusal:
        read_cohort(CohortConfig(**files, **options))
    where = str(refusal.value).split('where="')[1].removesuffix('"')
    assert "S3" not in read_cohort(CohortConfig(**files, **options, where=where)).obs_names


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("c.tsv", None, "does not exist"),
        ("c.tsv", b"", "is empty"),
        ("c.tsv.gz", b"", "is empty"),
        ("c.tsv", b"gene\tS1\tS2\n", "has one line"),
        ("c.tsv", b"only one column\n1\n2\n", "one column"),
        (
            "c.tsv",
            b"gene\tS1\tS2\nA\t1\t2\nB\t1\n",
            "not a regular table: its heading has 3 fields, the line of .B. has 2",
        ),
        ("c.tsv", b"\x89PNG\xff\xfe\x00\x01\n\x00", "is an image"),
        ("c.tsv.gz", b"\x1f\x8bnot gzip at all", "cannot be decompressed"),
        ("c.h5ad", b"PK", "separated by tab, comma"),
    ],
)
def test_files_that_are_no_matrix_are_refused(
    name: str, content: bytes | None, fragment: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CohortError, match=fragment):
        read_cohort(CohortConfig(cohort=str(tmp_path / name)))


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    X, _ = build_tables()
    X.to_csv(tmp_path / "c.tsv.gz", sep="\t")
    whole = (tmp_path / "c.tsv.gz").read_bytes()
    (tmp_path / "c.tsv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CohortError, match="is it complete"):
        read_cohort(CohortConfig(cohort=str(tmp_path / "c.tsv.gz")))


def test_a_square_matrix_that_tells_nothing_asks_for_its_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        np.ones((25, 25)),
        index=[f"x.{i}" for i in range(25)],
        columns=[f"y.{i}" for i in range(25)],
    )
    frame.to_csv(tmp_path / "c.tsv", sep="\t")
    with pytest.raises(CohortError, match="rows=genes or rows=samples"):
        read_cohort(CohortConfig(cohort=str(tmp_path / "c.tsv")))


def test_annotations_that_are_missing_or_binary_are_refused(tmp_path: Path) -> None:
    files = write_tables(*build_tables(), tmp_path)
    with pytest.raises(CohortError, match="does not exist"):
        read_cohort(CohortConfig(**(files | {"obs": str(tmp_path / "none.tsv")})))
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(CohortError, match=r"has no rows|expected a table"):
        read_cohort(CohortConfig(**(files | {"obs": str(tmp_path / "bad.parquet")})))


def test_columns_cannot_be_named_without_annotations(tmp_path: Path) -> None:
    files = write_tables(*build_tables(), tmp_path)
    for options in ({"label": "type"}, {"where": "type == 'a'"}):
        with pytest.raises(CohortError, match="give obs"):
            read_cohort(CohortConfig(cohort=files["cohort"], **options))


def test_a_few_samples_are_enough_to_encode(tmp_path: Path) -> None:
    files = write_tables(*build_tables(3), tmp_path)
    assert read_cohort(CohortConfig(cohort=files["cohort"]), min_samples=1).n_obs == 3


def test_samples_that_count_the_genes_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.uniform(0, 12, (30, 20)).round(2),
        index=[f"ENSG{i:011d}" for i in range(30)],
        columns=[f"S{i}" for i in range(20)],
    )
    table.insert(3, "position", np.roll(np.arange(1, 31), 5))
    table.rename_axis("gene_id").to_csv(tmp_path / "m.tsv", sep="\t")
    with pytest.raises(
        CohortError, match=r"found 1 samples that count the genes \(1 \(position\)\)"
    ):
        read_cohort(CohortConfig(cohort=str(tmp_path / "m.tsv"), group="none"))


def test_a_table_whose_first_line_of_values_became_the_names_is_refused(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0.01, 12, (41, 30)).round(3)
    names = [str(value) for value in values[0]]
    table = pd.DataFrame(values[1:], columns=names)
    table.insert(0, "S0", [f"S{i}" for i in range(1, 41)])
    table.to_parquet(tmp_path / "m.parquet")
    with pytest.raises(CohortError, match="is the heading of the file missing"):
        read_cohort(CohortConfig(cohort=str(tmp_path / "m.parquet"), group="none", rows="samples"))


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0b"])
def test_a_letter_that_ends_lines_elsewhere_hides_no_missing_heading(
    tmp_path: Path, letter: str
) -> None:
    values = np.random.default_rng(0).uniform(0.01, 12, (40, 30)).round(3).astype(str)
    values[:, 7] = letter + " 5"
    lines = [f"TCGA-AA-{i:04d}-01\t" + "\t".join(row) for i, row in enumerate(values)]
    (tmp_path / "m.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CohortError, match="has no heading"):
        read_cohort(CohortConfig(cohort=str(tmp_path / "m.tsv")))


def test_one_patient_among_samples_leaves_the_doubt_about_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    patients = [f"TCGA-AA-{i:04d}" for i in range(20)]
    samples = [f"{patient}-{kind}" for patient in patients for kind in ("01", "11")]
    samples[0] = patients[1]  # matches each column of samples once more, by the patient
    pd.DataFrame(
        rng.uniform(0, 12, (40, 30)).round(2),
        index=pd.Index(samples, name="sample"),
        columns=[f"ENSG{i:011d}" for i in range(30)],
    ).to_csv(tmp_path / "m.tsv", sep="\t")
    tumours = pd.DataFrame(
        {
            "sample": [f"{patient}-01" for patient in patients],
            "patient": patients,
            "type": ["A", "B"] * 10,
        }
    )
    tumours.to_csv(tmp_path / "o.tsv", sep="\t", index=False)
    with pytest.raises(CohortError, match="whether rows describe samples or patients"):
        read_cohort(
            CohortConfig(cohort=str(tmp_path / "m.tsv"), obs=str(tmp_path / "o.tsv"), label="type")
        )


def test_a_sample_without_values_is_refused_whatever_becomes_of_missing_ones(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.uniform(0, 12, (30, 20)).round(2),
        index=[f"ENSG{i:011d}" for i in range(30)],
        columns=[f"S{i}" for i in range(20)],
    )
    table["S19"] = np.nan
    table.rename_axis("gene_id").to_csv(tmp_path / "m.tsv", sep="\t")
    with pytest.raises(CohortError, match=r"found no value for 1 of 20 samples \(1 \(S19\)\)"):
        read_cohort(
            CohortConfig(cohort=str(tmp_path / "m.tsv"), group="none", missing="impute_mean")
        )


def test_a_column_titled_as_gene_names_that_holds_numbers_is_no_sample(tmp_path: Path) -> None:
    rows = [f"{i}\t0.5\t" + "\t".join(f"{i}.{j}" for j in range(1, 7)) for i in range(1, 9)]
    (tmp_path / "m.tsv").write_text(
        "\n".join(["index\tgene\t" + "\t".join(f"TCGA-AA-000{j}-01" for j in range(1, 7)), *rows])
        + "\n"
    )
    with pytest.raises(
        CohortError,
        match=r"found 1 \(gene\), the title of a column of gene names, which holds numbers",
    ):
        read_cohort(CohortConfig(cohort=str(tmp_path / "m.tsv"), rows="genes"))
