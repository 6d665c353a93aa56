"""A cohort of contrasts holds what was planted, whoever computes it and in whatever order, and bad
input is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.cli import main
from genexp.cohort import read_cohort
from genexp.contrasts import Compendium, build_compendium
from genexp.contrasts.part import find_terms
from genexp.errors import GenexpError
from genexp.names.gene_sets import match_gene_sets, read_gene_sets
from genexp.preprocessing import preprocess_cohort
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import ContrastsSettings, PreprocessSettings
from genexp.tracker import NullTracker

N_GENES = 120
GENES = [f"G{i}" for i in range(N_GENES)]
SETS = {
    "up term": GENES[:12],
    "down term": GENES[12:24],
    "quiet term": GENES[60:80],
    "elsewhere": [f"X{i}" for i in range(9)],
}
MOVES = {"up": ("up term", 2.0), "down": ("down term", -2.0), "still": ("up term", 0.0)}


@dataclass
class Expression:
    """Expression of several data sets with the annotations of their samples."""

    values: pd.DataFrame
    obs: pd.DataFrame

    def write(self, folder: Path) -> dict[str, str]:
        folder.mkdir(exist_ok=True)
        self.values.to_parquet(folder / "series.parquet")
        self.obs.to_csv(folder / "samples.tsv", sep="\t")
        lines = ["\t".join([name, "", *own]) for name, own in SETS.items()]
        (folder / "sets.gmt").write_text("\n".join(lines) + "\n")
        named = {
            "cohort": folder / "series.parquet",
            "obs": folder / "samples.tsv",
            "gene_sets": folder / "sets.gmt",
            "out": folder / "out",
        }
        fixed = {
            "dataset": "series",
            "condition": "group",
            "control": "normal",
            "rows": "samples",
            "workers": "1",
            "term_share": "0.01..1",
        }
        return {name: str(path) for name, path in named.items()} | fixed


def draw(*series: str, n: int = 5) -> Expression:
    """One data set of ``n`` cases and controls for each name ``move.number``; patients differ, and
    some genes have no set.
    """
    rng = np.random.default_rng(0)
    blocks, rows = [], []
    for name in series:
        term, shift = MOVES[name.partition(".")[0]]
        patient = rng.normal(0, 0.5, (n, N_GENES))
        values = 8 + np.tile(patient, (2, 1)) + rng.normal(0, 0.4, (2 * n, N_GENES))
        values[:n, [GENES.index(gene) for gene in SETS[term]]] += shift
        blocks.append(values)
        rows += [
            (f"{name}-{i}", name, "tumor" if i < n else "normal", f"{name}-p{i % n}")
            for i in range(2 * n)
        ]
    obs = pd.DataFrame(rows, columns=["sample", "series", "group", "patient"]).set_index("sample")
    return Expression(
        pd.DataFrame(np.concatenate(blocks), index=obs.index, columns=GENES).astype(np.float32), obs
    )


def build(expression: Expression, folder: Path, **values: str) -> Compendium:
    return build_compendium(parse_settings(ContrastsSettings, expression.write(folder) | values))


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def planted() -> Expression:
    return draw("up.1", "down.1", "still.1", "up.2", "down.2")


@pytest.fixture(scope="module")
def made(planted: Expression, tmp_path_factory: pytest.TempPathFactory) -> Compendium:
    return build(planted, tmp_path_factory.mktemp("made"), pair="patient")


def test_planted_fold_changes_are_those_of_the_cohort(made: Compendium) -> None:
    log2fc = pd.read_parquet(made.path)
    assert list(log2fc.index) == [
        f"{name}: tumor vs normal" for name in ("down.1", "down.2", "still.1", "up.1", "up.2")
    ]
    assert list(log2fc.columns) == GENES
    assert log2fc.loc["up.1: tumor vs normal", SETS["up term"]].mean() == pytest.approx(2, abs=0.15)
    assert log2fc.loc["down.2: tumor vs normal", SETS["down term"]].mean() == pytest.approx(
        -2, abs=0.15
    )
    assert made.contrasts["n_up"].tolist() == [0, 0, 0, 12, 12]
    assert made.contrasts["n_down"].tolist() == [12, 12, 0, 0, 0]


def test_a_planted_term_becomes_a_label_of_its_contrasts_alone(made: Compendium) -> None:
    terms = pd.read_csv(
        made.path.with_name("series_log2fc_terms.tsv.gz"), sep="\t", index_col="contrast"
    )
    assert terms.columns.tolist() == ["up term", "down term"]
    assert terms.to_numpy().tolist() == [[0, 1], [0, 1], [0, 0], [1, 0], [1, 0]]
    assert made.contrasts["n_terms"].tolist() == [1, 1, 0, 1, 1]


def test_all_files_speak_of_the_same_contrasts_and_genes(made: Compendium) -> None:
    table = pd.read_csv(
        made.path.with_name("series_log2fc_contrasts.tsv"), sep="\t", index_col="contrast"
    )
    pd.testing.assert_frame_equal(table, made.contrasts, rtol=1e-4)
    assert table["n_pairs"].tolist() == [5] * 5
    statistics = {
        name: pd.read_parquet(made.path.with_name(f"series_log2fc_{name}.parquet"))
        for name in "tpq"
    }
    for values in statistics.values():
        assert values.index.equals(table.index)
        assert list(values.columns) == GENES
        assert (values.dtypes == np.float32).all()
    assert (statistics["q"] >= statistics["p"]).all(axis=None)
    assert (np.sign(statistics["t"]) == np.sign(pd.read_parquet(made.path))).all(axis=None)
    assert made.path.with_name("series_log2fc.png").stat().st_size > 10_000
    assert not [path for path in made.path.parent.iterdir() if path.name.startswith(".")]


def test_the_output_is_a_cohort_that_is_preprocessed_by_data_set(tmp_path: Path) -> None:
    made = build(draw(*(f"{move}.{i}" for move in MOVES for i in range(10)), n=3), tmp_path)
    values = {
        "cohort": str(made.path),
        "obs": str(made.path.with_name("series_log2fc_contrasts.tsv")),
        "scale": "log2fc",
        "group": "dataset",
    }
    data = preprocess_cohort(
        parse_settings(PreprocessSettings, values | {"cache": str(tmp_path / "cache")}),
        NullTracker(),
    )
    assert (len(data.split), len(data.var), data.scale) == (30, N_GENES, "log2fc")


def test_neither_order_nor_processes_change_a_byte(
    planted: Expression, made: Compendium, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(len(planted.obs))
    shuffled = Expression(planted.values.iloc[order], planted.obs.iloc[::-1])
    again = build(shuffled, tmp_path, pair="patient", workers="2")
    assert read_folder(again.path.parent) == read_folder(made.path.parent)


def test_what_was_interrupted_goes_on(
    planted: Expression, made: Compendium, tmp_path: Path
) -> None:
    """The last step fails, so that finished contrasts stay; one of them is altered, which shows
    that it is not made again.
    """
    (tmp_path / "out" / made.path.name).mkdir(parents=True)
    with pytest.raises(GenexpError, match="expected a folder that can be written"):
        build(planted, tmp_path, pair="patient")
    parts = sorted((tmp_path / "out").glob(".*/*.npz"))
    assert len(parts) == 5
    parts[0].write_bytes(parts[1].read_bytes())
    (tmp_path / "out" / made.path.name).rmdir()
    again = build(planted, tmp_path, pair="patient")
    assert len(set(again.contrasts.index)) == 4
    assert not list((tmp_path / "out").glob(".*"))


def test_pairs_find_more_where_patients_differ(planted: Expression, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    level = pd.DataFrame(
        rng.normal(0, 3, (25, N_GENES)), index=planted.obs["patient"].unique(), columns=GENES
    )
    unlike = Expression(
        planted.values + level.loc[planted.obs["patient"]].to_numpy(np.float32) + 5, planted.obs
    )
    paired, unpaired = build(unlike, tmp_path, pair="patient"), build(unlike, tmp_path)
    assert paired.contrasts["n_significant"].sum() > 40
    assert unpaired.contrasts["n_significant"].sum() < 5


def test_every_value_is_contrasted_with_the_control_of_its_data_set(
    planted: Expression, tmp_path: Path
) -> None:
    obs = planted.obs.copy()
    first = obs.index[obs["series"] == "up.1"]
    obs.loc[first[[0, 1]], "group"] = "early"
    obs.loc[first[[8, 9]], "group"] = np.nan
    made = build(Expression(planted.values, obs), tmp_path, where="series in ['up.1', 'down.1']")
    counts = made.contrasts[["dataset", "case", "n_case", "n_control"]].to_numpy().tolist()
    assert counts == [["down.1", "tumor", 5, 5], ["up.1", "early", 2, 3], ["up.1", "tumor", 3, 3]]
    only = build(
        Expression(planted.values, obs),
        tmp_path,
        case="early",
        where="series in ['up.1', 'down.1']",
    )
    assert list(only.contrasts.index) == ["up.1: early vs normal"]
    assert list(only.skipped.index) == ["down.1: early vs normal"]


def test_without_data_sets_and_gene_sets_all_samples_are_one_contrast(
    planted: Expression, tmp_path: Path
) -> None:
    obs = planted.obs.assign(group=(planted.obs["group"] == "tumor").astype(int))
    build(Expression(planted.values, obs), tmp_path, control="0")
    assert list((tmp_path / "out").glob("*terms*"))
    made = build(Expression(planted.values, obs), tmp_path, dataset="", gene_sets="", control="0")
    assert made.contrasts.loc["1 vs 0", ["n_case", "n_control"]].tolist() == [25, 25]
    assert not list(made.path.parent.glob("*terms*"))


def test_what_cannot_be_contrasted_is_skipped_with_its_reason(
    planted: Expression, tmp_path: Path
) -> None:
    obs = planted.obs.copy()
    obs.loc[obs["series"] == "up.1", "group"] = "tumor"
    obs.loc[obs["series"] == "down.1", "group"] = "normal"
    obs.loc[obs.index[obs["series"] == "still.1"][1:5], "group"] = np.nan
    obs.loc[obs["series"] == "down.2", "patient"] = np.arange(10)
    made = build(Expression(planted.values, obs), tmp_path, pair="patient")
    assert list(made.contrasts.index) == ["up.2: tumor vs normal"]
    table = pd.read_csv(
        tmp_path / "out" / "series_log2fc_skipped.tsv", sep="\t", index_col="contrast"
    )
    assert table["reason"].to_dict() == {
        "down.1: any other vs normal": (
            "0 of any other and 10 of normal; a contrast needs 2 of each"
        ),
        "down.2: tumor vs normal": "0 pairs with both tumor and normal; a contrast needs 2",
        "still.1: tumor vs normal": "1 of tumor and 5 of normal; a contrast needs 2 of each",
        "up.1: tumor vs normal": "no sample is normal",
    }


def test_missing_values_cost_a_gene_its_contrast_alone(planted: Expression, tmp_path: Path) -> None:
    values = planted.values.copy()
    values.loc[planted.obs["series"] == "up.1", GENES[0]] = np.nan
    values.loc["down.1-0", GENES[1]] = np.nan
    made = build(Expression(values, planted.obs), tmp_path)
    log2fc = pd.read_parquet(made.path)
    assert np.argwhere(log2fc.isna().to_numpy()).tolist() == [[3, 0]]
    assert made.contrasts["n_tested"].tolist() == [N_GENES] * 3 + [N_GENES - 1, N_GENES]
    assert (
        read_cohort(CohortConfig(cohort=str(made.path), missing="drop_gene"), min_samples=5).n_obs
        == 5
    )


def test_counts_are_contrasted_as_logarithms_of_their_share(tmp_path: Path) -> None:
    """Cases are sequenced four times as deeply, which is no change of expression."""
    rng, given = np.random.default_rng(0), draw("up.1")
    depth = np.where(given.obs["group"] == "tumor", 4, 1)[:, None]
    counts = pd.DataFrame(
        rng.poisson(np.exp2(given.values) * depth), index=given.obs.index, columns=GENES
    ).astype(np.float32)
    made = build(Expression(counts, given.obs), tmp_path)
    log2fc = pd.read_parquet(made.path).iloc[0]
    logs = np.log2(counts.div(counts.sum(axis=1), axis=0) * 1e6 + 1)
    is_case = given.obs["group"] == "tumor"
    np.testing.assert_allclose(log2fc, logs[is_case].mean() - logs[~is_case].mean(), atol=1e-4)
    assert abs(log2fc[24:].mean()) < 0.5


def test_of_genes_of_one_name_the_most_variable_is_kept(
    planted: Expression, tmp_path: Path
) -> None:
    values = planted.values.rename(columns={"G0": "TP53|7157", "G1": "TP53|1"})
    values["TP53|1"] = 8 + 0.1 * (values["TP53|1"] - 8)
    made = build(Expression(values, planted.obs), tmp_path)
    log2fc = pd.read_parquet(made.path)
    assert list(log2fc.columns) == ["TP53", *GENES[2:]]
    assert log2fc.loc["up.1: tumor vs normal", "TP53"] > 1


def test_terms_of_too_many_or_too_few_contrasts_are_no_labels(
    planted: Expression, tmp_path: Path
) -> None:
    # 3 of 4 contrasts, if at all
    third = Expression(planted.values, planted.obs.replace({"series": {"down.2": "still.1"}}))
    assert list(build(third, tmp_path, pair="patient", term_share="0.3..0.5").terms) == ["up term"]
    assert list(build(third, tmp_path, pair="patient", term_share="0.6..1").terms) == []
    assert list(build(third, tmp_path, term_size="13..50").terms) == []


def test_the_background_of_a_term_is_what_was_tested() -> None:
    """Half of 20 tested genes are significant, as are those of the set; beside 980 genes that were
    not, the set would stand out.
    """
    genes = pd.Index([f"G{i}" for i in range(1000)])
    _, members = match_gene_sets({"even": [f"G{i}" for i in range(8, 14)]}, genes, 5, 500)
    significant, tested = genes.isin(genes[:11]), genes.isin(genes[:20])
    assert not find_terms(members, significant, tested, 0.05).any()
    assert find_terms(members, significant, np.ones(1000, dtype=bool), 0.05).all()


def test_a_few_significant_genes_make_no_label() -> None:
    genes = pd.Index(GENES)
    _, members = match_gene_sets({"up": SETS["up term"]}, genes, 5, 500)
    tested = np.ones(N_GENES, dtype=bool)
    assert not find_terms(members, genes.isin(GENES[:4]), tested, 0.05).any()
    assert find_terms(members, genes.isin(GENES[:5]), tested, 0.05).all()


Spoil = Callable[[Expression], Expression]


def leave(given: Expression) -> Expression:
    return given


def standardise(given: Expression) -> Expression:
    return Expression((given.values - given.values.mean()) / given.values.std(), given.obs)


@pytest.mark.parametrize(
    ("spoil", "values", "fragment"),
    [
        (
            leave,
            {"condition": ""},
            "expected condition (a column of obs) and control (one of its values)",
        ),
        (leave, {"case": "normal"}, "a case other than the control"),
        (
            leave,
            {"condition": "grp"},
            (
                "condition='grp' is not a column of the annotations or of the matrix; they have "
                "4 (sample, series, group, patient)"
            ),
        ),
        (leave, {"dataset": "study"}, "dataset='study' is not a column"),
        (leave, {"pair": "donor"}, "pair='donor' is not a column"),
        (
            leave,
            {"control": "healthy"},
            (
                "control='healthy': expected a value of 'group'; its values in 50 samples are 2 "
                "(tumor, normal)"
            ),
        ),
        (leave, {"case": "cancer"}, "case='cancer': expected a value of 'group'"),
        (
            leave,
            {"dataset": "patient"},
            (
                "no data set can be contrasted: 25 (down.1-p0: tumor vs normal: 1 of tumor and 1 "
                "of normal"
            ),
        ),
        (
            leave,
            {"obs": ""},
            (
                "condition='group' is not a column of the annotations or of the matrix; there "
                "are none: give obs"
            ),
        ),
        (
            leave,
            {"term_size": "50..90"},
            "expected gene sets with 50 to 90 of the 120 measured genes",
        ),
        (leave, {"gene_sets": "nowhere.gmt"}, "found no file nowhere.gmt"),
        (standardise, {}, "series is zscore"),
        (leave, {"workers": "0"}, "workers='0'"),
        (leave, {"term_share": "0.1..2"}, "inside 0..1"),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(
    planted: Expression, spoil: Spoil, values: dict[str, str], fragment: str, tmp_path: Path
) -> None:
    with pytest.raises(GenexpError) as error:
        build(spoil(planted), tmp_path, **values)
    assert fragment in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder_to_write_to(planted: Expression, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(
        GenexpError, match=r"out=.*: expected a folder that can be written; found: "
    ):
        build(planted, tmp_path)


def test_the_verb_writes_the_cohort_and_says_what_was_skipped(
    planted: Expression, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    obs = planted.obs[planted.obs["series"].isin(["up.1", "down.1"])].copy()
    obs.loc[obs["series"] == "down.1", "group"] = "tumor"
    given = Expression(planted.values.loc[obs.index], obs).write(tmp_path)
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    assert main(["contrasts", *options]) == 0
    said = capsys.readouterr().err
    assert "skipped down.1: tumor vs normal: no sample is normal" in said
    assert (
        "1 contrasts of 1 data sets (1 skipped), median 12 significant genes, 1 terms: "
        f"{tmp_path / 'out'}"
    ) in said
    assert main(["contrasts", *options, "--control", "healthy"]) == 2
    assert "genexp: control='healthy'" in capsys.readouterr().err


@pytest.mark.slow
def test_tumours_divide_more_than_their_own_normal_tissue(
    shared_data: Path, tmp_path: Path
) -> None:
    """Known of TCGA: proliferation genes and collagen X are up, and cell-cycle terms are
    over-represented.
    """
    made = build_compendium(
        ContrastsSettings(
            cohort=str(shared_data / "tcga_paired_tumor_normal.parquet"),
            obs=str(shared_data / "tcga_paired_tumor_normal_samples.tsv"),
            dataset="cancer_type",
            condition="sample_type",
            case="tumor",
            control="normal",
            pair="patient_id",
            gene_sets=str(shared_data / "go_bp_2021.gmt.gz"),
            term_share="0.01..1",  # type: ignore[arg-type]
            out=str(tmp_path),
            workers=1,
        )
    )
    log2fc, q = (
        pd.read_parquet(made.path),
        pd.read_parquet(made.path.with_name(f"{made.path.stem}_q.parquet")),
    )
    assert len(log2fc) == 10
    proliferation = ["TOP2A", "BIRC5", "MYBL2"]
    assert (log2fc[proliferation] > 1).all(axis=None)
    assert (q[proliferation] < 0.001).all(axis=None)
    assert (log2fc["COL10A1"] > 2).sum() >= 7
    sets = read_gene_sets(shared_data / "go_bp_2021.gmt.gz")
    spindle, matrix = (
        "mitotic spindle organization (GO:0007052)",
        "extracellular matrix organization (GO:0030198)",
    )
    assert made.terms[[spindle, matrix]].sum().tolist() == [7, 8]
    _, members = match_gene_sets({spindle: sets[spindle]}, log2fc.columns, 5, 500)
    up = (q < 0.05) & (log2fc >= 1)
    assert all(
        find_terms(members, row, np.ones(len(row), dtype=bool), 0.05).all() for row in up.to_numpy()
    )
