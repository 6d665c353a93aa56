"""The recurrent kind: what a sample is predicted to be depends on the earlier samples of its
subject, and on nothing else.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData

from genexp.cohort.annotations import add_canonical_columns
from genexp.errors import CohortError, TrainingError
from genexp.model.encoder import Encoder
from genexp.model.memory import GatedMemory, arrange
from genexp.model.model_type import Minibatch
from genexp.model.target_names import POSITION, SUBJECT
from genexp.model.types import create_model_type
from genexp.preprocessing import Preprocessed
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.report.sections.heads import render_heads
from genexp.settings.cohort import CohortConfig
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.training.basis import Basis, build_basis
from genexp.training.build import load_rows
from genexp.training.ensemble import build_ensemble
from genexp.training.loop import Fitted, fit_autoencoder, score
from genexp.training.steps import draw_steps, split_rows
from genexp.training.targets import build_targets
from genexp.training.train import build_encoder
from genexp.verdict.evaluate import evaluate_encoder
from genexp.verdict.heads import evaluate_heads
from tests.outcomes import unpack
from tests.planted import make_preprocessed
from tests.planted_latents import make_latents, make_obs

SMALL = {
    "kind": "recurrent",
    "hidden": (32,),
    "n_latent": 4,
    "n_state": 8,
    "epochs": 60,
    "patience": 15,
    "minibatch": 64,
}
SMALL |= {"head_weight": 1.0, "dropout": 0.0}


def make_course(
    n_subjects: int = 180, n_genes: int = 80, seed: int = 0, shuffle: bool = False
) -> AnnData:
    """Subjects with 1 to 6 samples; a sample is ``up`` where its activity is above that of the
    sample before; the first one has no label.

    Activity is a subject's own level (standard deviation 2) and a share that is drawn anew each
    time (1). So a sample alone says ``up`` only as far as a high activity is likelier to be a rise:
    whoever knows no more is right with probability 1/2 + atan(1/3) / pi = 0.60.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, n_subjects)
    subject, visit = (
        np.repeat(np.arange(n_subjects), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
    )
    level = 2 * rng.normal(size=n_subjects)[subject] + rng.normal(size=len(subject))
    before = np.concatenate([[0.0], level[:-1]])
    label = np.where(visit == 0, None, np.where(level > before, "up", "down"))
    X = (
        8
        + level[:, None] * rng.normal(size=n_genes)
        + 0.3 * rng.normal(size=(len(subject), n_genes))
    )
    names = [f"s{i:04d}" for i in range(len(subject))]
    obs = pd.DataFrame(
        {"group": [f"p{one:03d}" for one in subject], "order": visit.astype(float)},
        pd.Index(names, name="sample_id"),
    )
    obs["label"] = pd.Categorical(label)
    genes = [f"G{j:03d}" for j in range(n_genes)]
    var = pd.DataFrame({"source": genes, "entrez_id": ""}, index=pd.Index(genes, name="gene"))
    turn = rng.permutation(len(obs)) if shuffle else np.arange(len(obs))
    uns = {"scale": "log2fc", "name": "course", "digest": f"{seed}", "report": {}}
    return AnnData(X[turn].astype(np.float32), obs=obs.iloc[turn], var=var, uns=uns)


def prepare(folder: Path, **values: object) -> Preprocessed:
    folder.mkdir(exist_ok=True)
    return preprocess_anndata(
        make_course(**values), PreprocessSettings(split="60/15/25"), folder / "course"
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return prepare(tmp_path_factory.mktemp("cohort"), shuffle=True)


def fit(data: Preprocessed, **values: object) -> tuple[Fitted, Basis]:
    config = EncoderConfig(**SMALL | values)
    model_type = create_model_type(config)
    basis = build_basis(data, "auto", 4, model_type.needs_genes)
    return fit_autoencoder(basis, model_type, 0, targets=build_targets(data, model_type)), basis


def ship(data: Preprocessed, folder: Path, **values: object) -> tuple[Encoder, Fitted]:
    fitted, basis = fit(data, **values)
    build_encoder(fitted, basis, data, 0.2, {}).save(folder)
    return Encoder.load(folder), fitted


def test_the_change_since_the_sample_before_is_read_by_memory_and_not_by_a_classifier(
    data: Preprocessed, tmp_path: Path
) -> None:
    """On subjects that training never saw; a classifier of single samples is right 60 times in 100
    at best.
    """
    X, obs = data.access_test()
    test = make_latents("test", obs, {})
    accuracy = {}
    for kind in ("recurrent", "classifier"):
        encoder, _ = ship(data, tmp_path / kind, kind=kind)
        parts = (
            replace(
                test, part=part, z={"encoder": encoder.encoder(np.asarray(X)).astype(np.float64)}
            )
            for part in ("train", "test")
        )
        judged, _ = unpack(evaluate_heads(encoder, *parts, None, None, seed=0))
        accuracy[kind] = judged.labels[0].scores.loc["head", "accuracy"]
    assert accuracy["recurrent"] > 0.8
    assert accuracy["classifier"] < 0.7


@pytest.mark.parametrize("values", [{}, {"body": "convolutional", "kernel": 12, "stride": 6}])
def test_the_shipped_head_equals_the_trained_one_over_ragged_sequences(
    data: Preprocessed, tmp_path: Path, values: dict
) -> None:
    encoder, fitted = ship(data, tmp_path, epochs=3, **values)
    obs = data.obs("val").sort_values(["order"])
    rows = data.obs("val").index.get_indexer(obs.index)
    z = encoder.encoder(np.asarray(data.matrix("val")))[rows]
    made = encoder.heads[0](z, obs["group"].tolist())
    heads = fitted.network.heads
    read = create_model_type(EncoderConfig(kind="recurrent")).read(obs)
    with torch.no_grad():
        states = heads.memory(
            heads.standardise(torch.from_numpy(z)), *map(torch.from_numpy, read.values())
        )
        np.testing.assert_allclose(made, heads.labels[0](states).softmax(1), atol=1e-4)
    assert len(set(obs.groupby("group").size())) > 2


def test_states_are_those_of_each_subject_by_itself_in_whatever_order_rows_stand() -> None:
    torch.manual_seed(0)
    memory = GatedMemory(3, 5)
    subject, place = torch.tensor([4, 7, 4, 4, 9, 7]), torch.tensor([2, 0, 0, 5, 3, 1])
    x = torch.randn(6, 3)
    states = memory(x, subject, place)
    for rows in ([2, 0, 3], [1, 5], [4]):
        torch.testing.assert_close(states[rows], memory.unit(x[rows][None])[0][0])
    turn = torch.randperm(6)
    torch.testing.assert_close(memory(x[turn], subject[turn], place[turn]), states[turn])
    assert [one.tolist() for one in arrange(subject, place)] == [
        [0, 1, 0, 0, 2, 1],
        [1, 0, 0, 2, 0, 1],
    ]


def test_a_later_sample_has_no_say_and_an_earlier_one_has() -> None:
    torch.manual_seed(0)
    memory = GatedMemory(2, 4)
    x = torch.randn(3, 2, requires_grad=True)
    states = memory(x, torch.zeros(3, dtype=torch.int64), torch.tensor([0, 1, 2]))
    (gradient,) = torch.autograd.grad(states[1].sum(), x)
    assert (gradient[:2] != 0).all()
    assert (gradient[2] == 0).all()


def test_the_gradient_of_a_label_reaches_the_encoder_through_earlier_samples(
    data: Preprocessed,
) -> None:
    fitted, basis = fit(data, epochs=2)
    batch = load_rows(basis, build_targets(data, fitted.model.model_type), torch.device("cpu"))[0]
    batch = Minibatch(batch.x.clone().requires_grad_(), batch.n_genes, batch.outside, batch.targets)
    fitted.network.eval()
    losses = fitted.model.run(batch).losses
    last = int(batch.targets[POSITION].argmax())
    (gradient,) = torch.autograd.grad(losses["label"][last], batch.x)
    of_subject = batch.targets[SUBJECT] == batch.targets[SUBJECT][last]
    assert (gradient[of_subject].abs().sum(1) > 0).all()
    assert (gradient[~of_subject] == 0).all()


def test_the_order_of_rows_in_the_file_does_not_matter(tmp_path: Path) -> None:
    """Same split, same subjects, and the same prediction for each sample by the same network."""
    straight, shuffled = (
        prepare(tmp_path / str(shuffle), shuffle=shuffle) for shuffle in (False, True)
    )
    encoder, _ = ship(straight, tmp_path / "encoder", epochs=5)
    found = []
    for data in (straight, shuffled):
        part = make_latents(
            "test",
            data.obs("val"),
            {"encoder": encoder.encoder(np.asarray(data.matrix("val"))).astype(np.float64)},
        )
        judged, _ = unpack(evaluate_heads(encoder, part, part, None, None, seed=0))
        found.append(judged.labels[0].predictions.sort_index())
    pd.testing.assert_frame_equal(*found, rtol=1e-3)


@pytest.mark.parametrize("n_steps", [1, 4, 30])
def test_subjects_stay_whole_in_a_step_and_every_row_is_seen_once(n_steps: int) -> None:
    subject = torch.from_numpy(np.random.default_rng(0).integers(0, 40, 200))
    for _ in range(5):
        steps = draw_steps(200, n_steps, subject)
        assert sorted(torch.cat(list(steps)).tolist()) == list(range(200))
        assert min(map(len, steps)) >= 2
        seen = [set(subject[rows].tolist()) for rows in steps]
        assert sum(map(len, seen)) == len(set(subject.tolist()))
    assert not torch.equal(
        torch.cat(list(draw_steps(200, n_steps, subject))), torch.cat(list(steps))
    )


def test_a_subject_of_one_sample_is_no_step_of_its_own() -> None:
    subject = torch.tensor([0, *([1] * 9), 2, *([3] * 9)])
    assert all(len(rows) >= 2 for _ in range(30) for rows in draw_steps(20, 10, subject))


def test_without_blocks_the_order_is_drawn_as_it_always_was() -> None:
    torch.manual_seed(5)
    expected = torch.randperm(50).tensor_split(4)
    torch.manual_seed(5)
    assert all(torch.equal(*pair) for pair in zip(draw_steps(50, 4), expected, strict=True))


def test_scoring_in_parts_equals_scoring_at_once(
    data: Preprocessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, basis = fit(data, epochs=2)
    batch = load_rows(basis, build_targets(data, fitted.model.model_type), torch.device("cpu"))[0]
    whole = score(fitted.model, batch, 1)
    monkeypatch.setattr("genexp.training.loop.ROWS_AT_A_TIME", 20)
    assert len(split_rows(len(batch.x), 20, batch.targets[SUBJECT])) > 5
    parts = score(fitted.model, batch, 1)
    torch.testing.assert_close(parts.x_hat, whole.x_hat)
    torch.testing.assert_close(parts.rows, whole.rows)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-5)


def test_a_sequence_is_predicted_with_its_subjects_named_and_not_without(
    data: Preprocessed, tmp_path: Path
) -> None:
    encoder, _ = ship(data, tmp_path, epochs=2)
    expression = pd.DataFrame(
        np.asarray(make_course().X)[:6], columns=[f"G{j:03d}" for j in range(80)]
    )
    with pytest.raises(
        ValueError,
        match="reads the samples of a subject in their order: name the subject of each row",
    ):
        encoder.predict(expression, "label")
    with pytest.raises(ValueError, match="a subject for each of 6 rows was expected, found 2"):
        encoder.predict(expression, "label", subjects=["a", "b"])
    together = encoder.predict(expression, "label", subjects=["a"] * 6)
    mixed = encoder.predict(expression.iloc[[0, 3, 1, 4, 2, 5]], "label", subjects=list("ababab"))
    pd.testing.assert_frame_equal(mixed.iloc[[0, 2, 4]], together.iloc[:3], rtol=1e-4)


def test_several_sequences_cannot_be_one_ensemble(data: Preprocessed, tmp_path: Path) -> None:
    encoder, _ = ship(data, tmp_path, epochs=1)
    encoder = replace(encoder, card={"config": {"kind": "recurrent"}})
    with pytest.raises(TrainingError, match="heads with a memory of their own"):
        build_ensemble([encoder, encoder], data)


def test_a_recurrent_encoder_is_judged_as_a_whole(data: Preprocessed, tmp_path: Path) -> None:
    """Its head beside a logistic regression on the latents of single samples."""
    encoder, _ = ship(data, tmp_path)
    evaluation = evaluate_encoder(encoder, data, EvaluationConfig(max_clusters=3), seed=0)
    assert evaluation.metrics["head/accuracy"] > evaluation.metrics["probe/accuracy"] + 0.1
    assert "Head of label, also from the earlier samples of a subject, on" in render_heads(
        evaluation.results["heads"]
    )


def test_a_cohort_without_order_or_without_sequences_is_refused(tmp_path: Path) -> None:
    single = make_preprocessed(tmp_path, labelled=True)
    with pytest.raises(TrainingError, match="found none; name its column with order="):
        build_targets(single, create_model_type(EncoderConfig(kind="recurrent")))
    course = make_course()
    course.obs["group"] = list(course.obs_names)
    lonely = preprocess_anndata(course, PreprocessSettings(), tmp_path / "lonely")
    with pytest.raises(
        TrainingError, match=r"subjects with several samples were expected, found \d+ with one each"
    ):
        build_targets(lonely, create_model_type(EncoderConfig(kind="recurrent")))


def test_a_head_that_reads_sequences_is_not_judged_without_an_order(
    data: Preprocessed, tmp_path: Path
) -> None:
    encoder, _ = ship(data, tmp_path, epochs=1)
    obs = make_obs("test", 6, label=["up", "down"] * 3)
    part = make_latents("test", obs, np.zeros((6, 4)))
    judged, notes = unpack(evaluate_heads(encoder, part, part, None, None, seed=0))
    assert judged.labels == ()
    assert notes == [
        (
            "Head label was not scored: it reads the samples of a subject in their order; name "
            "the column with order=."
        )
    ]


# --- the order of samples in a cohort
# ---------------------------------------------------------------------------------


def order(values: list, groups: list) -> pd.Series:
    index = pd.Index([f"s{i}" for i in range(len(values))])
    obs = pd.DataFrame({"visit": values, "who": groups}, index=index)
    return add_canonical_columns(obs, CohortConfig(order="visit", group="who"))[0]["order"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.5, 1.0, 2.0], [3.5, 1.0, 2.0]),
        (["2021-03-01", "2020-12-31", "2021-02-28"], [2, 0, 1]),
        (["V2", "V10", "V1"], [1, 2, 0]),
        (["tumour", "normal", "relapse"], [2, 0, 1]),
    ],
)
def test_numbers_dates_and_numbered_texts_are_an_order(values: list, expected: list) -> None:
    assert order(values, ["a"] * 3).tolist() == expected


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        (
            [1, 1, 2],
            "aab",
            r"order='visit': expected different values within a group; found equal ones: 1 \(a at 1\)",  # noqa: E501
        ),
        (
            [1, None, 2],
            "aab",
            r"order='visit': expected a value for every sample of a group with several; found none for 1 \(s1\)",  # noqa: E501
        ),
    ],
)
def test_an_order_with_ties_or_gaps_is_refused(values: list, groups: str, message: str) -> None:
    with pytest.raises(CohortError, match=message):
        order(values, list(groups))


def test_a_sample_that_stands_alone_needs_no_place() -> None:
    assert order([1, 2, None], list("aab")).isna().tolist() == [False, False, True]
