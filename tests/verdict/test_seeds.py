"""Several seeds of one configuration: what differs, who is chosen, what the intervals hold."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from genexp.model.encoder import Affine, Network
from genexp.preprocessing.pipeline import preprocess_anndata
from genexp.report.page import render_report
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.training import ReplicationConfig
from genexp.settings.verbs import MainSettings
from genexp.tracker import NullTracker
from genexp.training.seeds import train_seeds
from genexp.verdict.evaluate import build_inputs, describe_evaluation, evaluate_encoder
from genexp.verdict.seeds import Seeds, describe_seeds, evaluate_seeds
from genexp.verdict.tasks import TASKS
from genexp.verdict.verdict import compare_representations
from tests.planted import make_preprocessed
from tests.verdict.test_evaluate import make_cohort, make_pca_encoder

CARD = {"cohort_settings": {}, "cohort_hash": "", "run_id": "", "n_seeds": 3}
JUDGING = EvaluationConfig(max_clusters=4)


class Notebook(NullTracker):
    """Keeps metrics, tags, tables and children in memory."""

    def __init__(self):
        self.metrics, self.tags, self.tables, self.children = {}, {}, {}, {}

    def log_metrics(self, metrics, step=None):
        self.metrics |= metrics

    def set_tags(self, tags):
        self.tags |= tags

    def log_table(self, name, table):
        self.tables[name] = table

    @contextmanager
    def child(self, name):
        self.children[name] = Notebook()
        yield self.children[name]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Replicates of three seeds, the run that saw them, and the settings."""
    folder = tmp_path_factory.mktemp("replicates")
    data = make_preprocessed(folder, n_genes=150)
    small = {
        "hidden": "8",
        "n_latent": "3",
        "epochs": "5",
        "minibatch": "32",
        "threads": "1",
        "skip": "none",
        "seed": "4",
    }
    settings = MainSettings(cohort="planted", cache=str(folder / "cache"), **small)
    run = Notebook()
    return (
        train_seeds(data, settings, settings, ReplicationConfig(seeds=3), 0.2, run, CARD),
        run,
        settings,
        data,
    )


def test_the_seeds_count_up_from_that_of_the_run_and_differ_in_weights_alone(trained):
    replicates, _, _, data = trained
    assert [member.seed for member in replicates.members] == [4, 5, 6]
    assert len({member.fitted.loss_val for member in replicates.members}) == 3
    cards = [member.encoder.card for member in replicates.members]
    assert [card["training_seed"] for card in cards] == [4, 5, 6]
    assert {card["seed"] for card in cards} == {4}, (
        "the seed of split and simulation, by which the cohort is found again"
    )
    assert {card["split_hash"] for card in cards} == {data.split_hash}


def test_a_further_seed_is_what_a_run_with_that_seed_gives(trained):
    replicates, _, settings, data = trained
    alone = train_seeds(
        data,
        settings,
        settings.model_copy(update={"seed": 5}),
        ReplicationConfig(),
        0.2,
        NullTracker(),
        CARD,
    )
    np.testing.assert_array_equal(
        alone.chosen.fitted.val_losses, replicates.members[1].fitted.val_losses
    )


def test_the_best_on_validation_is_chosen_and_the_run_is_summed_up(trained):
    replicates, run, _, _ = trained
    losses = [member.fitted.loss_val for member in replicates.members]
    assert replicates.chosen is replicates.members[int(np.argmin(losses))]
    assert run.metrics["loss/val_best"] == min(losses)
    assert run.metrics["loss/val_best_mean"] == pytest.approx(np.mean(losses))
    assert run.metrics["loss/val_best_sd"] == pytest.approx(np.std(losses, ddof=1))
    assert {"r2/val_gain_mean", "r2/val_gain_sd"} <= set(run.metrics)
    assert run.tags["training_seed"] == replicates.chosen.seed
    table = run.tables["training/seeds.tsv"]
    assert table.index[table["chosen"]].tolist() == [replicates.chosen.seed]
    pd.testing.assert_frame_equal(
        run.tables["training/history.tsv"], replicates.chosen.fitted.history
    )
    assert set(replicates.others) == {4, 5, 6} - {replicates.chosen.seed}


def test_each_further_seed_is_a_nested_run_with_its_curves(trained):
    replicates, run, _, _ = trained
    assert list(run.children) == ["seed 5", "seed 6"]
    assert {"loss/train", "loss/val", "loss/val_best"} <= set(run.children["seed 6"].metrics)
    assert run.children["seed 6"].metrics["loss/val_best"] == replicates.members[2].fitted.loss_val


def test_one_seed_makes_no_child_and_no_spread(trained):
    _, _, settings, data = trained
    run = Notebook()
    assert train_seeds(data, settings, settings, ReplicationConfig(), 0.2, run, CARD).others == {}
    assert not run.children
    assert not {name for name in run.metrics if name.endswith(("_mean", "_sd"))}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from genexp.settings.verbs import PreprocessSettings

    return preprocess_anndata(
        make_cohort(),
        PreprocessSettings(split="60/15/25"),
        tmp_path_factory.mktemp("cohort") / "planted",
    )


def spoil(encoder, strength):
    """The encoder with noise on its weights, as much as they vary."""
    (layer,) = encoder.encoder.layers
    noise = np.random.default_rng(1).normal(
        scale=strength * layer.weight.std(), size=layer.weight.shape
    )
    return replace(
        encoder, encoder=Network((Affine(layer.weight + noise.astype(np.float32), layer.bias),))
    )


