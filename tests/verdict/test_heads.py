"""Heads from training to the registry and the report: shipped as they were trained, and compared
with regressions on test samples.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
)

from genexp.application import write_predictions
from genexp.model.encoder import Encoder
from genexp.model.fold import fold_heads
from genexp.model.heads import Heads
from genexp.model.prediction import Head, Memory
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.report.figures.draw import draw_figures
from genexp.report.page import render_report
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.tracking import RegistryConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import register_encoder
from genexp.tracking.runs import start_run
from genexp.training.basis import build_basis
from genexp.training.ensemble import build_ensemble
from genexp.training.loop import Fitted, fit_autoencoder
from genexp.training.targets import build_targets
from genexp.training.train import build_encoder
from genexp.verdict.evaluate import describe_evaluation, evaluate_encoder
from genexp.verdict.evaluation import Evaluation
from genexp.verdict.heads import evaluate_heads
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs
from tests.small_encoder import make_encoder, make_expression

SMALL = {
    "hidden": (32,),
    "n_latent": 6,
    "epochs": 40,
    "minibatch": 32,
    "head_weight": 1.0,
    "heads": ("label", "organ", "survival"),
}
N_SAMPLES, N_GENES = 240, 150


def make_cohort() -> AnnData:
    """Tumour or normal, one of three organs, and a hazard, each on a programme of its own; every
    12th organ is unknown.
    """
    rng = np.random.default_rng(0)
    tumour, organ, risk = (
        rng.integers(0, 2, N_SAMPLES),
        rng.integers(0, 3, N_SAMPLES),
        rng.normal(size=N_SAMPLES),
    )
    factors = np.column_stack([3 * tumour, 3 * np.eye(3)[organ], 2 * risk])
    X = (
        8
        + 0.5 * factors @ rng.normal(size=(5, N_GENES))
        + rng.normal(scale=0.7, size=(N_SAMPLES, N_GENES))
    ).astype(np.float32)
    death, censored = rng.exponential(900 * np.exp(-risk)), rng.uniform(100, 2500, N_SAMPLES)
    names = [f"s{i:03d}" for i in range(N_SAMPLES)]
    obs = pd.DataFrame({"group": names}, index=pd.Index(names, name="sample_id"))
    obs["label"] = pd.Categorical(np.where(tumour, "tumour", "normal"))
    obs["organ"] = [
        None if i % 12 == 11 else ["colon", "lung", "skin"][one] for i, one in enumerate(organ)
    ]
    obs["time_days"], obs["event"] = (
        np.ceil(np.minimum(death, censored)),
        (death <= censored).astype(float),
    )
    genes = [f"G{j:03d}" for j in range(N_GENES)]
    var = pd.DataFrame({"source": genes, "entrez_id": ""}, index=pd.Index(genes, name="gene"))
    return AnnData(
        X,
        obs=obs,
        var=var,
        uns={"scale": "log2fc", "name": "planted", "digest": "0" * 16, "report": {}},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return preprocess_anndata(
        make_cohort(),
        PreprocessSettings(split="60/15/25"),
        tmp_path_factory.mktemp("cohort") / "planted",
    )


def train(data: Preprocessed, seed: int = 0, **values: object) -> tuple[Encoder, Fitted]:
    config = EncoderConfig(**SMALL | values)
    model_type = create_model_type(config)
    basis = build_basis(data, "auto", config.n_latent, model_type.needs_genes)
    fitted = fit_autoencoder(basis, model_type, seed, targets=build_targets(data, model_type))
    return build_encoder(fitted, basis, data, 0.2, {"config": {"kind": config.kind}}), fitted


@pytest.fixture(scope="module")
def trained(data: Preprocessed) -> tuple[Encoder, Fitted]:
    return train(data)


@pytest.fixture(scope="module")
def evaluation(trained: tuple[Encoder, Fitted], data: Preprocessed) -> Evaluation:
    return evaluate_encoder(trained[0], data, EvaluationConfig(max_clusters=4), seed=0)


def test_a_folded_head_is_the_trained_one_with_its_standardisation() -> None:
    torch.manual_seed(0)
    heads = Heads(3, {"label": ("a", "b", "c"), "site": ("x", "y")}, survival=True)
    for parameter in heads.parameters():
        torch.nn.init.normal_(parameter)
    for _ in range(20):
        heads.standardise(3 + 2 * torch.randn(50, 3))
    z = 3 + 2 * torch.randn(10, 3)
    scaled = heads.eval().standardise(z)
    *labels, survival = fold_heads(heads)
    assert [head.columns for head in labels] == [["a", "b", "c"], ["x", "y"]]
    for head, linear in zip(labels, heads.labels, strict=True):
        np.testing.assert_allclose(head(z.numpy()), linear(scaled).softmax(1).detach(), atol=1e-5)
    np.testing.assert_allclose(survival(z.numpy()), heads.survival(scaled).detach(), atol=1e-5)
    assert survival.columns == ["risk_score"]


@pytest.mark.parametrize(
    "kind", ["deep", "variational", "center_loss", "classifier", "sparse", "convolutional"]
)
def test_the_encoder_of_any_kind_predicts_what_its_network_did(
    data: Preprocessed, tmp_path: Path, kind: str
) -> None:
    encoder, fitted = train(data, kind=kind, epochs=3, kernel=16, stride=8)
    encoder.save(tmp_path / "encoder")
    shipped = Encoder.load(tmp_path / "encoder")
    assert [head.name for head in shipped.heads] == ["label", "organ", "survival"]
    z = shipped.encoder(np.asarray(data.matrix("val")))
    heads = fitted.network.heads
    with torch.no_grad():
        scaled = heads.standardise(torch.from_numpy(z))
        np.testing.assert_allclose(
            shipped.heads[0](z), heads.labels[0](scaled).softmax(1), atol=1e-4
        )
        np.testing.assert_allclose(shipped.heads[2](z), heads.survival(scaled), atol=1e-4)


def test_predictions_are_tables_of_the_samples_that_were_asked_about() -> None:
    rng = np.random.default_rng(0)
    heads = (
        Head(
            "label", ("a", "b"), rng.normal(size=(2, 3)).astype(np.float32), np.zeros(2, np.float32)
        ),
        Head("survival", (), rng.normal(size=(1, 3)).astype(np.float32), np.zeros(1, np.float32)),
    )
    encoder, expression = replace(make_encoder(), heads=heads), make_expression()
    label, risk = encoder.predict(expression, "label"), encoder.predict(expression, "survival")
    assert (list(label.columns), list(risk.columns), list(label.index)) == (
        ["a", "b"],
        ["risk_score"],
        list(expression.index),
    )
    np.testing.assert_allclose(label.sum(axis=1), 1, atol=1e-6)
    z = encoder.encode(expression).to_numpy()
    np.testing.assert_allclose(
        np.log(label["a"] / label["b"]), z @ (heads[0].weight[0] - heads[0].weight[1]), rtol=1e-3
    )
    np.testing.assert_allclose(risk, z @ heads[1].weight.T, rtol=1e-5)
    with pytest.raises(
        ValueError, match="this encoder predicts label, survival; 'grade' was asked for"
    ):
        encoder.predict(expression, "grade")
    with pytest.raises(ValueError, match="this encoder predicts nothing; 'label' was asked for"):
        make_encoder().predict(expression, "label")


def test_an_encoder_without_heads_is_written_as_before(tmp_path: Path) -> None:
    make_encoder().save(tmp_path)
    assert "heads" not in json.loads((tmp_path / "encoder.json").read_text())
    assert Encoder.load(tmp_path).heads == ()


def test_an_ensemble_s_heads_predict_what_its_members_agree_on(data: Preprocessed) -> None:
    members = [train(data, seed, epochs=10)[0] for seed in (0, 1, 2)]
    ensemble = build_ensemble(members, data)
    X = np.asarray(data.matrix("val"))
    own = [head(one.encoder(X)) for one in members for head in one.heads if head.name == "survival"]
    (found,) = (head(ensemble.encoder(X)) for head in ensemble.heads if head.name == "survival")
    assert np.corrcoef(found[:, 0], np.mean(own, axis=0)[:, 0])[0, 1] > 0.98
    same = build_ensemble([members[0], members[0]], data)
    for head, expected in zip(same.heads, members[0].heads, strict=True):
        np.testing.assert_allclose(
            head(same.encoder(X)), expected(members[0].encoder(X)), atol=1e-3
        )


def test_planted_targets_are_predicted_on_test_samples(evaluation: Evaluation) -> None:
    metrics = evaluation.metrics
    assert metrics["head/macro_f1"] > 0.9
    assert metrics["head_organ/macro_f1"] > 0.9
    assert metrics["head/c_index"] > 0.65
    scores = {"macro_f1", "accuracy", "balanced_accuracy", "macro_precision"}
    expected = {f"{key}/{name}" for key in ("head", "head_organ") for name in scores} | {
        "head/c_index"
    }
    assert {name for name in metrics if name.startswith("head")} == expected


def test_scores_of_a_head_equal_scikit_learn(evaluation: Evaluation) -> None:
    organ = evaluation.results["heads"].labels[1]
    truth, found = organ.predictions["truth"], organ.predictions["head"]
    scores = organ.scores.loc["head"]
    assert scores["macro_f1"] == pytest.approx(f1_score(truth, found, average="macro"))
    assert scores["accuracy"] == pytest.approx(accuracy_score(truth, found))
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, found))
    assert scores["macro_precision"] == pytest.approx(
        precision_score(truth, found, average="macro")
    )
    assert scores["macro_f1_low"] <= scores["macro_f1"] <= scores["macro_f1_high"]
    np.testing.assert_array_equal(
        organ.confusion, confusion_matrix(truth, found, labels=["colon", "lung", "skin"])
    )


def test_heads_are_compared_with_regressions_on_the_same_test_samples(
    evaluation: Evaluation,
) -> None:
    label, organ = evaluation.results["heads"].labels
    assert {"head", "encoder", "pca", "raw"} <= set(label.scores.index)
    assert list(organ.scores.index) == ["head", "encoder", "pca", "raw"]
    assert label.scores.loc["encoder", "macro_f1"] == pytest.approx(
        evaluation.results["probe"].scores.loc["encoder", "macro_f1"]
    )
    assert list(label.predictions.index) == list(evaluation.results["probe"].predictions.index)
    assert organ.predictions.notna().all(axis=None)
    assert evaluation.results["heads"].risk.loc["pca", "c_index"] == pytest.approx(
        evaluation.results["survival"].scores.loc["pca", "c_index"]
    )


def test_report_figures_tables_and_description_show_the_heads(evaluation: Evaluation) -> None:
    page = render_report(evaluation)
    assert "Confusion matrix of the head of organ" in page
    assert '"confusion-head-1"' in page
    assert {"figures/confusion_head.png", "figures/confusion_head_organ.png"} <= {
        name for name, _ in draw_figures(evaluation)
    }
    tables = evaluation.tables
    assert set(tables["head_scores"]["head"]) == {"label", "organ"}
    assert tables["head_confusion"]["n"].sum() == len(tables["head_predictions"])
    text = describe_evaluation(evaluation)
    assert "- head of organ: macro F1" in text
    assert "- head of survival: C-index" in text


def test_a_head_whose_classes_are_not_there_is_a_note() -> None:
    rng = np.random.default_rng(0)
    head = Head(
        "grade",
        ("high", "low"),
        rng.normal(size=(2, 3)).astype(np.float32),
        np.zeros(2, np.float32),
    )
    part = make_latents("test", make_obs("test", 12), rng.normal(size=(12, 3)))
    judged, notes = unpack(
        evaluate_heads(replace(make_encoder(), heads=(head,)), part, part, None, None, seed=0)
    )
    assert judged.labels == ()
    assert notes == ["Head grade was not scored: no test sample has one of its 2 classes."]
    other = make_latents("test", part.obs.assign(grade=["low"] * 11 + ["new"]), part.z)
    judged, _ = unpack(
        evaluate_heads(replace(make_encoder(), heads=(head,)), part, other, None, None, seed=0)
    )
    assert len(judged.labels[0].predictions) == 11


def test_heads_of_test_samples_know_nothing_of_other_test_samples(
    trained: tuple[Encoder, Fitted], data: Preprocessed
) -> None:
    encoder, _ = trained
    X = np.asarray(data.matrix("val"))
    z = encoder.encoder(X)
    np.testing.assert_allclose(
        encoder.heads[0](z)[:5], encoder.heads[0](encoder.encoder(X[:5])), atol=1e-5
    )


LOAD = (
    "import sys, mlflow, pandas as pd\n"
    "class Refuse:\n"
    "    def find_spec(self, name, *_):\n"
    "        if name.split('.')[0] in ('genexp', 'torch'): raise ImportError(name)\n"
    "sys.meta_path.insert(0, Refuse())\n"
    "model = mlflow.pyfunc.load_model('models:/headed@champion')\n"
    "model.predict(pd.read_parquet(sys.argv[1]), params={'output': "
    "sys.argv[2]}).to_parquet(sys.argv[3])\n"
)


def test_the_registered_model_predicts_by_name_without_genexp(store: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    head = Head(
        "label", ("a", "b"), rng.normal(size=(2, 3)).astype(np.float32), np.zeros(2, np.float32)
    )
    memory = Memory(
        *(rng.normal(size=shape).astype(np.float32) for shape in ((6, 3), (6, 2), 6, 6))
    )
    course = Head(
        "course",
        ("down", "up"),
        rng.normal(size=(2, 2)).astype(np.float32),
        np.zeros(2, np.float32),
        memory,
    )
    encoder, expression = replace(make_encoder(), heads=(head, course)), make_expression()
    with start_run("train", PreprocessSettings(experiment_name="tests of heads")) as tracker:
        register_encoder(encoder, RegistryConfig(name="headed"), 0.5, tracker)
    assert MlflowClient().get_model_version_by_alias("headed", "champion").version
    expression.to_parquet(tmp_path / "expression.parquet")
    done = [
        sys.executable,
        "-c",
        LOAD,
        str(tmp_path / "expression.parquet"),
        "label",
        str(tmp_path / "label.parquet"),
    ]
    subprocess.run(done, check=True, cwd=tmp_path)
    np.testing.assert_allclose(
        pd.read_parquet(tmp_path / "label.parquet"), encoder.predict(expression, "label"), atol=1e-6
    )
    model = mlflow.pyfunc.load_model("models:/headed@champion")
    pd.testing.assert_frame_equal(model.predict(expression), encoder.encode(expression))
    subjects = ["p", "q", "p", "p", "q"]
    found = model.predict(expression, params={"output": "course", "subjects": subjects})
    pd.testing.assert_frame_equal(found, encoder.predict(expression, "course", subjects=subjects))
    for params, message in (
        ({"output": "nothing"}, "this encoder predicts label, course; 'nothing' was asked for"),
        ({"output": "course"}, "name the subject of each row"),
    ):
        with pytest.raises(MlflowException, match=message):
            model.predict(expression, params=params)


def test_predictions_of_heads_are_written_next_to_the_latents(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    heads = (
        Head("label", ("a", "b"), rng.normal(size=(2, 3)), np.zeros(2)),
        Head("survival", (), rng.normal(size=(1, 3)), np.zeros(1)),
    )
    encoder, expression = replace(make_encoder(), heads=heads), make_expression()
    write_predictions(encoder, encoder.encode(expression), tmp_path / "latent.tsv")
    written = pd.read_csv(tmp_path / "latent.tsv.predictions.tsv", sep="\t", index_col=0)
    assert written.columns.tolist() == ["label: a", "label: b", "survival: risk_score"]
    np.testing.assert_allclose(
        written[["label: a", "label: b"]], encoder.predict(expression, "label"), rtol=1e-5
    )
    write_predictions(make_encoder(), encoder.encode(expression), tmp_path / "plain.tsv")
    assert not (tmp_path / "plain.tsv.predictions.tsv").exists()


def test_a_class_of_one_train_row_is_no_class(
    data: Preprocessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    obs = {part: data.obs(part) for part in ("train", "val")}
    obs["train"].loc[obs["train"].index[0], "organ"] = "spleen"
    monkeypatch.setattr(type(data), "obs", lambda _, part: obs[part])
    targets = build_targets(data, create_model_type(EncoderConfig(heads=("organ",))))
    assert targets.classes == {"organ": ("colon", "lung", "skin")}
    assert targets.train["organ"][0] == -1
