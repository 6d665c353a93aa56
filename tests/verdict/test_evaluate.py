"""The whole evaluation, through the real preprocessing, of an encoder that is PCA and of one that
is not.
"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from sklearn.metrics import silhouette_score

from genexp.errors import EvaluationError
from genexp.evaluation.baselines import fit_pca
from genexp.evaluation.projection import UMAP_ROWS, embed_latents, place_by_umap
from genexp.model.encoder import Affine, Encoder, Network
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.report.log import log_evaluation
from genexp.report.page import render_report
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import NullTracker
from genexp.verdict.evaluate import describe_evaluation, evaluate_encoder
from tests.planted_latents import make_latents, plant_classes

N_SAMPLES, N_GENES, N_LATENT = 260, 300, 4


def make_cohort(corrupt: pd.Index | None = None) -> AnnData:
    """Three subtypes, survival by a programme of its own, 60 patients with a tumour and a normal
    sample.
    """
    rng = np.random.default_rng(0)
    code = rng.integers(0, 3, N_SAMPLES)
    programme = rng.normal(size=N_SAMPLES)
    factors = np.column_stack([4 * np.eye(3)[code], 2 * programme])
    X = (
        8
        + 0.5 * factors @ rng.normal(size=(4, N_GENES))
        + rng.normal(scale=0.7, size=(N_SAMPLES, N_GENES))
    ).astype(np.float32)
    death, censored = rng.exponential(900 * np.exp(-programme)), rng.uniform(100, 2500, N_SAMPLES)
    obs = pd.DataFrame(
        {
            "group": [f"p{i // 2 if i < 120 else i}" for i in range(N_SAMPLES)],
            "sample_type": ["normal" if i < 120 and i % 2 else "tumor" for i in range(N_SAMPLES)],
            "label": pd.Categorical(
                [None if i % 10 == 9 else "abc"[c] for i, c in enumerate(code)]
            ),
            "time_days": np.ceil(np.minimum(death, censored)),
            "event": (death <= censored).astype(float),
        },
        index=pd.Index([f"s{i}" for i in range(N_SAMPLES)], name="sample_id"),
    )
    if corrupt is not None:
        X[obs.index.isin(corrupt)] = rng.uniform(0, 20, (len(corrupt), N_GENES))
        obs.loc[corrupt, "time_days"] = 1.0
    genes = [f"G{j}" for j in range(N_GENES)]
    var = pd.DataFrame({"source": genes, "entrez_id": ""}, index=pd.Index(genes, name="gene"))
    return AnnData(
        np.maximum(X, 0),
        obs=obs,
        var=var,
        uns={"scale": "log2_norm_count", "name": "planted", "digest": "0" * 16, "report": {}},
    )


def make_pca_encoder(data, n_latent: int = N_LATENT) -> Encoder:
    """Build an encoder whose weights are the principal components of the train rows."""
    train = data.matrix("train")
    pca, mean = fit_pca(train, n_latent), train.mean(axis=0, dtype=np.float64)
    axes = pca.encode(np.eye(len(mean)) + mean)
    layers = [
        Affine(weight.astype(np.float32), bias.astype(np.float32))
        for weight, bias in ((axes.T, -mean @ axes), (axes, mean))
    ]
    names = list(data.var.index)
    return Encoder(
        names,
        names,
        data.scale,
        "mean",
        data.transform,
        Network((layers[0],)),
        Network((layers[1],)),
        card={"run": "toy"},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return preprocess_anndata(
        make_cohort(),
        PreprocessSettings(split="60/15/25"),
        tmp_path_factory.mktemp("cohort") / "planted",
    )


@pytest.fixture(scope="module")
def encoder(data):
    return make_pca_encoder(data)


@pytest.fixture(scope="module")
def evaluation(encoder, data):
    return evaluate_encoder(encoder, data, EvaluationConfig(max_clusters=6), seed=0)


def test_encoder_that_is_pca_scores_as_pca_and_is_told_so(evaluation):
    assert evaluation.verdict == ", ".join(
        f"{task} no different from PCA"
        for task in ("reconstruction", "clustering", "probe", "survival")
    )
    rivals = {
        name: value
        for name, value in evaluation.metrics.items()
        if name.endswith("_pca") and not name.startswith("picture/")
    }
    assert len(rivals) == 2 + 6 + 3 + 3 + 4
    for name, value in rivals.items():
        assert evaluation.metrics[name.removesuffix("_pca")] == pytest.approx(
            value, abs=1e-6, rel=1e-6
        )


def test_metrics_have_the_promised_keys(evaluation):
    promised = {
        "mse/test",
        "r2/test",
        "r2/test_pca",
        "probe/macro_f1",
        "probe/macro_f1_pca",
        "survival/c_index",
        "survival/c_index_pca",
    }
    promised |= {
        f"cluster/{index}"
        for index in ("silhouette", "calinski_harabasz", "davies_bouldin", "ari", "nmi")
    }
    assert promised <= set(evaluation.metrics)
    assert all(np.isfinite(value) for value in evaluation.metrics.values())


def test_planted_subtypes_and_hazard_are_found(evaluation):
    assert evaluation.metrics["cluster/ari"] > 0.8
    assert evaluation.metrics["probe/macro_f1"] > 0.9
    assert evaluation.metrics["survival/c_index"] > 0.6
    assert evaluation.metrics["r2/test"] > 0.5


def test_survival_takes_one_tumour_sample_per_patient(evaluation, data):
    patients = evaluation.results["survival"].patients
    assert patients["group"].is_unique
    assert evaluation.results["survival"].excluded == {
        "not a tumour sample": 60 - (data.obs("val")["sample_type"] == "normal").sum()
    }


def test_every_sample_is_in_every_picture(evaluation):
    table = evaluation.results["embeddings"].coordinates
    assert len(table) == N_SAMPLES
    assert list(table.columns) == [
        "part",
        "label",
        "cluster",
        "tsne_1",
        "tsne_2",
        "umap_1",
        "umap_2",
        "pca_1",
        "pca_2",
    ]
    assert np.isfinite(table.filter(regex="_[12]$").to_numpy()).all()
    assert evaluation.results["embeddings"].perplexity == 30
    assert list(evaluation.latents.index) == list(table.index)


def test_held_out_samples_land_among_their_own_in_the_pictures(evaluation):
    table = evaluation.results["embeddings"].coordinates.dropna()
    train, test = (table[table["part"] == part] for part in ("train", "test"))
    for map_ in ("tsne", "umap", "pca"):
        columns = [f"{map_}_1", f"{map_}_2"]
        centres = train.groupby("label", observed=True)[columns].mean()
        distance = np.linalg.norm(test[columns].to_numpy()[:, None] - centres.to_numpy(), axis=2)
        assert (centres.index[distance.argmin(axis=1)] == test["label"].astype(str)).mean() > 0.9


def test_opening_is_counted_once_per_evaluation(encoder, data, evaluation):
    before = data.n_accesses
    evaluated = evaluate_encoder(encoder, data, EvaluationConfig(max_clusters=6), seed=0)
    assert data.n_accesses == evaluated.summary["test_openings"] == before + 1
    pd.testing.assert_frame_equal(
        evaluated.results["embeddings"].coordinates, evaluation.results["embeddings"].coordinates
    )
    assert evaluated.metrics == evaluation.metrics


def test_corrupted_test_rows_change_nothing_that_was_fitted(evaluation, encoder, data, tmp_path):
    test = data.split.index[data.split["part"] == "test"]
    corrupted = preprocess_anndata(
        make_cohort(corrupt=test), PreprocessSettings(split="60/15/25"), tmp_path / "corrupted"
    )
    after = evaluate_encoder(
        make_pca_encoder(corrupted), corrupted, EvaluationConfig(max_clusters=6), seed=0
    )
    assert corrupted.split_hash == data.split_hash
    pd.testing.assert_frame_equal(
        after.results["clustering"].choice, evaluation.results["clustering"].choice
    )
    pd.testing.assert_frame_equal(after.results["survival"].cox, evaluation.results["survival"].cox)
    pd.testing.assert_series_equal(
        after.results["probe"].scores["C"], evaluation.results["probe"].scores["C"]
    )
    others = evaluation.latents.index.difference(test)
    pd.testing.assert_frame_equal(after.latents.loc[others], evaluation.latents.loc[others])
    train = evaluation.results["embeddings"].coordinates["part"] == "train"
    pd.testing.assert_frame_equal(
        after.results["embeddings"].coordinates[train],
        evaluation.results["embeddings"].coordinates[train],
    )
    assert after.metrics["r2/test"] < 0.2


def test_worse_encoder_is_told_so_with_its_interval(encoder, data):
    noise = np.random.default_rng(0).normal(size=(N_LATENT, N_GENES)).astype(np.float32)
    blunt = replace(
        encoder, encoder=Network((Affine(noise, np.zeros(N_LATENT, dtype=np.float32)),))
    )
    verdict = evaluate_encoder(blunt, data, EvaluationConfig(max_clusters=3), seed=0).comparison
    rows = verdict.rows[verdict.rows["baseline"] == "PCA"].set_index("task")
    assert verdict.worse_than_pca == rows.index[rows["outcome"] == "worse than PCA"].tolist()
    assert rows.loc["reconstruction", "outcome"] == "worse than PCA"
    assert rows.loc["reconstruction", "high"] < 0
    assert rows.loc["probe", "outcome"] == "worse than PCA"


def test_description_says_the_verdict_first(evaluation):
    lines = describe_evaluation(evaluation).splitlines()
    assert lines[0] == f"**{evaluation.verdict}**"
    assert lines[2].startswith("- reconstruction: R2 0.")
    assert any("not a tumour sample" in line for line in lines)


class Notebook(NullTracker):
    """A tracker that keeps names in memory."""

    def __init__(self):
        self.names, self.metrics, self.tags, self.text = [], {}, {}, ""

    def log_metrics(self, metrics, step=None):
        self.metrics |= metrics

    def set_tags(self, tags):
        self.tags |= tags

    def describe(self, text):
        self.text = text

    def log_figure(self, name, figure):
        self.names.append(name)
        figure.clear()

    def log_table(self, name, table):
        assert table.index.name is not None, name
        self.names.append(name)

    def log_text(self, name, text):
        self.names.append(name)


def test_run_gets_metrics_verdict_tables_figures_and_report(evaluation):
    run = Notebook()
    log_evaluation(evaluation, run)
    assert run.metrics == evaluation.metrics
    named = {
        name: evaluation.summary[name]
        for name in ("cohort", "split_hash", "n_latent", "test_openings")
    }
    assert (
        run.tags
        == {"verdict": evaluation.verdict, "leakage": "pass", "kind": "", "n_seeds": 1} | named
    )
    assert evaluation.verdict in run.text
    assert {
        "report.html",
        "evaluation/verdict.tsv",
        "evaluation/cox.tsv",
        "evaluation/probe_per_class.tsv",
    } <= set(run.names)
    assert {
        "figures/tsne.png",
        "figures/umap.png",
        "figures/kaplan_meier.png",
        "figures/confusion.png",
    } <= set(run.names)


def test_cohort_without_labels_or_survival_is_still_evaluated(tmp_path):
    bare = make_cohort()
    bare.obs = bare.obs[["group"]]
    data = preprocess_anndata(bare, PreprocessSettings(split="60/15/25"), tmp_path / "bare")
    evaluated = evaluate_encoder(
        make_pca_encoder(data, n_latent=1), data, EvaluationConfig(max_clusters=3), seed=0
    )
    assert evaluated.results.get("probe") is None
    assert evaluated.results.get("survival") is None
    assert (
        evaluated.verdict
        == "reconstruction no different from PCA, clustering no different from PCA"
    )
    assert np.isfinite(
        evaluated.results["embeddings"].coordinates.filter(regex="_[12]$").to_numpy()
    ).all()


def evaluate_small(folder, split: str, n_events: int | None = None):
    """Judge PCA on a small test part of whose patients ``n_events`` died."""
    adata = make_cohort()
    adata.obs["group"], adata.obs["sample_type"] = adata.obs_names.to_numpy(), "tumor"
    settings = PreprocessSettings(split=split)
    if n_events is not None:
        test = (
            preprocess_anndata(adata, settings, folder / "first")
            .split.query("part == 'test'")
            .index
        )
        adata.obs.loc[test, "event"] = (np.arange(len(test)) < n_events).astype(float)
    data = preprocess_anndata(adata, settings, folder / "small")
    evaluated = evaluate_encoder(
        make_pca_encoder(data), data, EvaluationConfig(max_clusters=3, perplexity=5), seed=0
    )
    run = Notebook()
    log_evaluation(evaluated, run)
    return data, evaluated, run


def test_too_few_events_give_no_verdict_of_survival_in_tag_description_and_report(tmp_path):
    data, evaluated, run = evaluate_small(tmp_path, "70/22/8", n_events=3)
    lack = "3 events among 21 test patients, at least 5 are needed"
    assert (
        f"no verdict for survival will be given: {lack}; name a larger test part with "
        "split=, or add samples"
    ) in data.report["warnings"]
    assert evaluated.results["survival"] is not None, "its scores are still computed"
    assert "survival/c_index" in run.metrics
    assert "survival" not in set(evaluated.comparison.rows["task"])
    assert run.tags["verdict"].endswith(f"; no verdict for survival: {lack}")
    assert run.text.startswith(f"**{run.tags['verdict']}**")
    assert "- survival:" not in run.text, "neither by what the latents add to age and proliferation"
    assert f"no verdict for survival: {lack}." in render_report(evaluated)


def test_five_events_give_a_verdict_of_survival(tmp_path):
    data, evaluated, _ = evaluate_small(tmp_path, "70/22/8", n_events=5)
    assert "survival" in set(evaluated.comparison.rows["task"])
    assert "no verdict" not in evaluated.verdict
    assert not [warning for warning in data.report["warnings"] if "no verdict" in warning]


def test_fewer_than_ten_test_samples_give_no_verdict_of_anything_and_no_figure_of_one(tmp_path):
    data, evaluated, run = evaluate_small(tmp_path, "70/27/3")
    lack = "8 test samples, at least 10 are needed"
    assert (
        f"no verdict for any task will be given: {lack}; name a larger test part with "
        "split=, or add samples"
    ) in data.report["warnings"]
    assert f"no verdict for reconstruction: {lack}" in evaluated.verdict
    assert re.search(
        r"no verdict for clustering, probe: \d labelled test samples, at least 10 are needed",
        evaluated.verdict,
    )
    assert evaluated.comparison.rows.empty
    assert evaluated.comparison.worse_than_pca == []
    assert "r2/test" in run.metrics
    assert "figures/verdict.png" not in run.names
    assert {"evaluation/verdict.tsv", "report.html"} <= set(run.names)


def test_perplexity_is_cut_to_a_third_of_the_train_samples():
    parts = [plant_classes(part, n, 0) for part, n in (("train", 19), ("val", 3), ("test", 4))]
    clusters = pd.concat([pd.Series(1, index=part.obs.index) for part in parts])
    assert embed_latents(parts, clusters, perplexity=30, seed=0).perplexity == 6


def test_empty_validation_part_can_be_placed():
    train, test = plant_classes("train", 40, 0), plant_classes("test", 5, 1)
    parts = [train, make_latents("val", test.obs[:0], test.z["encoder"][:0]), test]
    clusters = pd.concat([pd.Series(1, index=part.obs.index) for part in parts])
    assert len(embed_latents(parts, clusters, perplexity=10, seed=0).coordinates) == 45


def test_encoder_of_other_genes_is_refused_before_the_test_rows_are_opened(encoder, data):
    other = replace(encoder, genes=["X1", *encoder.genes[1:]])
    before = data.n_accesses
    with pytest.raises(EvaluationError, match=r"it lacks 1 \(X1\)"):
        evaluate_encoder(other, data, EvaluationConfig(), 0, NullTracker())
    assert data.n_accesses == before


@pytest.mark.slow
def test_large_cohorts_draw_the_umap_by_some_train_samples_and_place_the_rest():
    parts = [
        plant_classes(part, n, seed)
        for seed, (part, n) in enumerate([("train", UMAP_ROWS + 100), ("test", 30)])
    ]
    train, test = (part.z["encoder"] for part in parts)
    placed = place_by_umap(train, test, train[:, :2], seed=0)
    label = pd.concat([part.obs["label"].astype(object) for part in parts]).to_numpy()
    known = ~pd.isna(label)
    assert placed.shape == (UMAP_ROWS + 130, 2)
    assert silhouette_score(placed[known], label[known]) > 0.5
