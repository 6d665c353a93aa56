"""The Python API, for notebooks and scripts: the verbs of the command line as functions of AnnData
and of each other's results.

Settings, checks and messages are those of the command line. A function takes its settings as
keyword arguments; ``help`` lists them.

MLflow is optional. ``train``, ``tune`` and ``evaluate`` each log one run, as the command line does,
where

- a tracking URI is set (``MLFLOW_TRACKING_URI`` or ``mlflow.set_tracking_uri``),
- a run is active (``mlflow.start_run``), which becomes the parent, or
- ``experiment_name`` is given.

Elsewhere nothing is written but preprocessed values in the cache, by default a temporary folder
that lasts until Python ends. ``Model.register`` needs a registry, and always writes to the one that
MLflow is set to.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from genexp.cohort.memory import KEY, as_anndata, remember
from genexp.errors import ConfigError, EvaluationError
from genexp.model.encoder import Encoder
from genexp.notebook import OF_SAMPLES, Comparison, Data, Model, Report, Study
from genexp.settings.cohort import CohortConfig
from genexp.settings.functions import (
    Evaluating,
    Logging,
    Preprocessing,
    Reading,
    Training,
    Tuning,
)
from genexp.settings.parse import parse_settings
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.signature import takes
from genexp.settings.tracking import RunConfig
from genexp.settings.training import (
    EncoderConfig,
)
from genexp.settings.values import parameter_names, section_values
from genexp.settings.verbs import EvaluateSettings, TrainSettings, TuneSettings
from genexp.tracker import NullTracker, Tracker

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from genexp.preprocessing.transform import Transform
    from genexp.training.seeds import Replicates
    from genexp.training.train import StartFrom
    from genexp.verdict.compare import Logged


@takes(Reading)
def read(cohort: str | Path, **settings: Any) -> AnnData:
    r"""Read a cohort, check it, and print how it was read.

    Parameters
    ----------
    cohort : str or Path
        File or folder of expression values, or ``s3://`` address.
    settings

    Returns
    -------
    AnnData
        ``X`` (n_samples, n_genes) of float32; ``obs`` with the annotations and, as named,
        ``label``, ``batch``, ``group``, ``time_days`` and ``event``; the scale in ``uns["scale"]``.

    Raises
    ------
    CohortError
        The file is no cohort, contradicts the settings, or can be read in several ways.

    Examples
    --------
    >>> import genexp
    >>> genexp.simulate(60, 80).to_df().to_csv("cohort.tsv", sep="\t")
    >>> genexp.read("cohort.tsv").shape
    (60, 80)
    """
    from genexp.cohort import read_cohort
    from genexp.cohort.reading import print_reading

    seed = int(settings.pop("seed", 0))
    config = parse_settings(CohortConfig, {"cohort": str(cohort), **settings})
    adata = read_cohort(config, seed, min_samples=1)
    print_reading(adata.uns["report"])
    return remember(adata, config, seed)


def simulate(
    n_samples: int = 300, n_genes: int = 1000, cohort: str = "simulated", seed: int = 0
) -> AnnData:
    """Simulate a cohort whose truths are known.

    Parameters
    ----------
    n_samples, n_genes : int
        Shape; at least 20 samples and 50 genes.
    cohort : {"simulated", "simulated_cells", "simulated_compendium"}
        Tumours with subtypes and survival, counts of single cells, or log2 fold changes of many
        series.
    seed : int

    Returns
    -------
    AnnData
        As :func:`read` gives it; ``uns["truth"]`` holds what was planted.

    Examples
    --------
    >>> import genexp
    >>> cohort = genexp.simulate(60, 80)
    >>> cohort.shape, cohort.uns["scale"]
    ((60, 80), 'log2_norm_count')
    """
    from genexp.cohort import read_cohort
    from genexp.cohort.read import SIMULATORS

    if cohort not in SIMULATORS:
        raise ConfigError(f"cohort={cohort!r}: expected one of {', '.join(SIMULATORS)}")
    config = CohortConfig(cohort=f"{cohort}:{n_samples}x{n_genes}")
    return remember(read_cohort(config, seed), config, seed)


@takes(Preprocessing)
def preprocess(cohort: AnnData | str | Path, **settings: Any) -> Data:
    """Split a cohort, filter and normalise genes, and scale them by the training samples.

    Parameters
    ----------
    cohort : AnnData, str or Path
        What :func:`read` gives, any other AnnData of expression, or a file. An AnnData is checked
        as a file would be: ``label``, ``batch``, ``group``, ``time`` and ``event`` name columns of
        its ``obs``. It is not changed.
    settings

    Returns
    -------
    Data

    Raises
    ------
    CohortError
        The input is no cohort, or lacks what the settings name.
    PreprocessError
        It cannot be split, filtered or normalised as asked.

    Examples
    --------
    >>> import genexp
    >>> genexp.preprocess(genexp.simulate(60, 80), split="60/20/20")
    <Data: cohort=simulated, train=36, val=12, test=12, genes=78, scale=log2_norm_count>
    """
    from genexp.cohort.reading import print_reading
    from genexp.preprocessing.pipeline import prepare_cohort, print_warnings
    from genexp.preprocessing.source import open_anndata, open_file

    settings["cache"] = settings.get("cache") or _temporary_cache()
    source = (
        open_file(str(cohort), settings)
        if isinstance(cohort, (str, Path))
        else open_anndata(as_anndata(cohort), settings)
    )
    data, reused = prepare_cohort(source.config, source.fingerprint, source.read)
    if source.is_new:
        print_reading(data.report["cohort"])
    print_warnings(data)
    return Data(data, source.config, source.cohort_hash(), source.seed, reused)


@takes(Training)
def train(data: Data, **settings: Any) -> Model:
    """Train an autoencoder, and fold it into an encoder.

    Parameters
    ----------
    data : Data
    settings

    Returns
    -------
    Model

    Raises
    ------
    TrainingError
        The encoder cannot be trained on these data.

    Examples
    --------
    >>> import genexp
    >>> data = genexp.preprocess(genexp.simulate(60, 80))
    >>> model = genexp.train(data, n_latent=4, hidden=(16,), epochs=3)
    >>> model.encoder
    <Encoder: cohort=simulated, kind=deep, genes=78, latents=4, scale=log2_norm_count>
    """
    from genexp.training.train import StartFrom

    config = _configure(TrainSettings, data, settings)
    with _track("train", config, settings) as tracker:
        start_from = (
            StartFrom(
                load_encoder(config.transfer.init.removeprefix("models:/")), config.transfer.freeze
            )
            if config.transfer.init
            else None
        )
        _log_data(data, tracker)
        trained = _fit(data, config.training, config, tracker, start_from)
    return Model(trained.encoder, data, config.training, trained, config, tracker.run_id)


@takes(Tuning)
def tune(data: Data, **settings: Any) -> Study:
    """Search configurations with Optuna, and train the selected one.

    A parameter of the model takes a range to search, ``"8..64"`` or ``(8, 64)``, or a single value
    to hold. Trials run in processes of their own, which need no ``if __name__ == "__main__":`` in a
    script.

    Parameters
    ----------
    data : Data
    settings

    Returns
    -------
    Study
        ``best`` is a :class:`~genexp.notebook.Model`, ``trials`` a table.

    Raises
    ------
    TrainingError
        No trial could be completed.

    Examples
    --------
    >>> import genexp
    >>> data = genexp.preprocess(genexp.simulate(60, 80))
    >>> study = genexp.tune(data, n_trials=2, n_latent=(2, 8), n_layers=1, n_hidden=16, epochs=3, workers=1)
    >>> len(study.trials)
    2
    """  # noqa: E501
    from genexp.tuning.tune import tune_encoder

    config = _configure(TuneSettings, data, settings)
    with _track("tune", config, settings) as tracker:
        _log_data(data, tracker)
        finished = tune_encoder(data.preprocessed, config, tracker)
        print(
            f"selected trial {finished.selected.result.number}: {finished.reason}", file=sys.stderr
        )
        trained = _fit(data, finished.selected.config, config, tracker)
    return Study(
        Model(
            trained.encoder,
            data,
            finished.selected.config,
            trained,
            config,
            tracker.run_id,
        ),
        finished,
    )


@takes(Evaluating)
def evaluate(model: Model | Encoder | str, data: Data, **settings: Any) -> Report:
    """Evaluate an encoder on the held-out test samples, in comparison with PCA and other baselines.

    Every access to the test samples of a split is counted in the cache, and the report says how
    many there were.

    Parameters
    ----------
    model : Model, Encoder or str
        An encoder that was trained on the same data, or its registered name.
    data : Data
    settings

    Returns
    -------
    Report
        A notebook shows its page; ``metrics``, ``verdict``, ``tables``.

    Raises
    ------
    EvaluationError
        The encoder was trained on other data, or the split leaks.

    Examples
    --------
    >>> genexp.evaluate(model, data)
    <Report: cohort=..., verdict=...>
    """
    from genexp.report.log import log_evaluation
    from genexp.verdict.evaluate import evaluate_encoder

    encoder = as_encoder(model)
    _check_trained_on(encoder, data)
    reference = {"encoder": model} if isinstance(model, str) else {}
    config = _configure(EvaluateSettings, data, settings | reference)
    others = model.replicates.others if isinstance(model, Model) and model.data is data else None
    with _track("evaluate", config, settings) as tracker:
        if not isinstance(tracker, NullTracker):
            tracker.set_tags(
                {
                    "encoder_run": encoder.card.get("run_id", ""),
                    "split_hash": data.preprocessed.split_hash,
                }
                | reference
            )
            tracker.log_table("preprocess/split.tsv", data.split)
        evaluation = evaluate_encoder(
            encoder, data.preprocessed, config.evaluation, config.run.seed, tracker, others
        )
        if not isinstance(tracker, NullTracker):
            log_evaluation(evaluation, tracker)
    print(f"verdict: {evaluation.verdict}", file=sys.stderr)
    if isinstance(model, Model):
        model.evaluation = evaluation
    return Report(evaluation, data, tracker.run_id)


@takes(CohortConfig, only=OF_SAMPLES)
def embed(adata: AnnData, model: Model | Encoder | str, **settings: Any) -> AnnData:
    """Write the latents of samples into ``adata.obsm["X_latent"]``; all else stays as it is.

    Parameters
    ----------
    adata : AnnData, (n_samples, n_genes)
        Raw expression on the encoder's scale; genes in any order, found by their names.
    model : Model, Encoder or str
        Of :func:`train` or :func:`load_encoder`, or a registered name.
    settings

    Returns
    -------
    AnnData
        The same object, or a copy of a view; ``uns["genexp"]["encoder"]`` says which encoder it
        was.

    Examples
    --------
    >>> import genexp
    >>> cohort = genexp.simulate(60, 80)
    >>> model = genexp.train(genexp.preprocess(cohort), n_latent=4, hidden=(16,), epochs=3)
    >>> genexp.embed(cohort, model).obsm["X_latent"].shape
    (60, 4)
    """
    from genexp.application import encode_samples

    encoder = as_encoder(model)
    latents = encode_samples(encoder, adata, settings)
    target = adata.copy() if adata.is_view else adata
    target.obsm["X_latent"] = latents.to_numpy()
    known = target.uns.get(KEY)
    facts = encoder.facts | ({"name": model} if isinstance(model, str) else {})
    target.uns[KEY] = {
        **(known if isinstance(known, Mapping) else {}),
        "encoder": {name: str(value) for name, value in facts.items()},
    }
    return target


def load_encoder(name: str | Path) -> Encoder:
    """Load an encoder by its registered name, or from a folder that ``Model.save`` wrote.

    Parameters
    ----------
    name : str or Path
        ``NAME`` (its champion), ``NAME@alias``, ``NAME/version``, ``runs:/ID``, or a folder.

    Returns
    -------
    Encoder

    Raises
    ------
    RegistryError
        There is no such model, alias, version or run; the message lists those that there are.

    Examples
    --------
    >>> import genexp
    >>> data = genexp.preprocess(genexp.simulate(60, 80))
    >>> genexp.train(data, n_latent=4, hidden=(16,), epochs=3).register("tumours")
    'tumours/1'
    >>> genexp.load_encoder("tumours@champion")
    <Encoder: cohort=simulated, kind=deep, genes=78, latents=4, scale=log2_norm_count>
    """
    if (Path(name) / "encoder.json").is_file():
        return Encoder.load(Path(name))
    from genexp.tracking.registry import load_encoder as load_registered

    return load_registered(str(name))


def compare(evaluations: Sequence[Report | str] | Mapping[str, Report | str]) -> Comparison:
    """Compare evaluations: a table of encoders, and paired differences from the first one where
    test samples are shared.

    Parameters
    ----------
    evaluations : sequence or mapping by name
        Reports of :func:`evaluate`, or names of logged ones: run ids, ``NAME/version``,
        ``NAME@alias``.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> genexp.compare({"large": report, "small": other_report})
    <Comparison: encoders=2 (large, small), differences=...>
    """
    from genexp.report.comparison import render_comparison
    from genexp.verdict.compare import compare_with_first, tabulate_encoders, warn_of_differences

    named = evaluations if isinstance(evaluations, Mapping) else _name_apart(evaluations)
    if len(named) < 2:
        raise ConfigError(f"expected two evaluations or more, found {len(named)}")
    logged = [_as_logged(name, one) for name, one in named.items()]
    encoders, (differences, notes) = tabulate_encoders(logged), compare_with_first(logged)
    notes = [*warn_of_differences(logged), *notes]
    return Comparison(
        encoders, differences, tuple(notes), render_comparison(encoders, differences, notes)
    )


def as_encoder(model: Model | Encoder | str) -> Encoder:
    """Encoder of a model or of a registered name."""
    if isinstance(model, Model):
        return model.encoder
    return model if isinstance(model, Encoder) else load_encoder(model)


def _check_trained_on(encoder: Encoder, data: Data) -> None:
    """Refuse data of another split, whose test samples the encoder may have been trained on, or on
    another scale.

    Equal hashes of the data would be too much to ask: they change with the version of genexp.
    """
    if not isinstance(data, Data):
        return  # which is refused with the other settings
    if encoder.card.get("split_hash") != data.preprocessed.split_hash:
        raise EvaluationError(
            "the encoder was trained on another split of "
            f"{encoder.card.get('cohort', 'another cohort')}, so that "
            "samples it was trained on could be test samples here; preprocess the same "
            "samples with the same "
            "split, seed and groups, or train again"
        )
    if not _is_same_transform(encoder.transform, data.preprocessed.transform):
        raise EvaluationError(
            "the encoder was trained on values that were prepared otherwise (genes, "
            "normalisation, clip, correction "
            "or scaling); preprocess the cohort with the settings of its training"
        )


def _is_same_transform(one: Transform, other: Transform) -> bool:
    """Check that two transforms give the same values, within the rounding of a stored one to
    float32.
    """
    (spec, arrays), (other_spec, others) = one.to_parts(), other.to_parts()
    if json.dumps(spec, sort_keys=True) != json.dumps(other_spec, sort_keys=True) or set(
        arrays
    ) != set(others):
        return False
    return all(
        values.shape == others[name].shape
        and np.allclose(values, others[name], rtol=1e-5, equal_nan=True)
        for name, values in arrays.items()
    )


AnySettings = TypeVar("AnySettings", TrainSettings, TuneSettings, EvaluateSettings)


def _configure(kind: type[AnySettings], data: Data, settings: Mapping[str, Any]) -> AnySettings:
    """Settings of the command line's verb: those of the data, and those that are given."""
    if not isinstance(data, Data):
        raise ConfigError(
            f"expected data that genexp.preprocess gave, found {type(data).__name__}; call "
            "genexp.preprocess on it first"
        )
    names = {
        *parameter_names(CohortConfig),
        *parameter_names(PreprocessConfig),
        *parameter_names(RunConfig),
    } & set(parameter_names(kind))
    of_data = {
        name: value for name, value in section_values(data.settings).items() if name in names
    }
    given = {
        name: value
        for name, value in settings.items()
        if (name, value) != ("seed", None) and not (value == "" and name in Logging.model_fields)
    }
    return parse_settings(kind, {**of_data, **given})


