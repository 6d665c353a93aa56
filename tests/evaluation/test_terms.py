"""Terms: read and matched by sample id, predicted where they are planted and not elsewhere, and
scored as scikit-learn does.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

from genexp.cli import main
from genexp.cohort.simulators.compendium import plant_compendium
from genexp.cohort.terms import read_terms
from genexp.errors import CohortError
from genexp.evaluation.terms import (
    Terms,
    choose_terms,
    evaluate_terms,
    fit_term_regressions,
)
from genexp.report.figures.terms import plot_terms
from genexp.report.sections.terms import render_terms
from tests.outcomes import unpack
from tests.planted_terms import plant_terms


@pytest.fixture(scope="module")
def terms() -> Terms:
    train, has = plant_terms("train", 300, seed=0)
    test, has_test = plant_terms("test", 120, seed=1)
    found, notes = unpack(evaluate_terms(train, test, pd.concat([has, has_test]), seed=0))
    assert found is not None
    assert notes == [
        "Terms: 1 of 3 were excluded: too few samples or groups have them or lack them."
    ]
    return found


def test_planted_terms_are_predicted_and_others_stay_at_their_prevalence(terms: Terms) -> None:
    assert list(terms.by_term.index) == ["noise", "planted"]
    assert terms.by_term.loc["planted", "ap"] > 0.9
    assert terms.by_term.loc["planted", "ap_pca"] < 0.6
    assert terms.by_term.loc["noise", "ap"] == pytest.approx(
        terms.by_term.loc["noise", "prevalence"], abs=0.15
    )
    assert terms.scores.loc["encoder", "macro_ap"] == pytest.approx(terms.by_term["ap"].mean())
    assert terms.name_best(1) == ["planted"]
    assert abs(terms.weights["encoder"].loc["planted", 0]) > 5 * abs(
        terms.weights["encoder"].loc["planted", 1]
    )


@pytest.mark.parametrize("C", [1e-3, 1.0])
def test_all_terms_at_once_are_fitted_as_one_by_one_by_scikit_learn(C: float) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 6)) * [1, 1, 9, 0.1, 1, 1]
    Y = (z @ rng.normal(size=(6, 4)) + rng.normal(scale=2, size=(200, 4)) > 1).astype(float)
    weights, bias = fit_term_regressions(z, Y, C)
    for t in range(4):
        one = LogisticRegression(C=C, tol=1e-8, max_iter=10000).fit(z, Y[:, t])
        assert weights[t] == pytest.approx(one.coef_[0], abs=1e-3)
        assert bias[t] == pytest.approx(one.intercept_[0], abs=1e-3)


def test_a_term_of_one_series_is_not_predicted() -> None:
    has = pd.DataFrame({"one series": np.arange(60) < 12, "many": np.arange(60) % 4 == 0})
    names, _ = choose_terms(has, has, np.repeat(np.arange(5), 12))
    assert names == ["many"]


def test_nothing_is_predicted_where_no_term_is_frequent_enough() -> None:
    train, has = plant_terms("train", 40, seed=0)
    test, has_test = plant_terms("test", 20, seed=1)
    found, notes = unpack(evaluate_terms(train, test, pd.concat([has, has_test])[["rare"]], seed=0))
    assert found is None
    assert notes[-1].startswith("No terms: none has enough")


def test_test_samples_change_no_fitted_weight() -> None:
    train, has = plant_terms("train", 300, seed=0)
    weights = []
    for seed in (1, 2):
        test, has_test = plant_terms("test", 120, seed=seed)
        found, _ = unpack(evaluate_terms(train, test, pd.concat([has, has_test]), seed=0))
        assert found is not None
        weights.append(found.weights["encoder"].loc[["planted", "noise"]].to_numpy())
    assert np.array_equal(weights[0], weights[1])


def test_the_picture_and_the_section_name_the_terms(terms: Terms) -> None:
    figure = plot_terms(terms)
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "prevalence of the term (log scale)",
        "average precision, PCA",
    ]
    text = render_terms(terms, None)
    assert "planted" in text
    assert "AP of PCA" in text


def write(folder: Path, table: pd.DataFrame, name: str = "terms.tsv.gz") -> str:
    path = folder / name
    table.to_parquet(path) if name.endswith("parquet") else table.to_csv(
        path, sep="," if ".csv" in name else "\t"
    )
    return str(path)


TABLE = pd.DataFrame(
    {"GO:1": [1, 0, 1], "GO:2": [0, 0, 1]}, index=pd.Index(["007", "c2", "c3"], name="contrast")
)


@pytest.mark.parametrize("name", ["terms.tsv.gz", "terms.csv", "terms.parquet"])
def test_terms_are_read_in_the_order_of_the_samples(tmp_path: Path, name: str) -> None:
    found = read_terms(write(tmp_path, TABLE, name), ["c3", "007"])
    assert found.index.tolist() == ["c3", "007"]
    assert found.to_numpy().tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize(
    ("table", "samples", "said"),
    [
        (TABLE, ["c3", "s1", "s2"], r"2 \(s1, s2\) of 3 samples have none"),
        (pd.concat([TABLE, TABLE.iloc[:1]]), ["c3"], r"1 \(007\) have two rows"),
        (TABLE.assign(p=[0.1, 0, 1]), ["c3", "007"], r"other values in 1 \(p\)"),
        (TABLE.assign(p=["yes", "no", "yes"]), ["c3"], r"other values in 1 \(p\)"),
        (TABLE[[]], ["c3"], "expected a table"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    tmp_path: Path, table: pd.DataFrame, samples: list[str], said: str
) -> None:
    with pytest.raises(CohortError, match=said):
        read_terms(write(tmp_path, table), samples)


def test_terms_of_other_samples_are_refused_before_training(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--cohort",
        "simulated_compendium:60x100",
        "--terms",
        write(tmp_path, TABLE),
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert main(["main", *options, "--experiment_name", "terms refused"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "give both the same ids" in said
    assert "CONTRAST" in said


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="does not exist"):
        read_terms(str(tmp_path / "none.tsv"), ["a"])


@pytest.mark.slow
def test_main_predicts_terms_and_says_so_in_verdict_report_and_pictures(
    store: str, tmp_path: Path
) -> None:
    cohort = "simulated_compendium:160x200"
    terms = plant_compendium(160, 200, seed=0)[1]["terms"].astype(int)
    options = [
        "--cohort",
        cohort,
        "--terms",
        write(tmp_path, terms),
        "--cache",
        str(tmp_path / "cache"),
        "--epochs",
        "2",
        "--hidden",
        "16",
    ]
    assert (
        main(
            [
                "main",
                *options,
                "--n_latent",
                "4",
                "--threads",
                "1",
                "--experiment_name",
                "terms main",
            ]
        )
        == 0
    )
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("terms main")
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id])[0]
    assert 0 < run.data.metrics["terms/macro_ap"] <= 1
    assert "terms/macro_ap_pca" in run.data.metrics
    assert "terms " in run.data.tags["verdict"]
    assert {"figures/terms.png", "figures/deletion.png"} <= {
        entry.path for entry in client.list_artifacts(run.info.run_id, "figures")
    }
    assert "evaluation/terms.tsv" in {
        entry.path for entry in client.list_artifacts(run.info.run_id, "evaluation")
    }
