"""The one place where a parameter's name, default, range and meaning stand.

Each section is a frozen pydantic model; a verb's settings are the union of its sections, flat, so that
``-P n_latent=32``, ``--n-latent 32`` and ``TrainSettings(n_latent=32).n_latent`` are the same thing. Because the
union *is* each of its sections, a room takes its own section as argument and never sees the rest.
MLproject is rendered from here (:mod:`genexp.settings.mlproject`), and a test fails when it differs.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from genexp.errors import ConfigError
from genexp.model.kinds import KINDS
from genexp.settings.naming import (
    check_alias,
    check_encoder_name,
    check_experiment_name,
    check_model_name,
    check_run_name,
    check_study_name,
    ends_in,
)
from genexp.settings.section import (
    OptionalCount,
    OptionalNumber,
    Range,
    Section,
    check_shares,
    format_value,
    make_searchable,
    split_list,
    split_widths,
    within,
)

KIND_PARAMETERS = tuple(kind.Parameters for kind in KINDS.values() if "Parameters" in vars(kind))
"""Sections of the parameters that kinds have of their own."""
KIND_MEANING = f"kind of autoencoder ({', '.join(KINDS)}); tune searches over several, and over a kind's own numbers given as low..high"
if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(KINDS)]
OBJECTIVES = ("loss/val", "r2/val_gain", "probe/macro_f1_val", "survival/c_index_val", "cluster/ari_val")
"""What trials can be scored by: the loss; R2 minus PCA's of the same size; macro F1 of a probe, C-index of a Cox regression and
adjusted Rand index of clusters, all fitted on train samples."""
if TYPE_CHECKING:
    ObjectiveName = str
else:
    ObjectiveName = Literal[OBJECTIVES]
Scale = Literal["counts", "tpm", "norm_count", "log2_norm_count", "log2_tpm", "log2_intensity", "log2fc", "zscore", "zero_one"]


class SourceConfig(Section):
    """Which cohort, and how to read it."""

    cohort: str = Field(
        "simulated",
        description="file or folder of expression values (formats: docs/formats.md), or s3:// address; simulated, simulated_cells, "
        "simulated_compendium[:NxGENES]",
    )
    obs: str = Field("", description="annotation table, joined by sample id; empty: what the cohort's own file holds")
    layer: str = Field("", description="layer of an AnnData file that holds the values; empty: X")
    rows: Literal["auto", "samples", "genes"] = Field(
        "auto", description="what the rows of the matrix are; auto: by names, headings and annotations"
    )
    scale: Literal["auto", Scale, "ln_norm_count"] = Field(
        "auto",
        description="value scale of the matrix; auto: inferred from the values; ln_norm_count: natural logarithms, which become log2",
    )
    where: str = Field("", description="query on the annotations that names the samples to keep, e.g. sample_type == 'tumor'")
    sample_id: str = Field("", description="column of obs with the sample ids; empty: the column that matches the matrix best")
    unmatched: Literal["refuse", "drop"] = Field("refuse", description="what becomes of samples without a row in obs")
    missing_words: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (), description="further words for missing values in annotations, beside NA, [Not Available], Not Reported ... (docs/formats.md)"
    )
    metadata: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description="columns (or rows) of the matrix that are annotations, not genes; none: every numeric one is a gene; empty: by name",
    )
    date_genes: Literal["ask", "keep", "repair"] = Field(
        "ask", description="gene names that Excel turned into dates (1-Mar): ask, keep them, or repair them to MARCHF1, SEPTIN2 ..."
    )
    s3_endpoint: str = Field("", description="address of an S3-compatible store for s3:// cohorts; empty: AWS")


class CohortConfig(SourceConfig):
    """A cohort to learn from."""

    duplicates: Literal["max_variance", "mean", "first", "refuse"] = Field(
        "max_variance", description="what to do with genes of the same name"
    )
    missing: Literal["refuse", "drop_gene", "impute_mean"] = Field(
        "refuse", description="what to do with missing values; impute_mean: the gene's mean over train samples"
    )
    group: str = Field(
        "",
        description="column of annotations whose values stay on one side of the split; empty: the patient, by a column or by TCGA, TARGET, "
        "GTEx and CPTAC barcodes; none: each sample alone",
    )
    order: str = Field(
        "",
        description="column of obs with the order of a group's samples: numbers, dates or texts that sort; for kinds that read sequences",
    )
    label: str = Field(
        "", description="column of obs with the label that stratifies, colours and is probed; unlabelled samples serve training only"
    )
    study: str = Field("", description="column of obs with the study, platform or laboratory of every sample; empty: not told")
    time: str = Field("", description="column of obs with the survival time")
    event: str = Field("", description="column of obs with the event (1, true, dead ...: seen)")
    event_value: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (), description="values of event that mean that it was seen; empty: the usual words"
    )
    time_unit: Literal["auto", "days", "weeks", "months", "years"] = Field(
        "auto", description="unit of the survival time; auto: by the column's name and values"
    )
    zero_time: Literal["drop", "half_day"] = Field("drop", description="what a follow-up of 0 days is: no known survival, or half a day")


class PreprocessConfig(Section):
    """What is fitted on the train samples before any encoder sees them."""

    split: Annotated[str, AfterValidator(check_shares)] = Field(
        "70/15/15", description="shares of train/val/test; two shares are development/test, with 15 % of development for validation"
    )
    normalise: Literal["auto", "none", "log2_cpm", "log2_median", "log2"] = Field(
        "auto",
        description="log2_cpm: log2(counts per million + 1); log2_median: the same at the median library of train samples, for libraries "
        "far below a million, as of single cells; auto: log2_cpm for counts, none otherwise",
    )
    clip: OptionalNumber = Field(None, gt=0, description="values beyond +-clip are set to it before scaling (heavy tails); none: off")
    min_detected: float = Field(
        0.1, ge=0, le=1, description="a gene stays when at least this share of train samples is above the floor of the scale"
    )
    min_variance: float = Field(0.0, ge=0, description="a gene stays when its variance over train samples is above this")
    n_top_genes: OptionalCount = Field(
        None, ge=2, description="keep the genes of largest median absolute deviation over train samples; none: all"
    )
    min_sample_detected: float = Field(
        0.05, ge=0, le=1, description="a sample stays when at least this share of genes is above the floor of the scale"
    )
    correction: Literal["none", "zscore", "combat"] = Field(
        "none",
        description="brings studies to one mean and spread per gene before scaling, by train samples, blind to the label: zscore takes "
        "each study's own, combat shrinks them over genes",
    )
    combat_prior: Literal["parametric", "nonparametric"] = Field(
        "parametric", description="what ComBat shrinks by: normal and inverse gamma priors, or the genes themselves (slower)"
    )
    reference_study: str = Field("", description="study that stays as it is while others are brought to it; empty: to the mean of all")
    unseen_study: Literal["refuse", "estimate"] = Field(
        "refuse", description="what becomes of a study without train samples; estimate: from its own samples, two or more"
    )
    scaling: Literal["zscore", "minmax", "none"] = Field("zscore", description="per-gene scaling, fitted on train samples")

    @model_validator(mode="after")
    def _check_reference(self) -> PreprocessConfig:
        if self.reference_study and self.correction == "none":
            raise ValueError(f"reference_study={self.reference_study} corrects nothing; add correction=combat or correction=zscore")
        return self


class NetworkConfig(Section):
    """The kind and the shape of the autoencoder."""

    kind: KindName = Field("deep", description=KIND_MEANING)
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=65536)], ...], BeforeValidator(split_widths)] = Field(
        (2048, 512), description="widths of the encoder's hidden layers, mirrored in the decoder; halving:1024x3 is 1024,512,256"
    )
    n_latent: int = Field(32, ge=1, le=4096, description="latent dimensions")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout after each hidden layer")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="learning rate of AdamW at the start")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="decoupled weight decay of AdamW")
    head_weight: float = Field(0.1, ge=0, description="weight of each head's loss, beside the squared error per gene")


class ModelConfig(NetworkConfig, *KIND_PARAMETERS):  # type: ignore[misc]
    """The network, with the parameters of every kind."""


class TrainingConfig(Section):
    """How the encoder is trained."""

    basis: Literal["auto", "genes", "span"] = Field(
        "auto", description="coordinates of training: genes, or the span of the train samples (exact under squared error)"
    )
    anchor: Literal["pca", "none"] = Field(
        "pca", description="pca: a linear path that starts at PCA runs beside the network; none: network alone"
    )
    output: Literal["linear", "sigmoid", "softplus"] = Field(
        "linear",
        description="activation of rebuilt genes; sigmoid needs values in 0..1 (scaling=minmax), softplus none below 0; others than linear "
        "are trained in genes, without anchor",
    )
    reconstruction: Literal["squared_error", "cross_entropy"] = Field(
        "squared_error", description="loss of rebuilt genes, per gene; cross_entropy needs output=sigmoid"
    )
    heads: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (), description="what latents learn to predict beside reconstruction: label, survival, other columns of obs"
    )
    batch_norm: bool = Field(True, description="batch normalisation in hidden layers")
    epochs: int = Field(200, ge=1, le=100000, description="epochs at most")
    minibatch: int = Field(256, ge=2, description="training samples in a step")
    patience: int = Field(10, ge=1, description="epochs without a better validation loss before training stops")
    lr_patience: int = Field(5, ge=0, description="epochs without a better validation loss before the learning rate falls")
    lr_factor: float = Field(0.5, gt=0, lt=1, description="factor by which the learning rate falls")
    lr_min: float = Field(0.0, ge=0, description="learning rate at which it falls no further")
    min_delta: float = Field(1e-5, ge=0, lt=1, description="relative fall of the validation loss that counts as better")
    schedule: Literal["plateau", "cosine", "constant"] = Field(
        "plateau",
        description="how the learning rate falls: when the validation loss does not, along a cosine over the epochs, or not at all",
    )
    clip_gradient: OptionalNumber = Field(None, gt=0, description="largest norm of the gradient of a step; none: no limit")
    l1: float = Field(0.0, ge=0, description="L1 penalty on the encoder's first weights, per input; training is in genes then")
    class_weights: Literal["balanced", "none"] = Field(
        "balanced", description="balanced: classes of a head weigh the same whatever their size"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train; auto: cuda when there is one")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="arithmetic of the training step; bfloat16 needs a GPU")
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        "auto", description="threads of a training process; auto: chosen by a short measurement"
    )

    @model_validator(mode="after")
    def _check_reconstruction(self) -> TrainingConfig:
        if self.reconstruction == "cross_entropy" and self.output != "sigmoid":
            raise ValueError(f"reconstruction=cross_entropy: output=sigmoid was expected, found output={self.output}; add output=sigmoid")
        return self


class TransferConfig(Section):
    """An encoder to start from."""

    init: Annotated[str, AfterValidator(check_encoder_name)] = Field(
        "", description="registered encoder to start from, NAME@alias or NAME/version, genes by name; its shape holds then; empty: none"
    )
    freeze: int = Field(0, ge=0, description="layers of that encoder, from the genes on, that do not learn")


class ReplicationConfig(Section):
    """How often the chosen configuration is trained."""

    seeds: int = Field(
        1,
        ge=1,
        le=100,
        description="trainings of the chosen configuration on the same split, with seed, seed+1, ...; the best on validation is registered",
    )
    ensemble: bool = Field(False, description="register the mean of all seeds' latents, turned onto each other, as one encoder")

    @model_validator(mode="after")
    def _check_ensemble(self) -> ReplicationConfig:
        if self.ensemble and self.seeds < 2:
            raise ValueError("ensemble=true needs two seeds or more; add seeds=5")
        return self


class ShapeSpace(Section):
    """The leaves of every kind that ``tune`` searches: ``low..high`` searches, a single value holds."""

    kind: Annotated[tuple[KindName, ...], BeforeValidator(split_list), Field(min_length=1)] = Field(("deep",), description=KIND_MEANING)
    n_layers: Annotated[Range, within(0, 10, whole=True)] = Field("1..3", description="hidden layers of the encoder")  # type: ignore[assignment]
    n_hidden: Annotated[Range, within(1, 65536, whole=True)] = Field(
        "128..1024", description="width of the first hidden layer (log scale); each further one is half as wide"
    )  # type: ignore[assignment]
    n_latent: Annotated[Range, within(1, 4096, whole=True)] = Field("8..64", description="latent dimensions (log scale)")  # type: ignore[assignment]
    dropout: Annotated[Range, within(0, 0.95)] = Field("0..0.5", description="dropout after each hidden layer")  # type: ignore[assignment]
    learning_rate: Annotated[Range, within(1e-8, 1)] = Field("0.001", description="learning rate of AdamW at the start (log scale)")  # type: ignore[assignment]
    weight_decay: Annotated[Range, within(0, 1)] = Field("0.0001", description="decoupled weight decay of AdamW (log scale)")  # type: ignore[assignment]
    head_weight: Annotated[Range, within(0, 1e6)] = Field(  # type: ignore[assignment]
        "0.1", description="weight of each head's loss, beside the squared error per gene"
    )


class SearchSpace(ShapeSpace, *(make_searchable(section) for section in KIND_PARAMETERS)):  # type: ignore[misc]
    """The whole space: parameters of one kind act in trials of that kind only."""


class TuningConfig(Section):
    """How the space is searched."""

    n_trials: int = Field(20, ge=1, description="trials of the study, those of a resumed study included")
    objective: Annotated[tuple[ObjectiveName, ...], BeforeValidator(split_list), Field(min_length=1)] = Field(
        ("loss/val",), description=f"what a trial is scored by, on validation samples; one or several of {', '.join(OBJECTIVES)}"
    )
    sampler: Literal["tpe", "random", "grid"] = Field(
        "tpe", description="tpe learns from earlier rounds; random does not; grid tries both ends and the middle of every range"
    )
    selection: Literal["one_se", "best"] = Field(
        "one_se", description="one_se: the smallest latent within one standard error of the best trial; best: the best trial"
    )
    study_name: Annotated[str, AfterValidator(check_study_name)] = Field(
        "", description="name of the search, resumed if there is one; empty: made from the cohort, the space and the code"
    )
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="trials at a time, each in a process; auto: one per core, as memory allows"
    )
    timeout: OptionalNumber = Field(None, gt=0, description="minutes after which no new round of trials begins; none: no limit")
    prune: bool = Field(True, description="stop trials that are worse at an epoch than the median of earlier rounds")


class EvaluationConfig(Section):
    """How an encoder is judged on the test samples."""

    perplexity: float = Field(30.0, ge=1, description="perplexity of t-SNE")
    max_clusters: int = Field(10, ge=2, le=100, description="largest number of clusters that is tried")
    gene_sets: str = Field("", description="GMT file (also .gz) of gene sets to find behind latents, classes and risk; empty: none")
    attribution: Literal["integrated_gradients", "saliency", "expected_gradients"] = Field(
        "integrated_gradients", description="how latents, classes and risk are attributed to genes"
    )
    terms: str = Field(
        "", description="table (TSV, CSV, also .gz, Parquet) of terms, 0 or 1 by sample id, to predict from latents; empty: none"
    )


class RegistryConfig(Section):
    """How the encoder is registered."""

    name: Annotated[str, AfterValidator(check_model_name)] = Field(
        "", description="name of the registered model; empty: the cohort's file name"
    )
    alias: Annotated[str, AfterValidator(check_alias)] = Field(
        "champion", description="alias that the version takes when it beats the present holder on validation"
    )
    max_missing: float = Field(0.2, ge=0, lt=1, description="largest share of the encoder's genes that a new cohort may lack")


class EncoderChoice(Section):
    """Which registered encoder is meant."""

    encoder: Annotated[str, AfterValidator(check_encoder_name)] = Field(
        "", description="encoder: NAME@alias, NAME/version or runs:/ID; empty: the alias of the name"
    )


class RunConfig(Section):
    """The run itself."""

    experiment_name: Annotated[str, AfterValidator(check_experiment_name)] = Field("genexp", description="MLflow experiment")
    run_name: Annotated[str, AfterValidator(check_run_name)] = Field(
        "", description="name of the run; empty: made from the verb and the cohort"
    )
    cache: str = Field(".genexp", min_length=1, description="folder for preprocessed cohorts, studies and checkpoints")
    seed: int = Field(0, ge=0, lt=2**31, description="seed of the split, the initial weights, the search and the pictures")


class EncoderConfig(ModelConfig, TrainingConfig):
    """All that decides what one training gives."""


class ExperimentConfig(Section):
    """A published system to reproduce instead of one training."""

    experiment: str = Field(
        "",
        description="published system to reproduce: a folder of experiments/, whose parameters hold unless others are given; empty: none",
    )
    size: Literal["full", "small"] = Field("full", description="size of an experiment; small takes a minute or two and shows that it works")
    keep: str = Field("", description="folder in which an experiment also writes its tables and pictures; empty: only in the run")


class PreprocessSettings(CohortConfig, PreprocessConfig, RunConfig):
    """Check, split, filter and scale a cohort."""

    @model_validator(mode="after")
    def _check_study(self) -> PreprocessSettings:
        if self.correction != "none" and not self.study:
            raise ValueError(f"correction={self.correction} needs the study of every sample; name its column with study=")
        return self


class TrainSettings(PreprocessSettings, EncoderConfig, TransferConfig, ReplicationConfig, RegistryConfig):
    """Train one autoencoder and register its encoder."""


class TuneSettings(PreprocessSettings, SearchSpace, TrainingConfig, TuningConfig, ReplicationConfig, EvaluationConfig, RegistryConfig):
    """Search autoencoders with Optuna, then train, evaluate and register the best."""


class EvaluateSettings(CohortConfig, EvaluationConfig, RegistryConfig, EncoderChoice, RunConfig):
    """Open the test samples and judge an encoder beside PCA."""


class MainSettings(TrainSettings, EvaluationConfig, ExperimentConfig):
    """The whole way with one configuration: preprocess, train, evaluate, register; or a published system (experiment=NAME)."""


class EncodeSettings(CohortConfig, RegistryConfig, EncoderChoice):
    """Write the latents of a cohort by a registered encoder."""

    out: Annotated[str, AfterValidator(ends_in(".parquet", ".tsv", ".csv", ".h5ad"))] = Field(
        "latent.parquet", min_length=1, description="file to write: .parquet, .tsv, .csv or .h5ad"
    )


class ConvertSettings(CohortConfig):
    """Write a cohort as it was read: values, annotations and scale, as AnnData or as a table."""

    out: Annotated[str, AfterValidator(ends_in(".h5ad", ".parquet", ".tsv.gz", ".tsv"))] = Field(
        "cohort.h5ad", min_length=1, description="file to write: .h5ad, or .parquet, .tsv.gz or .tsv with the annotations beside it"
    )


class DescribeSettings(CohortConfig):
    """Say how a file would be read, what its columns could be, and what is suspicious."""

    out: Annotated[str, AfterValidator(ends_in(".html"))] = Field("", description="page to write (.html); empty: print only")


class CompareSettings(Section):
    """Put evaluated encoders side by side, from what their runs logged."""

    runs: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        (),
        description="evaluations side by side, also without --runs: run ids, NAME/version, NAME@alias; the first is the reference",
    )
    experiment_name: str = Field("", description="MLflow experiment whose evaluations are all listed")
    out: Annotated[str, AfterValidator(ends_in(".html", ".tsv"))] = Field(
        "", description="file to write: .html (both tables) or .tsv (encoders); empty: print only"
    )


class ContrastConfig(Section):
    """What is contrasted with what, and what counts as changed."""

    dataset: str = Field("", description="column of obs that names the data set (series) of a sample; empty: all are one data set")
    condition: str = Field("", description="column of obs whose values are contrasted within each data set")
    control: str = Field("", description="value of the condition that others are contrasted with")
    case: str = Field("", description="value of the condition that is contrasted with the control; empty: every other value of a data set")
    pair: str = Field("", description="column of obs whose values pair samples, such as the patient; empty: unpaired")
    alpha: float = Field(0.05, gt=0, lt=1, description="a gene is significant when its q is below this")
    min_log2fc: float = Field(1.0, ge=0, description="a gene is significant when its log2 fold change is this large, up or down")
    gene_sets: str = Field("", description="GMT file (also .gz) of gene sets that label contrasts, such as GO terms; empty: no labels")
    term_alpha: float = Field(0.05, gt=0, lt=1, description="a set labels a contrast when the p of its over-representation is below this")
    term_size: Annotated[Range, within(1, 1e6, whole=True)] = Field("5..500", description="measured genes of a set that can be a label")  # type: ignore[assignment]
    term_share: Annotated[Range, within(0, 1)] = Field("0.01..0.5", description="share of contrasts that a set must label to stay a label")  # type: ignore[assignment]


class ContrastsSettings(SourceConfig, ContrastConfig):
    """Make a cohort of log2 fold changes from expression and groups, data set by data set, with gene sets as labels."""

    out: str = Field("contrasts", min_length=1, description="folder to write to")
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="contrasts at a time, each in a process; auto: one per core"
    )


class DoctorSettings(Section):
    """Plant each trap in a small simulated cohort and show the guard that fires."""


VERBS: dict[str, type[Section]] = {
    "preprocess": PreprocessSettings,
    "train": TrainSettings,
    "tune": TuneSettings,
    "evaluate": EvaluateSettings,
    "main": MainSettings,
    "describe": DescribeSettings,
    "convert": ConvertSettings,
    "encode": EncodeSettings,
    "compare": CompareSettings,
    "contrasts": ContrastsSettings,
    "doctor": DoctorSettings,
}
"""The verbs of the command line and their settings; those with a run are MLproject entry points."""

AnySection = TypeVar("AnySection", bound=Section)


def parse_settings(kind: type[AnySection], values: dict[str, Any]) -> AnySection:
    """Build settings from texts, as typed by a user.

    Raises
    ------
    ConfigError
        An unknown name, or a value that is not of its parameter's type and range; all of them in one message.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        problems = [_describe_problem(kind, problem) for problem in error.errors()]
        raise ConfigError("; ".join(problems)) from None


