"""Every model type: its promises, and its way to a shipped encoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lifelines import CoxPHFitter

from genexp.errors import TrainingError
from genexp.model.fold import fold_network
from genexp.model.heads import measure_cox_loss
from genexp.model.model_type import Minibatch
from genexp.model.types import MODEL_TYPES, create_model_type
from genexp.model.types.center_loss import measure_distance, move_centers
from genexp.model.types.contractive import draw_probes, square_jacobian
from genexp.model.types.denoising import corrupt
from genexp.model.types.sparse import measure_sparsity
from genexp.model.types.variational import measure_divergence
from genexp.preprocessing import Preprocessed
from genexp.settings.training import EncoderConfig
from genexp.training.basis import Basis, build_basis
from genexp.training.build import build_model, load_rows, weigh_classes
from genexp.training.loop import Fitted, fit_autoencoder, train_step
from genexp.training.optimiser import build_optimiser
from genexp.training.targets import Targets, build_targets
from tests.planted import make_preprocessed

SMALL = {
    "hidden": (32, 16),
    "n_latent": 4,
    "epochs": 8,
    "minibatch": 32,
    "pretrain_epochs": 3,
    "warm_up": 0,
    "head_weight": 1.0,
}

IN_SPAN = [name for name, kind in MODEL_TYPES.items() if not kind.gene_wise and not kind.block]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Preprocessed:
    return make_preprocessed(tmp_path_factory.mktemp("cohorts"), labelled=True)


@pytest.fixture(scope="module")
def span(data: Preprocessed) -> Basis:
    return build_basis(data, "rows", 8)


def fit(
    data: Preprocessed, basis: Basis, kind: str, seed: int = 0, **values: object
) -> tuple[Fitted, EncoderConfig, Targets]:
    config = EncoderConfig(**SMALL | {"kind": kind} | values)
    model_type = create_model_type(config)
    targets = build_targets(data, model_type)
    return fit_autoencoder(basis, model_type, seed, targets=targets), config, targets


def test_names_of_parameters_are_free_of_other_kinds_names() -> None:
    names = [
        name
        for kind in MODEL_TYPES.values()
        if "Parameters" in vars(kind)
        for name in kind.Parameters.model_fields
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", IN_SPAN)
def test_every_kind_learns_logs_its_terms_and_folds_back_to_genes(
    data: Preprocessed, span: Basis, kind: str
) -> None:
    fitted, _, _ = fit(data, span, kind)
    history = fitted.history
    assert np.isfinite(history.to_numpy()).all()
    assert history["loss/train"].iloc[-1] < history["loss/train"].iloc[1]
    detached = [f"loss_{name}/val" for name in MODEL_TYPES[kind].detached_losses]
    monitored = [
        name
        for name in history
        if name.startswith("loss_") and name.endswith("/val") and name not in detached
    ]
    assert not monitored or history[monitored].sum(axis=1).to_numpy() == pytest.approx(
        history["loss/val"].to_numpy()
    )
    encoder, decoder = fold_network(fitted.network, np.asarray(span.mean), span.directions)
    with torch.no_grad():
        z = fitted.network.encode(torch.from_numpy(span.val.copy()))
        x_hat = fitted.network.decode(z).numpy() @ span.directions.T + span.mean
    np.testing.assert_allclose(
        encoder(data.matrix("val")), z.numpy(), atol=1e-5 * max(1, float(z.abs().max()))
    )
    np.testing.assert_allclose(
        decoder(z.numpy()), x_hat, atol=1e-5 * max(1, float(np.abs(x_hat).max()))
    )


@pytest.mark.parametrize(
    "kind", [name for name in IN_SPAN if MODEL_TYPES[name].latent_activation == "linear"]
)
def test_epoch_zero_of_every_anchored_kind_equals_pca(
    data: Preprocessed, span: Basis, kind: str
) -> None:
    config = EncoderConfig(**SMALL | {"kind": kind})
    model_type = create_model_type(config)
    network = build_model(span, model_type, build_targets(data, model_type)).network.eval()
    x = torch.from_numpy(span.val.copy())
    principal = torch.from_numpy(span.principal[:, :4].copy())
    torch.testing.assert_close(
        network.decode(network.encode(x)), x @ principal @ principal.T, atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("skip", ["pca", "none"])
@pytest.mark.parametrize("hidden", [(), (16,), (24, 12)])
def test_the_jacobian_penalty_equals_autograd(
    data: Preprocessed, span: Basis, hidden: tuple, skip: str, batch_norm: bool
) -> None:
    fitted, *_ = fit(
        data, span, "contractive", hidden=hidden, skip=skip, batch_norm=batch_norm, epochs=2
    )
    network = fitted.network.double().eval()
    x = torch.from_numpy(span.val[:5].astype(np.float64))
    expected = [
        torch.autograd.functional.jacobian(lambda row: network.encode(row[None])[0], row)
        .square()
        .sum()
        for row in x
    ]
    torch.testing.assert_close(square_jacobian(network, x), torch.stack(expected))


def test_probes_estimate_the_jacobian_without_bias(data: Preprocessed, span: Basis) -> None:
    network = fit(data, span, "contractive", epochs=2)[0].network.eval()
    x = torch.from_numpy(span.val.copy())
    z = network.encode(x)
    torch.manual_seed(0)
    draws = torch.stack([square_jacobian(network, x, draw_probes(2, z)) for _ in range(400)])
    error = draws.std(0) / 20
    assert ((draws.mean(0) - square_jacobian(network, x)).abs() < 4 * error).all()


def test_contraction_flattens_the_encoder(data: Preprocessed, span: Basis) -> None:
    x = torch.from_numpy(span.val.copy())
    free, held = (
        fit(data, span, "contractive", contraction=weight, epochs=40, patience=40)[0].network.eval()
        for weight in (0.0, 3.0)
    )
    assert square_jacobian(held, x).mean() < 0.8 * square_jacobian(free, x).mean()


def test_sparse_latents_reach_their_target_activity(data: Preprocessed, span: Basis) -> None:
    fitted, *_ = fit(
        data,
        span,
        "sparse",
        sparsity_weight=1.0,
        sparsity_target=0.2,
        epochs=150,
        patience=150,
        learning_rate=3e-3,
    )
    activity = fitted.network.encode(torch.from_numpy(span.train.copy())).mean(0)
    assert activity.detach().numpy() == pytest.approx(0.2, abs=0.06)
    assert measure_sparsity(torch.full((4,), 0.2), 0.2).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("corruption", ["gaussian", "mask", "swap"])
def test_corruption_happens_in_training_only_and_keeps_the_target_clean(
    data: Preprocessed, span: Basis, corruption: str
) -> None:
    config = EncoderConfig(
        **SMALL
        | {"kind": "denoising", "corruption": corruption, "corruption_level": 0.3, "dropout": 0}
    )
    model, batch = (
        build_model(span, create_model_type(config)),
        load_rows(span, Targets(), torch.device("cpu"))[0],
    )
    model.network.eval()
    clean = model.run(batch)
    torch.testing.assert_close(clean.z, model.network.encode(batch.x))
    noisy = corrupt(batch, config)
    assert not torch.equal(noisy, batch.x)
    share = (noisy - batch.x).square().sum() / batch.x.square().sum()
    # the share of independent changes that lies in the row space
    inside = len(batch.x[0]) / span.n_genes
    expected = {
        "gaussian": 0.09 * inside,
        "mask": 0.3 / 0.7 * inside,
        "swap": 2 * (0.09 + 0.21 * inside),
    }
    assert share == pytest.approx(expected[corruption], rel=0.2)
    model.network.train()
    noised = model.run(batch)
    expected = (noised.x_hat - batch.x).square().sum(1) / span.n_genes
    torch.testing.assert_close(noised.losses["reconstruction"], expected)


def test_each_kl_term_has_a_gradient_and_no_unit_collapses_silently(
    data: Preprocessed, span: Basis
) -> None:
    fitted, *_ = fit(data, span, "variational", epochs=30, patience=30, warm_up=5)
    assert (fitted.history["loss_kl/train"].iloc[1:] > 0).all()
    network, batch = fitted.network.train(), load_rows(span, Targets(), torch.device("cpu"))[0]
    network.zero_grad()
    fitted.model.run(replace(batch, epoch=30)).losses["kl"].mean().backward()
    layer = network.log_variance
    assert all(
        float(p.grad.abs().sum()) > 0
        for p in (layer.weight, layer.bias, network.encoder_shortcut.weight)
    )
    mu = network.eval().encode(batch.x)
    assert (mu.var(0) > 0.01).all(), "all four planted factors are active"


def test_the_divergence_is_that_of_torch() -> None:
    mu, logvar = torch.randn(5, 3), torch.randn(5, 3)
    q, p = torch.distributions.Normal(mu, (logvar / 2).exp()), torch.distributions.Normal(0, 1)
    torch.testing.assert_close(
        measure_divergence(mu, logvar), torch.distributions.kl_divergence(q, p)
    )


def test_the_centre_loss_does_not_depend_on_the_order_of_rows() -> None:
    z, label, centers = torch.randn(40, 3), torch.randint(-1, 4, (40,)), torch.randn(4, 3)
    order = torch.randperm(40)
    moved, again = centers.clone(), centers.clone()
    move_centers(moved, z, label, 0.5)
    move_centers(again, z[order], label[order], 0.5)
    torch.testing.assert_close(moved, again)
    torch.testing.assert_close(
        measure_distance(z, label, centers)[order],
        measure_distance(z[order], label[order], centers),
    )
    members = z[label == 2]
    expected = centers[2] - 0.5 * (centers[2] - members).sum(0) / (1 + len(members))
    torch.testing.assert_close(moved[2], expected)


def test_centre_loss_and_heads_pull_classes_apart(data: Preprocessed, span: Basis) -> None:
    values = {"epochs": 40, "patience": 40, "center_weight": 1.0}
    spread = {}
    for kind in ("deep", "center_loss"):
        network = fit(data, span, kind, **values)[0].network.eval()
        z = network.encode(torch.from_numpy(span.val.copy())).detach().numpy()
        label = data.obs("val")["label"].astype(str).to_numpy()
        z = (z - z.mean(0)) / z.std(0)
        centres = np.stack([z[label == name].mean(0) for name in np.unique(label)])
        spread[kind] = np.var(centres, axis=0).sum() / np.var(z, axis=0).sum()
    assert spread["center_loss"] > spread["deep"] + 0.1


def test_a_classifier_s_decoder_leaves_its_encoder_alone(data: Preprocessed, span: Basis) -> None:
    config = EncoderConfig(**SMALL | {"kind": "classifier"})
    model_type = create_model_type(config)
    targets = build_targets(data, model_type)
    model = build_model(span, model_type, targets)
    batch = load_rows(span, targets, torch.device("cpu"))[0]
    model.run(batch).losses["reconstruction"].mean().backward()
    assert model.network.encoder_shortcut.weight.grad is None
    assert float(model.network.decoder_shortcut.weight.grad.abs().sum()) > 0


def test_the_cox_loss_is_the_efron_likelihood_of_lifelines() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=60),
            "time": rng.integers(1, 12, 60).astype(float),
            "event": rng.random(60) < 0.6,
        }
    )
    fitted = CoxPHFitter().fit(table, "time", "event")
    risk = torch.from_numpy(table["x"].to_numpy() * fitted.params_["x"]).float()
    time, event = (
        torch.from_numpy(table["time"].to_numpy()).float(),
        torch.from_numpy(table["event"].to_numpy()),
    )
    expected = -fitted.log_likelihood_ / table["event"].sum()
    assert measure_cox_loss(risk, time, event).item() == pytest.approx(expected, rel=1e-5)
    unknown = torch.cat([time, torch.tensor([float("nan")])])
    more = measure_cox_loss(
        torch.cat([risk, torch.tensor([9.0])]), unknown, torch.cat([event, torch.tensor([True])])
    )
    assert more.item() == pytest.approx(expected, rel=1e-5)


def test_heads_learn_labels_and_survival_on_any_kind(data: Preprocessed, span: Basis) -> None:
    fitted, *_ = fit(data, span, "denoising", heads=("label", "survival"), epochs=30, patience=30)
    assert {"loss_label/val", "loss_survival/val", "loss_reconstruction/val"} <= set(fitted.history)
    assert (
        fitted.history["loss_label/train"].iloc[-1]
        < 0.7 * fitted.history["loss_label/train"].iloc[0]
    )
    assert (
        fitted.history["loss_survival/train"].iloc[-1]
        < fitted.history["loss_survival/train"].iloc[0]
    )


def test_unknown_labels_cost_nothing(data: Preprocessed, span: Basis) -> None:
    config = EncoderConfig(**SMALL | {"kind": "center_loss"})
    model_type = create_model_type(config)
    targets = build_targets(data, model_type)
    unknown = replace(targets, train={"label": np.full_like(targets.train["label"], -1)})
    batch = load_rows(span, unknown, torch.device("cpu"))[0]
    losses = build_model(span, model_type, targets).run(batch).losses
    assert losses["label"].abs().sum() == 0
    assert losses["center"].abs().sum() == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "center_loss", "heads": ("grade",)},
            "a column 'grade' of obs was expected, found none",
        ),
        ({"heads": ("label", "nothing")}, "a column 'nothing' of obs was expected"),
        (
            {"heads": ("group",)},
            "2 to 100 classes of 'group' with 2 train rows or more were expected, found 0",
        ),
    ],
)
def test_heads_without_their_column_are_refused(tmp_path: Path, values: dict, message: str) -> None:
    data = make_preprocessed(tmp_path, n_samples=200, labelled=True)
    with pytest.raises(TrainingError, match=message):
        build_targets(data, create_model_type(EncoderConfig(**values)))


def test_a_supervised_kind_without_a_label_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="name the column with label="):
        build_targets(
            make_preprocessed(tmp_path), create_model_type(EncoderConfig(kind="classifier"))
        )


def test_layers_are_stacked_from_their_own_reconstruction(data: Preprocessed, span: Basis) -> None:
    """Each layer reconstructs its input better after it was trained by itself, before all are
    trained together.
    """
    config = EncoderConfig(**SMALL | {"kind": "stacked", "hidden": (64,), "pretrain_epochs": 30})
    model_type, batch = (
        create_model_type(config),
        load_rows(span, Targets(), torch.device("cpu"))[0],
    )
    torch.manual_seed(0)
    network = build_model(span, model_type).network
    tied = dict(network.named_parameters())
    assert not [name for name in tied if name.startswith("decoder") and name.endswith("weight")]

    def loss() -> float:
        first, last = network.encoder[0], network.decoder[2]
        with torch.no_grad():
            return float((last(first(batch.x).sigmoid()) - batch.x).square().mean())

    before = loss()
    model_type.prepare(network, batch)
    assert loss() < 0.7 * before


def test_minibatches_pick_rows_with_their_targets() -> None:
    whole = Minibatch(
        torch.arange(6.0).reshape(3, 2),
        10,
        torch.tensor([1.0, 2.0, 3.0]),
        {"label": torch.tensor([0, 1, 2])},
    )
    part = whole.pick(torch.tensor([2, 0]), epoch=5)
    assert part.x[:, 0].tolist() == [4.0, 0.0]
    assert (part.outside.tolist(), part.targets["label"].tolist(), part.epoch) == (
        [3.0, 1.0],
        [2, 0],
        5,
    )


def test_l1_trains_in_genes_and_silences_weights(data: Preprocessed) -> None:
    config = EncoderConfig(**SMALL | {"kind": "deep", "l1": 3.0, "epochs": 30, "patience": 30})
    reason = create_model_type(config).needs_genes
    assert "L1" in reason
    genes = build_basis(data, "auto", 4, reason)
    assert genes.name == "genes"
    free, held = (
        fit(data, genes, "deep", l1=l1, epochs=30, patience=30)[0]
        .network.first_weights()
        .abs()
        .mean()
        for l1 in (0.0, 3.0)
    )
    assert held < 0.7 * free


def test_a_step_is_no_longer_than_the_gradient_s_limit(data: Preprocessed, span: Basis) -> None:
    config = EncoderConfig(**SMALL | {"clip_gradient": 1e-3})
    model, batch = (
        build_model(span, create_model_type(config)),
        load_rows(span, Targets(), torch.device("cpu"))[0],
    )
    train_step(model, build_optimiser(model.network, config), batch)
    norm = torch.stack(
        [p.grad.norm() for p in model.network.parameters() if p.grad is not None]
    ).norm()
    assert norm == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(("schedule", "last"), [("constant", 1e-3), ("cosine", 0.0)])
def test_the_learning_rate_follows_its_schedule(
    data: Preprocessed, span: Basis, schedule: str, last: float
) -> None:
    history = fit(data, span, "deep", schedule=schedule, epochs=20, patience=20)[0].history
    assert history["learning_rate"].iloc[0] == pytest.approx(1e-3)
    assert history["learning_rate"].iloc[-1] == pytest.approx(last, abs=1e-5)


def test_a_plateau_stops_at_the_lowest_rate(data: Preprocessed, span: Basis) -> None:
    values = {"epochs": 30, "patience": 30, "lr_patience": 0, "min_delta": 0.5, "lr_min": 1e-4}
    history = fit(data, span, "deep", **values)[0].history
    assert history["learning_rate"].iloc[-1] == pytest.approx(1e-4)


def test_classes_weigh_the_same_whatever_their_size() -> None:
    codes = np.array([0] * 90 + [1] * 10 + [-1] * 50)
    weights = weigh_classes(codes, 2).numpy()
    assert weights[0] * 90 == pytest.approx(weights[1] * 10)
    assert (weights[codes[codes >= 0]]).mean() == pytest.approx(1)


def test_widths_are_a_list_or_a_rule() -> None:
    assert EncoderConfig(hidden="halving:1000x4").hidden == (1000, 500, 250, 125)
    assert EncoderConfig(hidden="64,8").hidden == (64, 8)
    with pytest.raises(ValueError, match="expected halving:WIDTHxLAYERS"):
        EncoderConfig(hidden="halving:many")