def _fit(
    data: Data,
    config: EncoderConfig,
    settings: TrainSettings | TuneSettings,
    tracker: Tracker,
    start_from: StartFrom | None = None,
) -> Replicates:
    """Train as the command line does, with the same card."""
    from genexp.pipeline import train_replicates

    card = {"cohort_hash": data.cohort_hash, "seed": data.cohort_seed}
    return train_replicates(config, settings, data.preprocessed, tracker, card, start_from)


@contextmanager
def _track(verb: str, config: Any, settings: Mapping[str, Any]) -> Iterator[Any]:
    """Open a run where tracking is asked for."""
    experiment = settings.get("experiment_name")
    if not experiment and not _is_mlflow_set_up():
        yield NullTracker()
        return
    from genexp.tracking.running import hold_run
    from genexp.tracking.runs import start_run

    with (
        start_run(verb, config, inside_active=not experiment) as tracker,
        hold_run(tracker, config.run.cache),
    ):
        yield tracker


def _is_mlflow_set_up() -> bool:
    """Check whether MLflow was told where to log; it is not imported to find out."""
    if "mlflow" not in sys.modules:
        return bool(os.environ.get("MLFLOW_TRACKING_URI") or os.environ.get("MLFLOW_RUN_ID"))
    from genexp.tracking.runs import is_set_up

    return is_set_up()


