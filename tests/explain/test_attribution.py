"""Attributions add up, agree with captum and with hand calculation, find planted genes, and say how
stable they are.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.evaluation.probe import evaluate_probe
from genexp.explain.attribution import (
    Attribution,
    Baseline,
    attribute_genes,
    choose_baselines,
    choose_size,
    collect_targets,
    compare_rankings,
    integrate_gradients,
)
from genexp.explain.methods import METHODS
from genexp.explain.signatures import HIGH, find_signatures, weigh_genes
from genexp.model.encoder import Affine, Network
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import MainSettings
from genexp.survival.regression import evaluate_survival
from genexp.tracker import NullTracker
from tests.outcomes import unpack
from tests.planted_latents import make_latents, make_obs, plant_classes, plant_hazard

P, K = 30, 3


def make_network(
    widths: tuple[int, ...] = (16, 8), shortcut: bool = True, n_genes: int = P, seed: int = 0
) -> Network:
    rng = np.random.default_rng(seed)

    def layer(n_in: int, n_out: int, activation: str) -> Affine:
        weight = rng.normal(size=(n_out, n_in)) / np.sqrt(n_in)
        return Affine(
            weight.astype(np.float32),
            rng.normal(scale=0.3, size=n_out).astype(np.float32),
            activation,
        )

    sizes = [n_genes, *widths]
    layers = [layer(a, b, "relu") for a, b in pairwise(sizes)]
    return Network(
        (*layers, layer(sizes[-1], K, "linear")), layer(n_genes, K, "linear") if shortcut else None
    )


def make_rows(n: int = 40, n_genes: int = P, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, n_genes)).astype(np.float32)


def attribute(
    network: Network, X: np.ndarray, names: list[str], seed: int = 0, **obs: object
) -> Attribution:
    targets = pd.DataFrame(np.eye(len(names), K), index=pd.Index(names, name="target"))
    baselines = (
        Baseline(np.zeros(X.shape[1], np.float32), "zero"),
        Baseline(X.mean(axis=0), "the mean"),
    )
    genes = pd.Index([f"G{j}" for j in range(X.shape[1])])
    method = METHODS["integrated_gradients"]
    return attribute_genes(
        network, X, make_obs("test", len(X), **obs), method, baselines, targets, genes, seed
    )


@pytest.mark.parametrize("widths", [(), (16,), (16, 8), (16, 8, 4)])
@pytest.mark.parametrize("shortcut", [True, False])
def test_integrated_gradients_are_those_of_captum_in_gene_space(
    widths: tuple[int, ...], shortcut: bool
) -> None:
    torch, attr = pytest.importorskip("torch"), pytest.importorskip("captum.attr")
    network, X, start = make_network(widths, shortcut), make_rows(6), make_rows(1, seed=2)[0]

    def forward(x):
        y = x
        for layer in network.layers:
            y = y @ torch.tensor(layer.weight).T + torch.tensor(layer.bias)
            y = torch.relu(y) if layer.activation == "relu" else y
        return (
            y
            if network.shortcut is None
            else y
            + x @ torch.tensor(network.shortcut.weight).T
            + torch.tensor(network.shortcut.bias)
        )

    method = attr.IntegratedGradients(forward)
    for k, found in enumerate(integrate_gradients(network, X, start, np.eye(K, dtype=np.float32))):
        expected = method.attribute(
            torch.tensor(X),
            torch.tensor(start[None]),
            target=k,
            n_steps=32,
            method="riemann_middle",
        )
        np.testing.assert_allclose(found.values, expected.detach().numpy(), atol=2e-5)


def test_attributions_of_a_linear_network_are_weight_times_distance_and_add_up() -> None:
    network, X, start = make_network((), shortcut=False), make_rows(), make_rows(1, seed=2)[0]
    for k, found in enumerate(integrate_gradients(network, X, start, np.eye(K, dtype=np.float32))):
        np.testing.assert_allclose(
            found.values, (X - start) * network.layers[0].weight[k], atol=1e-5
        )
        np.testing.assert_allclose(found.slope, network.layers[0].weight[k], atol=1e-6)
        assert found.delta < 1e-5


def test_the_completeness_delta_is_small_and_shows_when_the_way_is_walked_in_one_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, X, start = make_network(), 3 * make_rows(), np.zeros(P, np.float32)
    fine = max(
        found.delta for found in integrate_gradients(network, X, start, np.eye(K, dtype=np.float32))
    )
    from genexp.explain import attribution

    monkeypatch.setattr(attribution.average_gradients, "__defaults__", (1,))
    coarse = max(
        found.delta for found in integrate_gradients(network, X, start, np.eye(K, dtype=np.float32))
    )
    assert fine < 0.02 < coarse


def test_a_target_is_attributed_as_the_weighted_sum_of_its_latents() -> None:
    network, X, start = make_network(), make_rows(), np.zeros(P, np.float32)
    parts = [
        found.values
        for found in integrate_gradients(network, X, start, np.eye(K, dtype=np.float32))
    ]
    whole = next(
        iter(integrate_gradients(network, X, start, np.array([[2.0, -1.0, 0.5]], np.float32)))
    )
    np.testing.assert_allclose(whole.values, 2 * parts[0] - parts[1] + 0.5 * parts[2], atol=1e-5)


def test_the_probe_is_attributed_by_its_logits_against_their_mean() -> None:
    train, test = plant_classes("train", 200, 0), plant_classes("test", 80, 1)
    probe, _ = unpack(evaluate_probe(train, test, 0))
    assert probe is not None
    targets = collect_targets(["a", "b", "c", "d"], ["a", "b"], probe, None, train)
    assert list(targets.index) == ["a", "b", "class a", "class b", "class c"]
    logits = test.z["encoder"] @ targets.loc[["class a", "class b", "class c"]].to_numpy().T
    logits += (
        -train.z["encoder"].mean(axis=0)
        @ targets.loc[["class a", "class b", "class c"]].to_numpy().T
    )
    np.testing.assert_allclose(logits.sum(axis=1), 0, atol=1e-9)
    labelled = test.obs["label"].notna().to_numpy()
    guessed = np.array(["a", "b", "c"])[logits.argmax(axis=1)][labelled]
    assert np.mean(guessed == probe.predictions["encoder"].to_numpy()) > 0.97


def test_two_classes_stand_on_both_sides_of_their_mean() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(80, 2))
    label = pd.Categorical(np.where(z[:, 0] > 0, "up", "down"))
    parts = [make_latents(part, make_obs(part, 80, label=label), z) for part in ("train", "test")]
    probe, _ = unpack(evaluate_probe(*parts, seed=0))
    assert probe is not None
    np.testing.assert_allclose(probe.weights.loc["up"], -probe.weights.loc["down"])
    assert probe.weights.loc["up"].iloc[0] > 5 * abs(probe.weights.loc["up"].iloc[1])


def test_the_risk_is_attributed_by_the_weights_that_give_it() -> None:
    train, test = plant_hazard("train", 300, 0), plant_hazard("test", 100, 1)
    assignments = pd.Series(1, index=[*train.obs.index, *test.obs.index])
    survival, _ = unpack(evaluate_survival(train, test, assignments, ["l0", "l1", "l2"], 0))
    assert survival is not None
    weights = collect_targets(["l0", "l1", "l2"], ["l0"], None, survival, train).loc["risk"]
    risk = survival.patients.loc[test.obs.index, "risk_encoder"].to_numpy()
    found = test.z["encoder"] @ weights.to_numpy()
    np.testing.assert_allclose(found - found.mean(), risk - risk.mean(), atol=1e-6)


def test_genes_that_a_latent_ignores_get_nothing_and_signs_are_kept() -> None:
    network = make_network((), shortcut=False)
    network.layers[0].weight[:] = 0
    network.layers[0].weight[0, 3], network.layers[0].weight[0, 5] = 2.0, -1.0
    found = attribute(network, make_rows(200), ["latent_0"])
    assert list(found.top_genes("latent_0", 2).index) == ["G3", "G5"]
    assert found.strength.loc["G3", "latent_0"] > 0 > found.strength.loc["G5", "latent_0"]
    assert (found.strength["latent_0"].drop(["G3", "G5"]) == 0).all()


def test_a_class_is_explained_by_what_its_own_samples_share() -> None:
    """A gene that varies widely in every class has a large attribution in each sample, and none on
    average.
    """
    network = make_network((), shortcut=False)
    network.layers[0].weight[:] = 0
    network.layers[0].weight[0, :2] = 1.0
    X, label = make_rows(400), np.repeat(["a", "b"], 200)
    X[:, 0] *= 3
    X[:, 1] = np.where(label == "a", 1.0, -1.0)
    found = attribute(network, X, ["class a"], label=label)
    assert found.top_genes("class a", 1).index[0] == "G1"
    assert found.size["class a"].idxmax() == "G0"


def test_stability_is_one_for_what_cannot_change_and_low_for_noise() -> None:
    ranking = np.arange(500.0)
    assert compare_rankings(np.stack([ranking, ranking * 2, ranking**2])) == pytest.approx(
        (1.0, 1.0)
    )
    rng = np.random.default_rng(0)
    rho, shared = compare_rankings(rng.normal(size=(6, 2000)))
    assert abs(rho) < 0.05
    assert shared < 0.1
    assert np.isnan(compare_rankings(np.ones((2, 50)))[0])


def test_rankings_are_compared_as_scipy_does() -> None:
    from scipy.stats import spearmanr

    a, b = np.random.default_rng(0).integers(0, 9, (2, 100)).astype(float)
    assert compare_rankings(np.stack([a, b]))[0] == pytest.approx(spearmanr(a, b).statistic)


def test_baselines_are_the_train_mean_and_the_largest_class_or_a_sample() -> None:
    X = make_rows(50)
    obs = make_obs("train", 50, label=pd.Categorical(["a"] * 20 + ["b"] * 29 + [None]))
    first, second = choose_baselines(X, obs, 0)
    np.testing.assert_allclose(first.values, X.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(second.values, X[20:49].mean(axis=0), atol=1e-6)
    _, drawn = choose_baselines(X, make_obs("train", 50), 0)
    assert (drawn.values == X).all(axis=1).sum() == 1


def test_wide_networks_take_fewer_samples_and_the_same_seed_the_same() -> None:
    assert (
        choose_size(make_network((4096, 2048), n_genes=2000), 40)
        < choose_size(make_network(), 40)
        == 128
    )
    network, X = make_network(), make_rows(300)
    first, second = (attribute(network, X, ["latent_0", "latent_1"]) for _ in range(2))
    pd.testing.assert_frame_equal(first.checks, second.checks)
    assert first.n_samples == 128
    assert first.checks["completeness_delta"].max() < 0.02
    assert first.list_top(5).groupby("target").size().tolist() == [5, 5]


def test_two_samples_are_attributed_without_halves() -> None:
    found = attribute(make_network(), make_rows(2), ["latent_0"])
    assert np.isnan(found.checks["rho_halves"].iloc[0])


def test_signatures_of_a_linear_decoder_are_its_high_weights() -> None:
    rng = np.random.default_rng(0)
    loadings = rng.normal(scale=0.05, size=(400, K)).astype(np.float32)
    loadings[:6, 0], loadings[6:9, 0] = 2.0, -2.0
    decoder = Network((Affine(loadings, np.zeros(400, np.float32)),))
    genes = pd.Index([f"G{j}" for j in range(400)])
    z = rng.normal(size=(100, K)) * [1.0, 3.0, 0.0]
    weights = weigh_genes(decoder, z, ["l0", "l1", "l2"], genes)
    np.testing.assert_allclose(weights, loadings * z.std(axis=0), atol=1e-5)
    found = find_signatures(weights, weights[["l0"]], z, z + np.array([0.0, 3.0, 0.0]))
    assert set(found.genes["decoder", "l0", "positive"]) == {f"G{j}" for j in range(6)}
    assert set(found.genes["attribution", "l0", "negative"]) == {"G6", "G7", "G8"}
    score = (weights["l0"] - weights["l0"].mean()) / weights["l0"].std(ddof=0)
    assert (score > HIGH).sum() == len(found.genes["decoder", "l0", "positive"])
    assert len(found.genes["decoder", "l2", "positive"]) == 0
    assert found.units.index[-1] == "l2"
    assert found.units["share"].sum() == pytest.approx(1)
    assert found.units.loc["l1", "shift"] == pytest.approx(3 / z[:, 1].std())
    assert found.units.loc["l0", ["n_positive", "n_negative"]].tolist() == [6, 3]


def judge(cohort: dict[str, str], folder: Path):  # type: ignore[no-untyped-def]
    """Train, then evaluate, by the real pipeline."""
    from genexp.preprocessing import preprocess_cohort
    from genexp.training.train import train_encoder
    from genexp.verdict.evaluate import evaluate_encoder

    settings = parse_settings(MainSettings, {**cohort, "cache": str(folder), "threads": "1"})
    data = preprocess_cohort(settings, NullTracker())
    trained = train_encoder(
        data,
        settings,
        settings,
        0.2,
        NullTracker(),
        {"cohort_settings": {}, "cohort_hash": "", "run_id": ""},
    )
    return evaluate_encoder(trained.encoder, data, settings, 0)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """Evaluation of a simulated cohort with its planted programmes as gene sets, and the planted
    loadings.
    """
    from genexp.cohort.simulators.bulk import simulate_cohort

    folder = tmp_path_factory.mktemp("simulated")
    truth = simulate_cohort(500, 2000, 0).truth
    loadings = truth["loadings"] / truth["genes"]["noise_sd"].to_numpy()[:, None]
    sets = {
        name: loadings.index[np.argsort(-loadings[name].abs().to_numpy())[:60]] for name in loadings
    }
    (folder / "programmes.gmt").write_text(
        "".join(f"{name}\tplanted\t" + "\t".join(genes) + "\n" for name, genes in sets.items())
    )
    cohort = {
        "cohort": "simulated:500x2000",
        "label": "subtype",
        "time": "OS_days",
        "event": "OS_event",
        "hidden": "128",
        "epochs": "60",
    }
    return (
        judge({**cohort, "gene_sets": str(folder / "programmes.gmt"), "n_latent": "24"}, folder),
        truth,
        sets,
    )


def test_planted_genes_of_the_subtypes_are_on_top_of_the_attribution(simulated) -> None:  # type: ignore[no-untyped-def]
    """Genes that the subtypes move, by the planted loadings, have an attribution far above that of
    the others.
    """
    evaluation, truth, _ = simulated
    attribution = evaluation.results["explanation"].attribution
    activities, kind = truth["activities"], truth["samples"]["true_subtype"]
    for subtype in ("Basal", "LumA", "LumB"):
        away = activities[kind == subtype].mean() - activities.groupby(kind).mean().mean()
        moved = (truth["loadings"] @ away / truth["genes"]["noise_sd"]).reindex(
            attribution.strength.index
        )
        top = attribution.top_genes(f"class {subtype}", 50).index
        assert moved[top].abs().median() > 2 * moved.abs().median()
        assert (
            np.mean(
                np.sign(moved[top]) == np.sign(attribution.strength.loc[top, f"class {subtype}"])
            )
            > 0.9
        )


def test_planted_programmes_are_found_by_their_gene_sets(simulated) -> None:  # type: ignore[no-untyped-def]
    evaluation, _, sets = simulated
    found = evaluation.results["explanation"].enrichment
    sure = found[(found["q"] < 0.01) & (found["test"] == "overlap")]
    assert len(set(sure["gene_set"])) > 0.6 * len(sets)


@pytest.mark.slow
def test_xist_and_rps4y1_lead_the_attribution_of_sex(shared_data: Path, tmp_path: Path) -> None:
    stem = shared_data / "tcga_5cohorts_fulltranscriptome"
    cohort = {
        "cohort": f"{stem}.tsv.gz",
        "obs": f"{stem}_samples.tsv",
        "label": "gender",
        "hidden": "512,128",
        "n_latent": "96",
    }
    attribution = judge(cohort, tmp_path).results["explanation"].attribution
    assert {"XIST", "RPS4Y1"} <= set(attribution.top_genes("class Female", 5).index)
    assert (
        attribution.strength.loc["XIST", "class Female"]
        > 0
        > attribution.strength.loc["RPS4Y1", "class Female"]
    )
    y_linked = {
        "RPS4Y1",
        "ZFY",
        "EIF1AY",
        "KDM5D",
        "DDX3Y",
        "UTY",
        "USP9Y",
        "CYorf15A",
        "CYorf15B",
        "TTTY15",
        "NLGN4Y",
        "PRKY",
        "TMSB4Y",
    }
    assert (
        len(set(attribution.top_genes("class Male", 10).index) - y_linked - {"XIST", "TSIX"}) <= 1
    )
