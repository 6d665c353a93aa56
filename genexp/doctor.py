"""Self-test: plant each known mistake in a small simulated cohort, and check that its guard fires.

The mistakes are those of published encoders. Each test calls the functions of a real run, in a
temporary folder; nothing is tracked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genexp.errors import GenexpError
from genexp.evaluation.audit import Rows, audit_split, refuse_leaks
from genexp.evaluation.clusters.kmeans import evaluate_clusters
from genexp.evaluation.probe import Probe, bootstrap_macro_f1, evaluate_probe
from genexp.evaluation.projection import Embeddings
from genexp.evaluation.task import EvaluationInputs
from genexp.explain.methods import METHODS
from genexp.model.encoder import Affine, Encoder, Network
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.verbs import MainSettings
from genexp.tracker import NullTracker
from genexp.verdict.evaluate import build_inputs, describe_evaluation, evaluate_encoder
from genexp.verdict.seeds import attribute_predictions, compare_attributions, rescore_encoder
from genexp.verdict.tasks import TASKS

if TYPE_CHECKING:
    from anndata import AnnData

    from genexp.preprocessing import Preprocessed
    from genexp.verdict.evaluation import Evaluation

N_PERMUTATIONS = 10
"""Number of permutations of the label."""
UNSTABLE = 0.8
"""Rank correlation below which two encoders depend on different genes; seeds of one configuration
reach 0.99 here."""
SMALL = {
    "cohort": "simulated:200x400",
    "hidden": "16",
    "n_latent": "4",
    "epochs": "3",
    "threads": "1",
    "device": "cpu",
}
EVALUATION = {"max_clusters": "4", "perplexity": "10"}


@dataclass(frozen=True)
class Finding:
    """Outcome of a trap: its guard fired or not, and the message of genexp."""

    trap: str
    planted: str
    message: str
    fired: bool

    def __str__(self) -> str:
        return (
            f"{'PASS' if self.fired else 'FAIL'}  {self.trap} | planted: {self.planted} | "
            f"genexp: {self.message}"
        )


class Bench:
    """Simulated cohort with its preprocessing, encoders and evaluation, each made when first
    needed.

    Parameters
    ----------
    folder : Path
        Folder of the cache and of spoilt files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = parse_settings(
            MainSettings, {"cache": str(folder / "cache"), **SMALL, **EVALUATION}
        )

    @cached_property
    def adata(self) -> AnnData:
        """Checked cohort."""
        from genexp.cohort import read_cohort

        return read_cohort(self.settings.reading)

    @cached_property
    def data(self) -> Preprocessed:
        """Split and scaled cohort."""
        from genexp.preprocessing.pipeline import preprocess_anndata
        from genexp.preprocessing.store import prepare_cache

        return preprocess_anndata(
            self.adata, self.settings, prepare_cache(self.settings.run.cache) / "doctor"
        )

    @cached_property
    def rows(self) -> Rows:
        """Values and annotations by part; the test samples are accessed once."""
        parts = {
            part: (np.array(self.data.matrix(part)), self.data.obs(part))
            for part in ("train", "val")
        }
        return parts | {"test": self.data.access_test()}

    @cached_property
    def encoder(self) -> Encoder:
        """Encoder trained for a few epochs."""
        from genexp.training.train import train_encoder

        return train_encoder(
            self.data,
            self.settings.training,
            self.settings.run,
            self.settings.registry.max_missing,
            NullTracker(),
        ).encoder

    @cached_property
    def bad_encoder(self) -> Encoder:
        """Untrained encoder of the same size: random weights, and a decoder that does not fit."""
        rng = np.random.default_rng(0)
        weight = rng.normal(size=(self.encoder.n_latent, len(self.encoder.genes))).astype(
            np.float32
        )
        return replace(
            self.encoder,
            encoder=Network((Affine(weight, np.zeros(len(weight), dtype=np.float32)),)),
        )

    @cached_property
    def evaluation(self) -> Evaluation:
        """Whole evaluation of the bad encoder."""
        return evaluate_encoder(
            self.bad_encoder, self.data, self.settings.evaluation, self.settings.run.seed
        )

    @cached_property
    def bad_inputs(self) -> EvaluationInputs:
        """Inputs and results of that evaluation."""
        inputs = build_inputs(
            self.bad_encoder, self.rows, self.data.var.index, self.settings.evaluation, 0
        )
        return replace(inputs, results=self.evaluation.results)

    def read(
        self,
        genes: list[str] | None = None,
        samples: list[str] | None = None,
        survival: pd.DataFrame | None = None,
    ) -> AnnData:
        """Write a small cohort with the given names to a file, as a user has it, and read it."""
        from genexp.cohort import read_cohort

        values = np.random.default_rng(0).uniform(1, 12, size=(40, 60)).round(3)
        samples = samples or [f"S{i}" for i in range(40)]
        table = pd.DataFrame(
            values,
            index=pd.Index(samples, name="sample_id"),
            columns=genes or [f"GENE{j}" for j in range(60)],
        )
        table.to_csv(self.folder / "spoilt.tsv", sep="\t")
        given: dict[str, str] = {"cohort": str(self.folder / "spoilt.tsv"), "rows": "samples"}
        if survival is not None:
            survival.set_axis(table.index).to_csv(self.folder / "spoilt_samples.tsv", sep="\t")
            given |= {
                "obs": str(self.folder / "spoilt_samples.tsv"),
                "time": "days",
                "event": "dead",
            }
        return read_cohort(CohortConfig(**given))

    def audit(self, **parts: tuple[np.ndarray, pd.DataFrame]) -> None:
        """Audit the split with some parts replaced; raise if there is a leak."""
        refuse_leaks(audit_split({**self.rows, **parts}, self.data, self.encoder))