def _describe_problem(kind: type[Section], problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    if problem["type"] == "extra_forbidden":
        import difflib

        close = difflib.get_close_matches(name, kind.model_fields, n=1)
        return f"unknown parameter '{name}'" + (f"; did you mean '{close[0]}'?" if close else f" (known: {', '.join(kind.model_fields)})")
    reason = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return reason
    field = kind.model_fields.get(name)
    meaning = f" ({field.description})" if field else ""
    return f"{name}={problem['input']!r}: {reason[0].lower()}{reason[1:]}{meaning}"


def parameter_names(kind: type[Section]) -> list[str]:
    """Names of the parameters of some settings, section by section in the order in which they act."""
    inherited = [name for base in kind.__bases__ if issubclass(base, Section) for name in parameter_names(base)]
    return list(dict.fromkeys([*inherited, *kind.model_fields]))


def list_choices(kind: type[Section], name: str) -> list[str]:
    """Words that a parameter accepts, beside numbers; empty where any text will do."""

    def words(annotation: Any) -> list[str]:
        return [word for part in get_args(annotation) for word in ([part] if isinstance(part, str) else words(part))]

    return words(kind.model_fields[name].annotation)


def section_values(settings: Section, *kinds: type[Section]) -> dict[str, str]:
    """Values of the parameters that belong to ``kinds`` (all, if none is named), as a user would type them."""
    names = [name for kind in kinds or (type(settings),) for name in parameter_names(kind)]
    return {name: format_value(getattr(settings, name)) for name in names if hasattr(settings, name)}


def hash_values(values: object) -> str:
    """Short stable hash (16 hexadecimal digits of SHA-256) of anything that JSON can write."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