@pytest.fixture(scope="module")
def evaluated(data):
    """PCA evaluated alone, with a copy of itself as a second seed, and with a spoilt encoder as a
    second seed.
    """
    encoder = make_pca_encoder(data)
    others = {"alone": {}, "copy": {8: lambda: encoder}, "spoilt": {8: lambda: spoil(encoder, 4.0)}}
    return {
        name: evaluate_encoder(encoder, data, JUDGING, seed=7, others=other)
        for name, other in others.items()
    }


def verdict_of(evaluation, task):
    rows = evaluation.comparison.rows
    return rows[(rows["baseline"] == "PCA") & (rows["task"] == task)].iloc[0]


def test_a_copy_of_the_encoder_changes_no_interval_and_shares_every_ranking(evaluated):
    for task in ("reconstruction", "clustering", "probe", "survival"):
        alone, copy = verdict_of(evaluated["alone"], task), verdict_of(evaluated["copy"], task)
        numbers = ["encoder", "encoder_low", "encoder_high", "difference", "low", "high"]
        np.testing.assert_allclose(
            copy[numbers].astype(float), alone[numbers].astype(float), atol=1e-9
        )
    seeds = evaluated["copy"].seeds
    assert seeds.scores.drop(columns="registered").nunique().max() == 1
    np.testing.assert_allclose(seeds.stability, 1.0)
    assert evaluated["copy"].metrics["r2/test_sd"] == 0


def test_the_scores_of_a_further_seed_are_those_that_it_has_as_the_encoder(evaluated, data):
    spoilt = evaluate_encoder(spoil(make_pca_encoder(data), 4.0), data, JUDGING, seed=7)
    row = evaluated["spoilt"].seeds.scores.loc[8]
    metrics = {
        "r2": "r2/test",
        "macro_f1": "probe/macro_f1",
        "ari": "cluster/ari",
        "c_index": "survival/c_index",
    }
    assert row[list(metrics)].astype(float).to_dict() == pytest.approx(
        {name: spoilt.metrics[key] for name, key in metrics.items()}
    )


def test_intervals_hold_the_spread_of_the_seeds_and_the_score_is_their_mean(evaluated):
    alone, both = (verdict_of(evaluated[name], "reconstruction") for name in ("alone", "spoilt"))
    scores = evaluated["spoilt"].seeds.scores["r2"]
    assert both["encoder"] == pytest.approx(scores.mean())
    assert both["low"] < alone["low"]
    assert both["encoder_low"] < scores.min() < scores.max() < both["encoder_high"]
    assert scores.max() - scores.min() > alone["encoder_high"] - alone["encoder_low"], (
        "or the interval could be that of one seed"
    )
    assert "over 2 seeds, PCA" in both["sentence"]
    assert "seeds" not in alone["sentence"]


def test_the_report_stays_that_of_the_registered_encoder(evaluated):
    alone, both = evaluated["alone"], evaluated["spoilt"]
    assert {name: both.metrics[name] for name in alone.metrics} == alone.metrics
    pd.testing.assert_frame_equal(both.latents, alone.latents)
    assert both.summary["test_openings"] == alone.summary["test_openings"] + 2, (
        "one look for all seeds"
    )


def test_stability_is_of_classes_and_risk_and_falls_for_other_genes(evaluated):
    stability = evaluated["spoilt"].seeds.stability
    assert list(stability.index) == ["class a", "class b", "class c", "risk"]
    assert (stability["rho_seeds"] < 0.95).all()
    assert evaluated["spoilt"].metrics["attribution/rho_seeds"] == pytest.approx(
        stability["rho_seeds"].median()
    )


def test_description_and_report_say_over_how_many_seeds(evaluated):
    text = describe_evaluation(evaluated["spoilt"])
    assert "over 2 seeds" in text
    assert "Over 2 seeds: R2 0." in text
    assert "mean rank correlation between seeds" in text
    assert "One seed" in describe_evaluation(evaluated["alone"])
    page = render_report(evaluated["spoilt"])
    assert "Over 2 seeds" in page
    assert "the 2 seeds of the training, one in each draw" in page
    assert "One seed" in render_report(evaluated["alone"])


def test_tables_have_mean_and_sd(evaluated):
    table = evaluated["spoilt"].tables["seeds"]
    assert list(map(str, table.index)) == ["7", "8", "mean", "sd"]
    assert table.loc["sd", "r2"] == pytest.approx(evaluated["spoilt"].metrics["r2/test_sd"])
    assert "attribution_seeds" in evaluated["spoilt"].tables
    assert "seeds" not in evaluated["alone"].tables


def test_an_encoder_that_was_the_best_of_several_says_so_when_it_is_evaluated_alone():
    assert describe_seeds(None, {"n_seeds": 5}).startswith("One seed, the best of 5 on validation:")


def test_without_label_and_survival_seeds_are_still_compared(data):
    encoder = make_pca_encoder(data)
    bare = {
        part: (np.array(data.matrix(part)), data.obs(part)[["group"]]) for part in ("train", "val")
    }
    X, obs = data.access_test()
    bare["test"] = (X, obs[["group"]])
    inputs = build_inputs(encoder, bare, data.var.index, JUDGING, seed=0)
    tasks = [task for task in TASKS if task.name in ("reconstruction", "clustering")]
    for task in tasks:
        inputs = replace(inputs, results=inputs.results.add(task.name, task.evaluate(inputs)))
    further, seeds = evaluate_seeds(inputs, {1: lambda: spoil(encoder, 0.5)}, tasks)
    assert isinstance(seeds, Seeds)
    assert list(seeds.scores) == ["registered", "r2", "silhouette"]
    assert len(seeds.stability) == 0
    assert "rank correlation" not in describe_seeds(seeds, {})
    assert set(
        compare_representations(obs[["group"]], inputs.results, 0, further).rows["task"]
    ) == {"reconstruction", "clustering"}