Outcome = tuple[bool, str]
"""True if the guard fired, and the message of genexp."""


def examine() -> Iterator[Finding]:
    """Plant each trap in turn."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for trap, (planted, plant) in TRAPS.items():
            fired, message = plant(bench)
            yield Finding(trap, planted, " ".join(message.replace(folder, "").split()), fired)


def expect_refusal(action: Callable[[], object], fragment: str) -> Outcome:
    """Check that an action is refused with a message that contains ``fragment``."""
    try:
        action()
    except GenexpError as error:
        return fragment in str(error), str(error)
    return False, "no refusal"


# --- leaks
# ------------------------------------------------------------------------------------------------------------  # noqa: E501


def plant_leaky_scaler(bench: Bench) -> Outcome:
    """Fit the scaler on all rows; no gene is filtered out, so that only the scaler differs."""
    from genexp.preprocessing.fit import fit_genes
    from genexp.preprocessing.invariance import find_dependent

    X, adata, every_gene = (
        np.array(bench.adata.X),
        bench.adata,
        bench.settings.model_copy(update={"min_detected": 0.0}),
    )
    on_all = partial(
        fit_genes,
        var=adata.var,
        train=np.arange(len(X)),
        scale=adata.uns["scale"],
        normalise="none",
        config=every_gene,
    )
    held_out = np.flatnonzero(bench.data.split["part"].reindex(adata.obs_names) != "train")
    state = {"n_held_out": len(held_out), "changed": find_dependent(X, held_out, on_all(X), on_all)}
    leaky = replace(bench.data, report=bench.data.report | {"fitted_state": state})
    return expect_refusal(
        lambda: refuse_leaks(audit_split(bench.rows, leaky, bench.encoder)),
        "fitted values that changed",
    )


def plant_shared_patient(bench: Bench) -> Outcome:
    """Give a test sample the patient of a train sample."""
    X, obs = bench.rows["test"]
    patient = bench.rows["train"][1]["group"].iloc[0]
    return expect_refusal(
        lambda: bench.audit(test=(X, obs.assign(group=[patient, *obs["group"].iloc[1:]]))),
        "in several parts",
    )


def plant_near_duplicate(bench: Bench) -> Outcome:
    """Put a train sample with a little noise among the test samples."""
    X, obs = bench.rows["test"]
    copy = bench.rows["train"][0][:1] + np.random.default_rng(0).normal(
        scale=0.01, size=(1, X.shape[1])
    )
    planted = np.concatenate([copy, X[1:]]).astype(np.float32)
    return expect_refusal(lambda: bench.audit(test=(planted, obs)), "nearly identical")


def plant_shared_sample(bench: Bench) -> Outcome:
    """Give a test sample the id of a train sample."""
    X, obs = bench.rows["test"]
    named = obs.set_axis([bench.rows["train"][1].index[0], *obs.index[1:]])
    return expect_refusal(lambda: bench.audit(test=(X, named)), "sample ids that occur twice")


def plant_second_split(bench: Bench) -> Outcome:
    """Draw the split again from the same samples in another order."""
    from genexp.preprocessing.split import draw_split, hash_split

    obs, settings = bench.adata.obs, bench.settings
    again = hash_split(
        draw_split(
            obs.sample(frac=1, random_state=1), settings.preprocessing.split, settings.run.seed
        )
    )
    return again == bench.data.split_hash, f"split {again}; before {bench.data.split_hash}"


def plant_early_look(bench: Bench) -> Outcome:
    """Read test rows as training reads its own, then as an evaluation does."""
    refused, message = expect_refusal(lambda: bench.data.matrix("test"), "counts the access")  # type: ignore[arg-type]
    before = bench.data.n_accesses
    bench.data.access_test()
    return (
        refused and bench.data.n_accesses == before + 1,
        f"{message}; counted accesses: {before}, then {bench.data.n_accesses}",
    )


def plant_label_in_batch(bench: Bench) -> Outcome:
    """Put every label into a batch of its own, and correct the batches by ComBat."""
    from genexp.preprocessing.pipeline import preprocess_anndata

    adata = bench.adata.copy()
    adata.obs["batch"] = adata.obs["label"].astype(object).fillna("none")
    settings = bench.settings.model_copy(update={"batch": "batch", "correction": "combat"})
    return expect_refusal(
        lambda: preprocess_anndata(adata, settings, bench.folder / "confounded"),
        "batch and label determine each other",
    )


# --- cohorts
# ----------------------------------------------------------------------------------------------------------  # noqa: E501


def plant_repeated_sample(bench: Bench) -> Outcome:
    """Give two samples of a file the same name."""
    return expect_refusal(
        lambda: bench.read(samples=["S1", "S1", *(f"S{i}" for i in range(2, 40))]),
        "duplicated sample ids",
    )


def plant_odd_symbols(bench: Bench) -> Outcome:
    """Name two genes ``?``, and give two others the same symbol."""
    names = [
        "?|100130426",
        "?|100133144",
        "SLC35E2|9906",
        "SLC35E2|728661",
        *(f"GENE{j}|{j}" for j in range(56)),
    ]
    report = bench.read(genes=names).uns["report"]
    message = (
        f"{report['n_question_mark']} genes named ?, names that occur twice: "
        f"{', '.join(report['duplicated'])}"
    )
    return report["n_question_mark"] == 2 and "SLC35E2" in report["duplicated"], message


def plant_timeless_event(bench: Bench) -> Outcome:
    """Record a death without a time."""
    survival = pd.DataFrame({"days": [np.nan, *range(1, 40)], "dead": [1, 0] * 20})
    return expect_refusal(lambda: bench.read(survival=survival), "samples with an event")


def plant_zero_time(bench: Bench) -> Outcome:
    """Record a follow-up of 0 days."""
    report = bench.read(survival=pd.DataFrame({"days": range(40), "dead": [1, 0] * 20})).uns[
        "report"
    ]
    message = (
        f"{report['n_survival_time_zero']} sample with 0 days of follow-up counted and excluded, "
        f"{report['n_survival']} of 40 used"
    )
    return report["n_survival_time_zero"] == 1 and report["n_survival"] == 39, message


# --- evaluation
# -------------------------------------------------------------------------------------------------------  # noqa: E501


def plant_bad_encoder(bench: Bench) -> Outcome:
    """Evaluate an untrained encoder."""
    tags = bench.evaluation.tags
    return "reconstruction" in tags.get(
        "worse_than_pca", ""
    ), f"{tags['verdict']}; tag worse_than_pca={tags.get('worse_than_pca', '')}"


def plant_one_seed(bench: Bench) -> Outcome:
    """Evaluate a single training."""
    lines = [
        line for line in describe_evaluation(bench.evaluation).splitlines() if "One seed" in line
    ]
    return bool(lines), " ".join(lines).removeprefix("- ")


def plant_imbalance(bench: Bench) -> Outcome:
    """Predict the label of 95 % of the samples for all samples."""
    truth = np.array(["common"] * 95 + ["rare"] * 5)
    predicted = np.full(100, "common")
    macro_f1 = float(bootstrap_macro_f1(truth, predicted, np.ones((1, 100)))[0])
    rows = bench.evaluation.comparison.rows
    quantity = "".join(rows.loc[rows["task"] == "probe", "quantity"].unique())
    message = (
        f"accuracy {np.mean(truth == predicted):.2f}, macro F1 {macro_f1:.2f}; the verdict on "
        f"labels uses {quantity}"
    )
    return macro_f1 < 0.5 and quantity == "macro F1", message


def plant_permuted_label(bench: Bench) -> Outcome:
    """Shuffle the labels of the train samples."""
    train, _, test = rescore_encoder(bench.encoder, bench.bad_inputs, []).all_parts
    rng, scores = np.random.default_rng(0), []
    for shuffled in [False] + [True] * N_PERMUTATIONS:
        labels = train.obs["label"].to_numpy()[
            rng.permutation(len(train.obs)) if shuffled else slice(None)
        ]
        probe = evaluate_probe(replace(train, obs=train.obs.assign(label=labels)), test, 0)
        scores.append(
            float(probe.scores.loc["encoder", "balanced_accuracy"])
            if isinstance(probe, Probe)
            else np.nan
        )
    chance = 1 / test.obs["label"].nunique()
    mean, error = np.mean(scores[1:]), np.std(scores[1:], ddof=1) / N_PERMUTATIONS**0.5
    message = (
        f"balanced accuracy {mean:.2f} (standard error {error:.2f}), chance {chance:.2f}; with "
        f"the true labels {scores[0]:.2f}"
    )
    return bool(abs(mean - chance) < 2 * error and scores[0] > mean + 5 * error), message


def plant_outcomes_in_clusters(bench: Bench) -> Outcome:
    """Move every label and outcome to another sample before clustering."""
    parts = rescore_encoder(bench.encoder, bench.bad_inputs, []).all_parts
    moved = [
        replace(part, obs=part.obs.set_axis(part.obs.index).apply(np.roll, shift=7))
        for part in parts
    ]
    before, after = (
        evaluate_clusters(part_latents, bench.settings.evaluation.max_clusters, 0)
        for part_latents in (parts, moved)
    )
    same = before.k == after.k and bool(
        (before.assignments.to_numpy() == after.assignments.to_numpy()).all()
    )
    return (
        same,
        (
            f"k={before.k} and k={after.k}, {'the same' if same else 'different'} clusters: k "
            "depends on the silhouette of train latents alone"
        ),
    )


def plant_embedding(bench: Bench) -> Outcome:
    """Compute the silhouette of the clusters on the t-SNE embedding."""
    from sklearn.metrics import silhouette_score

    evaluation = bench.evaluation
    coordinates = evaluation.results.require(Embeddings).coordinates
    on_test = coordinates[coordinates["part"] == "test"]
    of_latents = silhouette_score(evaluation.latents.loc[on_test.index], on_test["cluster"])
    of_embedding = silhouette_score(on_test[["tsne_1", "tsne_2"]], on_test["cluster"])
    logged = evaluation.metrics["cluster/silhouette"]
    message = (
        f"logged silhouette {logged:.3f}; on the latents {of_latents:.3f}, on the embedding "
        f"{of_embedding:.3f}"
    )
    return bool(np.isclose(logged, of_latents) and not np.isclose(logged, of_embedding)), message


def plant_unstable_genes(bench: Bench) -> Outcome:
    """Attribute label and risk to genes by two encoders with different weights."""
    method = METHODS[bench.settings.evaluation.attribution]
    both = (bench.bad_inputs, rescore_encoder(bench.encoder, bench.bad_inputs, TASKS))
    stability = compare_attributions([attribute_predictions(inputs, method) for inputs in both])
    rho, delta = (
        stability["rho_seeds"].median(),
        bench.evaluation.metrics["attribution/completeness_delta"],
    )
    message = (
        f"rank correlation of genes {rho:.2f}, shared top genes "
        f"{stability['top_seeds'].median():.0%}; completeness delta {delta:.2g}"
    )
    return bool(rho < UNSTABLE and np.isfinite(delta)), message


TRAPS: dict[str, tuple[str, Callable[[Bench], Outcome]]] = {
    "a scaler that saw test samples": ("a scaler fitted on all samples", plant_leaky_scaler),
    "a patient in train and test": ("a test sample of a train patient", plant_shared_patient),
    "near-duplicate samples in train and test": (
        "a train sample with 1 % noise among the test samples",
        plant_near_duplicate,
    ),
    "a sample in train and test": (
        "a test sample with the id of a train sample",
        plant_shared_sample,
    ),
    "a new split for every trial": ("the split drawn again from shuffled rows", plant_second_split),
    "batches confounded with the label": (
        "every label in a batch of its own, corrected by ComBat",
        plant_label_in_batch,
    ),
    "test samples read in training": (
        "test samples read as training reads its own, then by an evaluation",
        plant_early_look,
    ),
    "a sample id that occurs twice": ("two samples S1 in the file", plant_repeated_sample),
    "ambiguous gene symbols": ("two genes ?, two genes SLC35E2", plant_odd_symbols),
    "an event without a time": ("a death without a time", plant_timeless_event),
    "a survival time of 0": ("a death at day 0", plant_zero_time),
    "an encoder worse than PCA, unreported": ("random weights", plant_bad_encoder),
    "intervals of a single seed": ("a single training", plant_one_seed),
    "imbalance hidden by accuracy": ("the common class predicted for all samples", plant_imbalance),
    "a label that cannot be predicted": (
        f"labels of train samples shuffled, {N_PERMUTATIONS} times",
        plant_permuted_label,
    ),
    "clusters chosen by the outcome": (
        "every label and survival time moved to another sample",
        plant_outcomes_in_clusters,
    ),
    "scores computed on an embedding": ("clusters scored on t-SNE", plant_embedding),
    "attribution read as mechanism": (
        "two encoders with different weights attributed",
        plant_unstable_genes,
    ),
}
"""Traps by name: description of the planted mistake, and the function that plants it."""
