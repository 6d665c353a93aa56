"""What an evaluation finds: plain tables that figures, report and tracker read and nobody changes.

A *representation* is the encoder (``"encoder"``), a baseline with as many components on the same rows (``"pca"``, ``"nmf"``,
``"random"``: a random projection) or the genes themselves (``"raw"``).
Tables called ``scores`` have one row per representation (index ``representation``). A *sample table* has the index ``sample_id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from genexp.evaluation.batch_effects import BatchEffects
    from genexp.evaluation.cluster_methods import ClusterMethods
    from genexp.evaluation.novelty import Novelty
    from genexp.evaluation.terms import Terms
    from genexp.explain.deletion import Deletion
    from genexp.explain.explanation import Explanation
    from genexp.survival.prognosis import Prognosis
    from genexp.verdict.heads import JudgedHeads
    from genexp.verdict.seeds import Seeds

ENCODER = "encoder"
"""Name of the encoder among the representations."""
RAW = "raw"
"""Name of the genes themselves among the representations: as many columns as directions of the train samples, and no way back."""
DISPLAY = {ENCODER: "encoder", "pca": "PCA", "nmf": "NMF", "random": "random projection", RAW: "raw genes"}
"""Names of the representations as they are printed."""


@dataclass(frozen=True)
class PartLatents:
    """Latents of one part of the split; reconstructions are not kept.

    Parameters
    ----------
    part : {"train", "val", "test"}
        Which part.
    obs : DataFrame, (n_samples, ...)
        Sample table of the annotations, in the order of the rows of every array here.
    z : mapping of str to ndarray of float64, (n_samples, n_latent)
        Latents by representation.
    """

    part: str
    obs: pd.DataFrame
    z: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Audit:
    """What was looked at between the parts of the split before anything was judged.

    Parameters
    ----------
    checks : DataFrame, (n_checks, 2)
        Index ``check``; ``outcome`` (``pass``, ``fail``, ``not checked``) and ``found``, which names the samples of a leak.
    """

    checks: pd.DataFrame

    @property
    def leakage(self) -> str:
        """``fail`` where a check failed; ``pass`` where none did and patients are known or near-duplicates were looked for.

        Else what is not known.
        """
        outcome = self.checks["outcome"]
        if (outcome == "fail").any():
            return "fail"
        if "pass" in (outcome.get("groups"), outcome.get("near-duplicates")):
            return "pass"
        return "not known: whether samples of one patient are in several parts"

    @property
    def reasons(self) -> str:
        """What the failed checks found; empty where none failed."""
        return "; ".join(self.checks.loc[self.checks["outcome"] == "fail", "found"])


@dataclass(frozen=True)
class Reconstruction:
    """How well test samples are rebuilt from their latents, in scaled gene space.

    R2 is 1 - sum (x - x_hat)^2 / sum (x - mean over train samples)^2, over all values or over those of one gene.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 2)
        Columns ``mse`` (mean over samples and genes) and ``r2``.
    genes : DataFrame, (n_genes, 3 + n_baselines)
        Index gene name, matrix order; columns ``mse``, ``variance`` (mean squared distance from the train mean),
        ``r2``, ``r2_pca``; R2 is NaN where a gene has no variance on the test samples.
    samples : DataFrame, (n_test, 1 + n_representations)
        Sample table of the test samples: ``total`` (sum over genes of the squared distance from the train mean), and
        for each representation the sum over genes of squared errors (``encoder``, ``pca``, ``nmf``, ``random``).
    """

    scores: pd.DataFrame
    genes: pd.DataFrame
    samples: pd.DataFrame

    def worst_genes(self, n: int = 20) -> pd.DataFrame:
        """Rows of ``genes`` with the lowest R2, worst first."""
        return self.genes.sort_values("r2", na_position="last", kind="stable").head(n)


@dataclass(frozen=True)
class Embeddings:
    """Pictures of the latent in two dimensions, fitted on train samples; the others are placed into them.

    Parameters
    ----------
    coordinates : DataFrame, (n_samples, 9)
        Sample table of all samples (train, val, test in this order): ``part``; ``label`` (categorical, NaN where unlabelled
        or where the cohort has no label); ``cluster`` (int, 1..k); ``tsne_1``, ``tsne_2``, ``umap_1``, ``umap_2``,
        ``pca_1``, ``pca_2`` (float).
    explained_variance : ndarray of float64, (2,)
        Shares of the latent's variance over train samples along ``pca_1`` and ``pca_2``.
    perplexity : float
        Perplexity of t-SNE after clipping to (n_train - 1) / 3.
    faithfulness : DataFrame, (3, 4)
        How far each picture can be believed, from :func:`genexp.evaluation.faithfulness.measure_faithfulness`.
    """

    coordinates: pd.DataFrame
    explained_variance: np.ndarray
    perplexity: float
    faithfulness: pd.DataFrame


@dataclass(frozen=True)
class Clustering:
    """k-means on the latent: k and centres from train samples without labels, judged on test samples.

    Parameters
    ----------
    k : int
        Number of clusters of the encoder's latents.
    choice : DataFrame, (n_tried, n_representations)
        Silhouette over train samples by number of clusters (index ``k``); the largest one wins.
    assignments : Series of int, (n_samples,)
        Cluster 1..k of every sample by the encoder's latents; 1 is the largest on train samples. Index ``sample_id``.
    scores : DataFrame, (n_representations, 4 or 6)
        On test samples: ``k``, ``silhouette``, ``calinski_harabasz``, ``davies_bouldin``, and where there is a label
        ``ari`` and ``nmi`` on labelled test samples. NaN where the test samples fall into one cluster.
    sizes : DataFrame, (k, 3)
        Samples per cluster (index ``cluster``) in ``train``, ``val``, ``test``.
    contingency : DataFrame or None, (n_classes, k)
        Labelled test samples by label (rows) and cluster (columns 1..k); None without a label.
    samples : DataFrame, (n_test, 2 * n_representations)
        Sample table of the test samples: ``cluster_encoder``, ``silhouette_encoder`` (of these clusters among the genes: the space that all
        representations share), and the same for each baseline.
    """

    k: int
    choice: pd.DataFrame
    assignments: pd.Series
    scores: pd.DataFrame
    sizes: pd.DataFrame
    contingency: pd.DataFrame | None
    samples: pd.DataFrame


@dataclass(frozen=True)
class Probe:
    """A logistic regression from latents to the label: trained on labelled train samples, judged on labelled test samples.

    Parameters
    ----------
    classes : tuple of str, (n_classes,)
        The classes of the probe and of the test samples, sorted.
    scores : DataFrame, (n_representations, 4)
        ``macro_f1`` and ``balanced_accuracy`` over the classes present on test samples, ``accuracy``, and ``C``, the inverse penalty
        chosen by grouped cross-validation on train samples.
    per_class : DataFrame, (n_classes, 5 + n_baselines)
        Index ``class``: ``n_train``, ``n_test``, ``precision``, ``recall``, ``f1`` of the encoder, ``f1_pca``; NaN where a class has no
        test samples.
    confusion : DataFrame of int, (n_classes, n_classes)
        Test samples by true class (rows) and predicted class (columns), by the encoder's latents.
    predictions : DataFrame, (n_labelled_test, 1 + n_representations)
        Sample table: ``truth``, ``encoder``, ``pca`` (the predicted classes).
    weights : DataFrame, (n_classes, n_latent)
        Weight of each of the encoder's latents in a class's logit, minus the mean of the logits of all classes.
    """

    classes: tuple[str, ...]
    scores: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    predictions: pd.DataFrame
    weights: pd.DataFrame


@dataclass(frozen=True)
class Survival:
    """Cox regression on latents, trained on train patients and judged on test patients; Kaplan-Meier by cluster.

    Parameters
    ----------
    scores : DataFrame, (n_representations, 5)
        On test patients ``c_index`` (Harrell's), ``ipcw_c_index`` (Uno's), ``integrated_brier`` and ``auc`` (mean over its times); and
        ``penalty`` (ridge, chosen by cross-validation on train patients).
    quality : DataFrame
        The same scores with intervals and times, from :func:`genexp.survival.scores.score_risks`.
    cox : DataFrame, (n_latent, 6)
        Index ``latent`` (``latent_00`` ...): ``hazard_ratio``, ``low``, ``high`` (95 %), ``p``: of one train standard deviation of this
        latent alone, unpenalised, train patients; ``q``: Benjamini-Hochberg; ``joint_hazard_ratio``: by the penalised regression on all.
    kaplan_meier : DataFrame, (n_steps, 7)
        Test patients, steps of each cluster's curve in order of time, the first at day 0: ``cluster`` (int), ``time_days``, ``survival``,
        ``low``, ``high`` (95 %), ``at_risk`` (just before this time), ``events`` (at this time).
    log_rank_p : float
        Log-rank test over the clusters, test patients; NaN when they fall into one cluster.
    patients : DataFrame, (n_train + n_test patients, 5 + n_representations)
        Sample table of the samples used, one per patient: ``part``, ``group``, ``time_days``, ``event`` (bool), ``cluster`` (int), and by
        representation ``risk_encoder``, ``risk_pca`` (log relative hazard, higher = worse).
    left_out : mapping of str to int
        Samples of train and test that were not used, by reason.
    """

    scores: pd.DataFrame
    quality: pd.DataFrame
    cox: pd.DataFrame
    kaplan_meier: pd.DataFrame
    log_rank_p: float
    patients: pd.DataFrame
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Verdict:
    """The encoder beside the baselines, task by task.

    Parameters
    ----------
    rows : DataFrame, (up to n_tasks * n_baselines, 12)
        Columns ``task`` (reconstruction, clustering, probe, terms, survival), ``quantity`` (``R2``, ``macro F1``, ...), ``baseline``
        (``PCA``, ``NMF``, ``random projection``, and but for reconstruction ``raw genes``),
        ``encoder`` with ``encoder_low``, ``encoder_high``; ``baseline_score``; ``difference`` (encoder - baseline) with ``low``, ``high``;
        ``outcome`` (``above PCA``, ``below PCA``, ``no difference``, ``undefined``) and ``sentence``. Intervals are of 95 % (paired
        bootstrap over the groups of the test samples and, where there are several, the seeds of the training).
    line : str
        The verdict against PCA in one line, with the tasks that have none and why.
    withheld : frozenset of str
        Tasks whose test samples or events are too few for a verdict: they have no row.
    """

    rows: pd.DataFrame
    line: str
    withheld: frozenset[str] = frozenset()

    @property
    def below_pca(self) -> list[str]:
        """Tasks in which the encoder is below PCA."""
        return self.rows.loc[self.rows["outcome"] == f"below {DISPLAY['pca']}", "task"].tolist()


@dataclass(frozen=True)
class Evaluation:
    """All that one look at the test samples gave.

    Parameters
    ----------
    metrics : mapping of str to float
        Quantity first: ``r2/test``, ``r2/test_pca``, ``cluster/silhouette``, ``survival/c_index`` ...
    audit : Audit
        What was looked at before; no check failed.
    reconstruction, embeddings, clustering : Reconstruction, Embeddings, Clustering
        Always there.
    methods : ClusterMethods
        Other ways to cluster the encoder's latents, stability, and annotations that go with the clusters.
    probe : Probe or None
        None where the cohort has no usable label; ``notes`` says why.
    survival : Survival or None
        None where the cohort has no survival or too little of it; ``notes`` says why.
    prognosis : Prognosis or None
        How far the risk score can be trusted; None without survival.
    novelty : Novelty or None
        None where there are too few validation samples; ``notes`` says so.
    comparison : Verdict
        The encoder beside the baselines.
    explanation : Explanation
        Genes and gene sets behind latents, label and risk.
    latents : DataFrame of float64, (n_samples, n_latent)
        Latents of all samples, in the order of ``embeddings.coordinates``.
    summary : mapping
        What the report's header says: ``cohort``, ``scale``, ``fingerprint``, ``split_hash``, ``n_genes``, ``n_latent``, ``n_train``,
        ``n_val``, ``n_test``, ``test_openings``, ``seed``, ``perplexity``, ``max_clusters``, ``versions`` (mapping package -> version),
        ``card`` (mapping, of the encoder).
    notes : tuple of str
        What was left out, and why; one sentence each.
    seeds : Seeds or None
        The same configuration trained with several seeds; None where there is one.
    batch_effects : BatchEffects or None
        What is left of the studies; None where the cohort has none, or too few test samples of them.
    heads : JudgedHeads or None
        What the encoder's own heads predict; None where it has none.
    terms : Terms or None
        Terms predicted from the latents; None where none were given, or none is frequent enough.
    deletion : Deletion or None
        Whether the genes behind the terms are those that the predictions need; None without terms.
    """

    metrics: Mapping[str, float]
    audit: Audit
    reconstruction: Reconstruction
    embeddings: Embeddings
    clustering: Clustering
    methods: ClusterMethods
    probe: Probe | None
    survival: Survival | None
    prognosis: Prognosis | None
    novelty: Novelty | None
    comparison: Verdict
    explanation: Explanation
    latents: pd.DataFrame
    summary: Mapping[str, Any]
    notes: tuple[str, ...]
    seeds: Seeds | None = None
    batch_effects: BatchEffects | None = None
    heads: JudgedHeads | None = None
    terms: Terms | None = None
    deletion: Deletion | None = None

    @property
    def verdict(self) -> str:
        """The verdict in one line."""
        return self.comparison.line

    @property
    def tags(self) -> dict[str, str]:
        """What a run and a registered version say of it: ``verdict``, ``leakage`` and, where there is such a task, ``below_pca``."""
        below = {"below_pca": ",".join(self.comparison.below_pca)} if self.comparison.below_pca else {}
        return {"verdict": self.verdict, "leakage": self.audit.leakage, **below}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables for download, by name."""
        tables = {
            "verdict": self.comparison.rows.set_index("task"),
            "audit": self.audit.checks,
            "reconstruction_genes": self.reconstruction.genes,
            "reconstruction_samples": self.reconstruction.samples,
            "cluster_choice": self.clustering.choice,
            "cluster_scores": self.clustering.scores,
            "cluster_sizes": self.clustering.sizes,
            "embeddings": self.embeddings.coordinates,
            "latent": self.latents,
            "picture_faithfulness": self.embeddings.faithfulness,
            **self.methods.tables,
        }
        if self.clustering.contingency is not None:
            tables["cluster_contingency"] = self.clustering.contingency
        if self.probe is not None:
            tables |= {"probe_scores": self.probe.scores, "probe_per_class": self.probe.per_class}
            tables |= {"probe_confusion": self.probe.confusion, "probe_predictions": self.probe.predictions}
        if self.survival is not None:
            tables |= {"survival_scores": self.survival.scores, "cox": self.survival.cox}
            tables |= {"survival_quality": self.survival.quality.set_index("representation")}
            tables |= {"kaplan_meier": self.survival.kaplan_meier.set_index("cluster"), "survival_patients": self.survival.patients}
        if self.prognosis is not None:
            tables |= self.prognosis.tables
        if self.novelty is not None:
            tables["novelty"] = self.novelty.samples
        if self.batch_effects is not None:
            tables |= self.batch_effects.tables
        if self.heads is not None:
            tables |= self.heads.tables
        if self.terms is not None:
            tables |= self.terms.tables
        if self.deletion is not None:
            tables |= self.deletion.tables
        return tables | self.explanation.tables | (self.seeds.tables if self.seeds is not None else {})
