import io
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from genexp.palette import COLOURS, ENCODER, MUTED, PCA, mark_clusters, mark_labels, plain_text
from genexp.report.figures.curves import (
    choose_horizon,
    plot_cox,
    plot_kaplan_meier,
    rank_latents,
    trace_curves,
)
from genexp.report.figures.draw import draw_figures
from genexp.report.figures.maps import plot_map
from genexp.report.figures.survival import name_time, plot_increments, plot_risk_groups
from genexp.training.figures import plot_history
from tests.small_evaluation import make_evaluation

MANY = tuple(f"type {i}" for i in range(33))
RISK = {"risk_groups", "calibration", "increments"}
ALWAYS = {
    f"figures/{name}.png"
    for name in (
        "verdict",
        "tsne",
        "umap",
        "pca",
        "consensus",
        "novelty",
        "reconstruction",
        "attribution",
        "units",
        "enrichment",
    )
}


def render(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def texts(figure: Figure) -> str:
    return "\n".join(
        text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    )


@pytest.mark.parametrize(
    ("settings", "further"),
    [
        ({}, {"cluster_composition", "confusion", "kaplan_meier", "cox", *RISK}),
        ({"labels": ()}, {"kaplan_meier", "cox", *RISK}),
        ({"survival": False}, {"cluster_composition", "confusion"}),
        ({"k": 2, "labels": ("a", "b"), "survival": False}, {"cluster_composition", "confusion"}),
        (
            {"labels": MANY, "k": 10, "n_samples": 400, "survival": False},
            {"cluster_composition", "confusion"},
        ),
    ],
)
def test_every_picture_that_the_evaluation_has_matter_for_is_drawn(
    settings: dict, further: set[str]
) -> None:
    drawn = dict(draw_figures(make_evaluation(**settings)))
    assert set(drawn) == ALWAYS | {f"figures/{name}.png" for name in further}
    for figure in drawn.values():
        assert render(figure).startswith(b"\x89PNG")
        assert figure.get_size_inches()[0] * figure.dpi <= 1250


def test_figures_are_drawn_without_pyplot() -> None:
    import subprocess
    import sys

    code = (
        "import sys, genexp.report.figures.draw, genexp.training.figures; "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_labels_that_look_like_formulas_or_hidden_entries_are_shown_as_they_are() -> None:
    labels = (r"$\frac{", "_private", "100 % $")
    evaluation = make_evaluation(labels=labels)
    for _, figure in draw_figures(evaluation):
        render(figure)
    legends = [
        entry.get_text()
        for axes in plot_map(evaluation.results["embeddings"], "umap").axes
        for entry in axes.get_legend().get_texts()
    ]
    assert any("_private (" in entry for entry in legends)
    assert plain_text("x" * 50, 20) == "x" * 19 + "…"


def test_an_unlabelled_sample_is_counted_and_grey() -> None:
    figure = plot_map(make_evaluation().results["embeddings"], "tsne")
    assert "(unlabelled) (15)" in texts(figure)


def test_pca_axes_carry_the_explained_variance() -> None:
    assert "31.0%" in texts(plot_map(make_evaluation().results["embeddings"], "pca"))


def test_survival_curves_reach_the_last_follow_up_and_ticks_lie_on_them() -> None:
    survival = make_evaluation().results["survival"]
    assert survival is not None
    patients = survival.patients[survival.patients["part"] == "test"]
    for cluster, steps, censored in trace_curves(patients, survival.kaplan_meier):
        own = patients[patients["cluster"] == cluster]
        assert steps["time_days"].iloc[-1] == own["time_days"].max()
        assert len(censored) == (~own["event"]).sum()
        for tick in censored.itertuples():
            assert (
                tick.survival
                == steps.loc[steps["time_days"] <= tick.time_days, "survival"].iloc[-1]
            )


def test_numbers_at_risk_start_with_all_patients_of_each_cluster() -> None:
    survival = make_evaluation().results["survival"]
    assert survival is not None
    figure = plot_kaplan_meier(survival)
    render(figure)
    test = survival.patients[survival.patients["part"] == "test"]
    at_zero = [text.get_text() for text in figure.axes[1].texts if text.get_position()[0] == 0]
    assert at_zero == [str(n) for n in test.groupby("cluster").size()]
    assert "log-rank p = 0.012" in texts(figure)


def test_risk_groups_are_drawn_in_their_order_with_numbers_at_risk_and_what_they_differ_by() -> (
    None
):
    prognosis = make_evaluation().results["prognosis"]
    assert prognosis is not None
    figure = plot_risk_groups(prognosis)
    render(figure)
    test = prognosis.patients[prognosis.patients["part"] == "test"]
    assert [tick.get_text() for tick in figure.axes[1].get_yticklabels()] == [
        "low risk",
        "middle risk",
        "high risk",
    ]
    at_zero = [text.get_text() for text in figure.axes[1].texts if text.get_position()[0] == 0]
    assert at_zero == [
        str((test["risk_group"] == group).sum()) for group in ("low", "middle", "high")
    ]
    row = prognosis.groups.loc["risk_group"]
    assert f"hazard ratio {row['hazard_ratio']:.2f}" in texts(figure)
    assert "by permutation" in texts(figure)


def test_increments_without_covariates_still_show_what_chance_gives() -> None:
    prognosis = make_evaluation().results["prognosis"]
    assert prognosis is not None
    shown = texts(plot_increments(replace(prognosis, increments=prognosis.increments.iloc[:0])))
    assert "random genes" in shown
    assert "compared with" not in shown


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (365.25, "1 year"),
        (1095.75, "3 years"),
        (2577.0, "7.1 years"),
        (400, "13.1 months"),
        (60, "60 days"),
    ],
)
def test_times_are_named_in_the_unit_in_which_they_read_well(days: float, said: str) -> None:
    assert name_time(days) == said