def _log_data(data: Data, tracker: Any) -> None:
    if not isinstance(tracker, NullTracker):
        data.log(tracker)


@cache
def _temporary_cache() -> str:
    """Make a folder that is removed when Python ends."""
    folder = tempfile.mkdtemp(prefix="genexp-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _name_apart(evaluations: Sequence[Report | str]) -> dict[str, Report | str]:
    """Name evaluations by what they are; those of one name are numbered."""
    named: dict[str, Report | str] = {}
    for one in evaluations:
        name = one if isinstance(one, str) else _describe_report(one)
        n = 1
        while (unique := name if n == 1 else f"{name} ({n})") in named:
            n += 1
        named[unique] = one
    return named


def _describe_report(report: Report) -> str:
    summary = report.evaluation.summary
    return (
        f"{summary['card'].get('config', {}).get('kind', 'encoder')}, {summary['n_latent']} latents"
    )


def _as_logged(name: str, evaluation: Report | str) -> Logged:
    """An evaluation as a run would hold it."""
    from genexp.verdict.compare import Logged

    if isinstance(evaluation, str):
        from genexp.tracking.logged import read_evaluations

        return read_evaluations([evaluation])[0]
    summary, config = (
        evaluation.evaluation.summary,
        evaluation.evaluation.summary["card"].get("config", {}),
    )
    facts = {
        "encoder": "",
        "run": evaluation.run_id,
        "split": summary["split_hash"],
        "cohort": summary["cohort"],
    }
    facts |= {
        "kind": config.get("kind", ""),
        "n_latent": str(summary["n_latent"]),
        "n_seeds": str(summary["card"].get("n_seeds", 1)),
    }
    tables: dict[str, pd.DataFrame] = {**evaluation.tables, "split": evaluation.data.split}
    return Logged(name, facts, evaluation.evaluation.comparison.rows, tables)
