"""The leak firewall: each test plants a leak and sees the guard fire."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from genexp.errors import EvaluationError
from genexp.evaluation.audit import DUPLICATE, audit_split
from genexp.preprocessing import pipeline
from genexp.preprocessing.fit import fit_genes
from genexp.preprocessing.invariance import find_dependent
from genexp.preprocessing.pipeline import apply_transform, preprocess_anndata
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from genexp.verdict.evaluate import evaluate_encoder
from tests.verdict.test_evaluate import make_cohort, make_pca_encoder

SETTINGS = PreprocessSettings(split="60/15/25")


class Notebook(NullTracker):
    """Keeps tags and texts."""

    def __init__(self):
        self.tags, self.texts, self.metrics = {}, {}, {}

    def set_tags(self, tags):
        self.tags |= tags

    def log_text(self, name, text):
        self.texts[name] = text

    def log_metrics(self, metrics, step=None):
        self.metrics |= metrics


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return preprocess_anndata(
        make_cohort(), SETTINGS, tmp_path_factory.mktemp("cohort") / "planted"
    )


def open_rows(data):
    return {part: (np.array(data.matrix(part)), data.obs(part)) for part in ("train", "val")} | {
        "test": data.access_test()
    }


def refuse(adata, folder):
    """Preprocess and evaluate; the error, and what the run was told before it."""
    data = preprocess_anndata(adata, SETTINGS, folder)
    run = Notebook()
    with pytest.raises(EvaluationError) as error:
        evaluate_encoder(make_pca_encoder(data), data, EvaluationConfig(max_clusters=3), 0, run)
    assert (
        run.tags["leakage"] == json.loads(run.texts["evaluation/audit.json"])["leakage"] == "fail"
    )
    assert run.metrics == {}
    return str(error.value), run


def test_an_honest_split_passes(data):
    audit = audit_split(open_rows(data), data, make_pca_encoder(data))
    assert audit.leakage == "pass"
    assert audit.reasons == ""
    outcomes = audit.checks["outcome"].to_dict()
    assert outcomes.pop("patients") == "not checked"
    assert set(outcomes.values()) == {"pass"}


def test_a_test_sample_that_is_in_train_under_another_name_is_found_and_blocks(tmp_path):
    cohort = make_cohort()
    copies = cohort[130:150].copy()
    copies.obs_names = [f"copy of {name}" for name in copies.obs_names]
    copies.obs["group"] = list(copies.obs_names)
    copies.X = np.round(copies.X, 3)
    both = make_joined(cohort, copies)
    message, run = refuse(both, tmp_path / "copies")
    assert "pairs of nearly identical samples" in message
    assert "copy of s1" in message
    assert "r=1.0" in message or "r=0.9999" in message
    assert "copy of s1" in run.tags["leakage_reasons"]


def make_joined(cohort, further):
    from anndata import AnnData

    obs = pd.concat([cohort.obs, further.obs]).rename_axis("sample_id")
    return AnnData(np.concatenate([cohort.X, further.X]), obs=obs, var=cohort.var, uns=cohort.uns)


def test_samples_that_are_only_alike_are_no_duplicates(data):
    rows = open_rows(data)
    rng = np.random.default_rng(0)
    for share, outcome in ((0.002, "fail"), (0.1, "pass")):
        planted = rows["test"][0][:1] + share**0.5 * rng.normal(
            size=(1, data.matrix("train").shape[1])
        )
        r = np.corrcoef(planted, rows["test"][0][:1])[0, 1]
        assert (r > DUPLICATE) == (outcome == "fail")
        X = np.concatenate([planted.astype(np.float32), rows["train"][0][1:]])
        audit = audit_split(rows | {"train": (X, rows["train"][1])}, data, make_pca_encoder(data))
        assert audit.checks.loc["near-duplicates", "outcome"] == outcome


def test_a_patient_in_two_parts_is_found(data):
    rows = open_rows(data)
    X, obs = rows["test"]
    stolen = rows["train"][1]["group"].iloc[0]
    tampered = obs.assign(group=[stolen, *obs["group"].iloc[1:]])
    audit = audit_split(rows | {"test": (X, tampered)}, data, make_pca_encoder(data))
    assert audit.leakage == "fail"
    assert f"{obs.index[0]} of {stolen} in test" in audit.checks.loc["groups", "found"]


def test_a_split_by_sample_of_patients_with_several_samples_blocks(tmp_path):
    cohort = make_cohort()
    cohort.obs["patient_id"], cohort.obs["group"] = cohort.obs["group"], list(cohort.obs_names)
    message, _ = refuse(cohort, tmp_path / "by_sample")
    assert "values of patient_id in several parts" in message
    assert "group=" in message


def test_a_sample_in_two_parts_is_found(data):
    rows = open_rows(data)
    X, obs = rows["test"]
    renamed = obs.set_axis([rows["train"][1].index[3], *obs.index[1:]])
    audit = audit_split(rows | {"test": (X, renamed)}, data, make_pca_encoder(data))
    assert rows["train"][1].index[3] in audit.checks.loc["sample ids", "found"]
    assert audit.checks.loc["sample ids", "outcome"] == "fail"


def leak_everything(X, var, train, **settings):
    """Fit as peers do: on all rows."""
    return fit_genes(X, var, np.arange(len(X)), **settings)


def test_genes_and_scaler_fitted_on_all_samples_block(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "fit_genes", leak_everything)
    message, run = refuse(make_cohort(), tmp_path / "leaky")
    assert "fitted values that changed with the held-out samples" in message
    checks = {
        check["check"]: check for check in json.loads(run.texts["evaluation/audit.json"])["checks"]
    }
    assert checks["fitted values"]["outcome"] == checks["scaling"]["outcome"] == "fail"


@pytest.mark.parametrize("scaling", ["zscore", "minmax"])
def test_a_registered_encoders_scaler_of_all_samples_is_found(data, tmp_path, scaling):
    cohort = make_cohort()
    train = cohort.obs_names.isin(data.obs("train").index)
    settings = SETTINGS.model_copy(update={"scaling": scaling})
    for rows, outcome in ((np.flatnonzero(train), "pass"), (np.arange(len(train)), "fail")):
        fitted = fit_genes(cohort.X, cohort.var, rows, "log2_norm_count", "none", settings)
        raw = fitted.columns.take(cohort.X, np.arange(len(train)))
        cache = tmp_path / f"{scaling}-{outcome}"
        applied = apply_transform(
            raw,
            cohort.obs,
            data.split,
            fitted.var,
            fitted.transform,
            name="planted",
            scale="log2_norm_count",
            cache=cache,
        )
        audit = audit_split(open_rows(applied), applied, make_pca_encoder(applied))
        assert audit.checks.loc["scaling", "outcome"] == outcome
        assert audit.checks.loc["fitted values", "outcome"] == "not checked"


def test_scaling_is_not_checked_on_other_samples_than_those_of_the_training(data):
    encoder = replace(make_pca_encoder(data), card={"split_hash": "another"})
    assert (
        audit_split(open_rows(data), data, encoder).checks.loc["scaling", "outcome"]
        == "not checked"
    )


def fit_by(X, rows, **values):
    return fit_genes(
        X, make_cohort().var, rows, "log2_norm_count", "none", PreprocessSettings(**values)
    )


def test_refitting_finds_what_depends_on_held_out_samples_and_restores_them():
    X = np.array(make_cohort().X)
    X[3, 5] = np.nan
    before, held_out, train = X.copy(), np.arange(0, 90), np.arange(90, 260)
    honest = partial(fit_by, rows=train, missing="impute_mean")
    assert find_dependent(X, held_out, honest(X), honest) == []
    leaky = partial(fit_by, rows=np.arange(260), missing="impute_mean")
    assert {"fill", "shift", "spread", "var"} <= set(find_dependent(X, held_out, leaky(X), leaky))
    filtered = partial(fit_by, rows=np.arange(260), n_top_genes=50, missing="impute_mean")
    assert find_dependent(X, held_out, filtered(X), filtered) == ["kept genes"]
    np.testing.assert_array_equal(X, before)


def test_few_genes_cannot_tell_a_copy(data):
    rows = {part: (X[:, :5], obs) for part, (X, obs) in open_rows(data).items()}
    assert (
        audit_split(rows, data, make_pca_encoder(data)).checks.loc["near-duplicates", "outcome"]
        == "not checked"
    )


@pytest.mark.parametrize("name", ["tcga_brca_rnaseq", "ovarian_multistudy", "tcga_pancan_50genes"])
def test_real_samples_of_different_patients_are_no_duplicates(shared_data, name, data):
    X = pd.read_parquet(shared_data / f"{name}.parquet")
    X = X.fillna(X.mean()).to_numpy(np.float32)
    X = X[np.random.default_rng(0).permutation(len(X))[:3000]]
    parts = np.split(np.arange(len(X)), [int(0.7 * len(X)), int(0.85 * len(X))])
    rows = {
        part: (
            X[places],
            pd.DataFrame({"group": [f"s{i}" for i in places]}, index=[f"s{i}" for i in places]),
        )
        for part, places in zip(("train", "val", "test"), parts, strict=True)
    }
    check = audit_split(rows, data, make_pca_encoder(data)).checks.loc["near-duplicates"]
    assert check["outcome"] == "pass"
    assert "closest pair" in check["found"]


def test_a_leak_ends_the_command_and_nothing_is_registered(store, tmp_path, monkeypatch, capsys):
    from mlflow import MlflowClient

    from genexp.cli import main

    monkeypatch.chdir(tmp_path)
    cohort = make_cohort()
    table = cohort.to_df()
    copies = table.iloc[130:150].rename(index=lambda name: f"copy_of_{name}")
    pd.concat([table, copies]).rename_axis("sample_id").to_parquet("leaky.parquet")
    small = [
        "--epochs",
        "1",
        "--hidden",
        "8",
        "--n_latent",
        "3",
        "--threads",
        "1",
        "--device",
        "cpu",
    ]
    assert (
        main(
            [
                "main",
                "--cohort",
                "leaky.parquet",
                "--rows",
                "samples",
                "--experiment_name",
                "leaks",
                *small,
            ]
        )
        == 2
    )
    assert "nearly identical" in capsys.readouterr().err.replace("\n", " ")
    client = MlflowClient(store)
    run = client.search_runs([client.get_experiment_by_name("leaks").experiment_id])[0]
    assert run.info.status == "FAILED"
    assert run.data.tags["leakage"] == "fail"
    assert "copy_of_s1" in run.data.tags["error"]
    assert "r2/test" not in run.data.metrics
    assert [artifact.path for artifact in client.list_artifacts(run.info.run_id, "evaluation")] == [
        "evaluation/audit.json"
    ]
    assert client.search_registered_models(filter_string="name = 'leaky'") == []