def test_one_cluster_of_test_patients_has_a_curve_and_no_log_rank_test() -> None:
    survival = make_evaluation(k=1).results["survival"]
    assert survival is not None
    assert "no log-rank test" in texts(plot_kaplan_meier(survival))


def test_survival_pictures_end_where_few_are_followed() -> None:
    assert choose_horizon(pd.Series(range(1, 101))) == 96
    assert choose_horizon(pd.Series([5.0, 700.0])) == 700


def test_latents_are_ranked_by_strength_and_without_those_that_have_no_interval() -> None:
    survival = make_evaluation().results["survival"]
    assert survival is not None
    ranked = rank_latents(survival.cox)
    assert "latent_0" not in ranked.index
    assert ranked["strength"].is_monotonic_decreasing
    error = np.log(1.2) / 1.959964
    np.testing.assert_allclose(ranked["strength"], np.abs(np.log(ranked["hazard_ratio"])) / error)
    render(plot_cox(replace(survival, cox=survival.cox.loc[["latent_0"]])))


def test_a_gene_far_below_the_axis_is_named_with_its_values() -> None:
    figure = dict(draw_figures(make_evaluation()))["figures/reconstruction.png"]
    assert "encoder −4.20, PCA −4.22" in texts(figure)


def test_verdict_colours_say_who_is_better() -> None:
    figure = dict(draw_figures(make_evaluation()))["figures/verdict.png"]
    colours = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert colours == [ENCODER, PCA, MUTED, MUTED]


@pytest.mark.parametrize("loss_pca", [0.455, None])
def test_training_history_marks_pca_and_the_epoch_that_was_kept(loss_pca: float | None) -> None:
    epoch = np.arange(30)
    loss = 0.5 - 0.002 * epoch
    history = pd.DataFrame(
        {
            "epoch": epoch,
            "loss/train": loss - 0.05,
            "loss/val": loss,
            "learning_rate": 1e-3 * 0.5 ** (epoch // 5),
        }
    )
    history["r2/val"] = 1 - history["loss/val"]
    history.loc[0, ["loss/train", "learning_rate"]] = np.nan
    figure = plot_history(history, loss_pca, best_epoch=20)
    render(figure)
    assert "kept: epoch 20 (0.46)" in texts(figure)
    assert ("PCA, validation (0.455)" in texts(figure)) == (loss_pca is not None)


def test_every_label_up_to_36_has_its_own_mark_and_keeps_it() -> None:
    marks = mark_labels(MANY)
    assert len({mark.colour for mark in marks.values()}) == 33
    assert mark_labels(MANY[:5])["type 3"] == marks["type 3"]
    assert len(mark_clusters(range(1, 101))) == 100


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Ottosson 2020, https://bottosson.github.io/posts/oklab."""
    to_lms = np.array(
        [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
    )
    to_lab = np.array(
        [[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]]
    )
    return to_lab @ np.cbrt(to_lms @ np.clip(rgb, 0, 1))


# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0
EYES = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


@pytest.mark.parametrize("eye", EYES)
def test_labels_of_the_same_shape_differ_in_colour_for_every_eye(eye: str) -> None:
    for dozen in (COLOURS[:12], COLOURS[12:24], COLOURS[24:]):
        seen = [oklab(EYES[eye] @ linear(colour)) for colour in dozen]
        nearest = min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))
        assert nearest > 0.04


@pytest.mark.parametrize("colour", [ENCODER, PCA, MUTED])
def test_colours_of_text_have_a_contrast_of_4_5_on_white(colour: str) -> None:
    luminance = float(linear(colour) @ [0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) > 4.5
