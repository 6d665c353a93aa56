"""The whole way, one function for each verb: from settings to runs, encoders and files. The command
line and experiments call it.

A function imports what it needs, so that a verb loads nothing that it does not use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genexp.errors import ConfigError
from genexp.settings.evaluation import EvaluationConfig
from genexp.settings.naming import name_model
from genexp.settings.tracking import RegistryConfig
from genexp.settings.training import EncoderConfig
from genexp.settings.values import section_values
from genexp.settings.verbs import (
    CompareSettings,
    ContrastsSettings,
    ConvertSettings,
    DescribeSettings,
    DoctorSettings,
    EncodeSettings,
    EvaluateSettings,
    MainSettings,
    PreprocessSettings,
    TrainSettings,
    TuneSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genexp.model.encoder import Encoder
    from genexp.preprocessing import Preprocessed
    from genexp.tracker import Tracker
    from genexp.tracking.registry import Registration
    from genexp.tracking.tracker import MlflowTracker
    from genexp.training.seeds import Replicates
    from genexp.training.train import StartFrom
    from genexp.verdict.evaluate import OtherSeeds
    from genexp.verdict.evaluation import Evaluation


def run_preprocess(settings: PreprocessSettings, tracker: MlflowTracker) -> Preprocessed:
    """Check, split, filter and scale a cohort."""
    from genexp.preprocessing import preprocess_cohort

    return preprocess_cohort(settings, tracker)


def run_train(settings: TrainSettings, tracker: MlflowTracker) -> None:
    """Train one configuration and register its encoder."""
    start_from = _load_start(settings, tracker)
    data = run_preprocess(settings, tracker)
    trained = _train(settings.training, settings, data, tracker, start_from)
    _register(settings.registry, data, trained, tracker)


def run_main(settings: MainSettings, tracker: MlflowTracker) -> None:
    """Train one configuration, evaluate and register its encoder."""
    from genexp.verdict.tasks import check_tasks

    check_tasks(settings.evaluation)
    start_from = _load_start(settings, tracker)
    data = run_preprocess(settings, tracker)
    check_tasks(settings.evaluation, data)
    trained = _train(settings.training, settings, data, tracker, start_from)
    evaluation = evaluate_and_log(
        trained.encoder, data, settings.evaluation, settings.run.seed, tracker, trained.others
    )
    _register(settings.registry, data, trained, tracker, evaluation)


def run_tune(settings: TuneSettings, tracker: MlflowTracker) -> None:
    """Search, then train, evaluate and register the selected configuration."""
    from genexp.tuning.tune import tune_encoder
    from genexp.verdict.tasks import check_tasks

    check_tasks(settings.evaluation)
    data = run_preprocess(settings, tracker)
    check_tasks(settings.evaluation, data)
    study = tune_encoder(data, settings, tracker)
    print(f"selected trial {study.selected.result.number}: {study.reason}", file=sys.stderr)
    trained = _train(study.selected.config, settings, data, tracker)
    evaluation = evaluate_and_log(
        trained.encoder, data, settings.evaluation, settings.run.seed, tracker, trained.others
    )
    _register(settings.registry, data, trained, tracker, evaluation)


def run_evaluate(settings: EvaluateSettings, tracker: MlflowTracker) -> None:
    """Access the test samples of the encoder's own split and evaluate it."""
    from genexp.application import apply_encoder
    from genexp.tracking.registry import load_encoder, training_run
    from genexp.verdict.tasks import check_tasks

    check_tasks(settings.evaluation)
    reference = name_encoder(settings)
    encoder = load_encoder(reference)
    data = apply_encoder(encoder, reference, settings, tracker)
    tracker.set_tags(
        {
            "encoder": reference,
            "encoder_run": training_run(reference),
            "split_hash": data.split_hash,
        }
    )
    tracker.log_table("preprocess/split.tsv", data.split)
    evaluation = evaluate_and_log(encoder, data, settings.evaluation, settings.run.seed, tracker)
    print(f"verdict: {evaluation.verdict}", file=sys.stderr)


def evaluate_and_log(
    encoder: Encoder,
    data: Preprocessed,
    config: EvaluationConfig,
    seed: int,
    tracker: Tracker,
    others: OtherSeeds | None = None,
) -> Evaluation:
    """Evaluate an encoder, and log what :func:`genexp.report.log.log_evaluation` logs."""
    from genexp.report.log import log_evaluation
    from genexp.verdict.evaluate import evaluate_encoder

    evaluation = evaluate_encoder(encoder, data, config, seed, tracker, others)
    log_evaluation(evaluation, tracker)
    return evaluation


def run_encode(settings: EncodeSettings, _: object) -> None:
    """Write the latents of a cohort, what heads predict, and how novel its samples are."""
    from genexp.application import encode_cohort, read_for_encoder, write_novelty, write_predictions
    from genexp.output import write_latent
    from genexp.tracking.registry import load_encoder

    out = Path(settings.out)
    encoder = load_encoder(name_encoder(settings))
    adata = read_for_encoder(encoder, settings)
    latent = encode_cohort(encoder, adata)
    write_latent(latent, adata.obs, out)
    print(f"{len(latent)} samples x {latent.shape[1]} latents: {out}", file=sys.stderr)
    write_predictions(encoder, latent, out)
    write_novelty(encoder, adata, out)


def run_convert(settings: ConvertSettings, _: object) -> None:
    """Write a cohort as it was read."""
    from genexp.cohort import read_cohort
    from genexp.cohort.reading import print_reading
    from genexp.output import write_cohort

    adata = read_cohort(settings.reading, min_samples=1)
    print_reading(adata.uns["report"])
    files = write_cohort(adata, Path(settings.out))
    print(f"written: {', '.join(map(str, files))}", file=sys.stderr)


def run_describe(settings: DescribeSettings, _: object) -> int:
    """Print how a file would be read, and write it as a page if one is named; 2 where a question
    would be asked.
    """
    from genexp.describe import describe_cohort, render_description_page, render_description_text
    from genexp.output import write_whole

    description = describe_cohort(settings.reading)
    print(render_description_text(description))
    if settings.out:
        page = render_description_page(description)
        write_whole(Path(settings.out), lambda path: path.write_text(page, encoding="utf-8"))
        print(f"written: {settings.out}", file=sys.stderr)
    return 2 if description.questions else 0


def run_compare(settings: CompareSettings, _: object) -> None:
    """Print encoders side by side; write them if a file is named."""
    from genexp.output import write_whole
    from genexp.report.comparison import render_comparison
    from genexp.tracking.logged import read_evaluations, read_experiment
    from genexp.verdict.compare import (
        compare_with_first,
        render_text,
        tabulate_encoders,
        warn_of_differences,
    )

    out = Path(settings.out)
    if bool(settings.experiment_name) == bool(settings.runs) or len(settings.runs) == 1:
        raise ConfigError(
            "expected two evaluations or more, or an experiment; found "
            f"runs={','.join(settings.runs)} "
            f"experiment_name={settings.experiment_name}"
        )
    logged = (
        read_experiment(settings.experiment_name)
        if settings.experiment_name
        else read_evaluations(settings.runs)
    )
    table, (differences, notes) = (
        tabulate_encoders(logged),
        compare_with_first(logged if settings.runs else logged[:1]),
    )
    notes = [*warn_of_differences(logged), *notes]
    print(render_text(table, differences, notes))
    if settings.out:
        text = (
            render_comparison(table, differences, notes)
            if out.suffix == ".html"
            else table.to_csv(sep="\t")
        )
        write_whole(out, lambda path: path.write_text(text, encoding="utf-8"))


def run_contrasts(settings: ContrastsSettings, _: object) -> None:
    """Write a cohort of log2 fold changes, and say what it holds and what was skipped."""
    from genexp.contrasts import build_compendium

    made = build_compendium(settings)
    for name, row in made.skipped.iterrows():
        print(f"skipped {name}: {row['reason']}", file=sys.stderr)
    labels = f", {len(made.terms.columns)} terms" if settings.contrast.gene_sets else ""
    n_datasets, significant = made.contrasts["dataset"].nunique(), made.contrasts["n_significant"]
    print(
        f"{len(made.contrasts)} contrasts of {n_datasets} data sets ({len(made.skipped)} skipped), "
        f"median {significant.median():g} significant genes{labels}: {made.path}",
        file=sys.stderr,
    )


def run_doctor(_: DoctorSettings, __: object) -> int:
    """Print what each guard said; 1 where one stayed silent."""
    from genexp.doctor import examine

    findings = []
    for finding in examine():
        print(finding, flush=True)
        findings.append(finding)
    silent = [finding.trap for finding in findings if not finding.fired]
    print(
        f"{len(findings) - len(silent)} of {len(findings)} guards fired"
        + (f"; silent: {', '.join(silent)}" if silent else "")
    )
    return 1 if silent else 0


def _load_start(settings: TrainSettings, tracker: MlflowTracker) -> StartFrom | None:
    """Load the encoder to start from, before the cohort is read: a name that is not there is told
    at once.
    """
    if not settings.transfer.init:
        return None
    from genexp.tracking.registry import load_encoder
    from genexp.training.train import StartFrom

    tracker.set_tags({"init": settings.transfer.init})
    return StartFrom(
        load_encoder(settings.transfer.init.removeprefix("models:/")), settings.transfer.freeze
    )


def train_replicates(
    config: EncoderConfig,
    settings: TrainSettings | TuneSettings,
    data: Preprocessed,
    tracker: Tracker,
    card: Mapping[str, object],
    start_from: StartFrom | None = None,
) -> Replicates:
    """Train a configuration with every seed.

    Parameters
    ----------
    config : EncoderConfig
    settings : TrainSettings or TuneSettings
    data : Preprocessed
    tracker : Tracker
    card : mapping
        Entries of the encoder's card that tell which cohort it is of: ``cohort_hash``.
    start_from : StartFrom, optional
    """
    from genexp.training.seeds import train_seeds

    return train_seeds(
        data,
        config,
        settings.run,
        settings.replication,
        settings.registry.max_missing,
        tracker,
        {
            "cohort_settings": section_values(settings.reading),
            "run_id": tracker.run_id,
            "n_seeds": settings.replication.seeds,
            **card,
        },
        start_from,
    )


def _train(
    config: EncoderConfig,
    settings: TrainSettings | TuneSettings,
    data: Preprocessed,
    tracker: MlflowTracker,
    start_from: StartFrom | None = None,
) -> Replicates:
    from genexp.cohort.read import hash_cohort

    card = {"cohort_hash": hash_cohort(settings.reading, settings.run.seed)}
    return train_replicates(config, settings, data, tracker, card, start_from)


def _register(
    config: RegistryConfig,
    data: Preprocessed,
    trained: Replicates,
    tracker: MlflowTracker,
    evaluation: Evaluation | None = None,
) -> None:
    named = config.model_copy(update={"name": config.name or name_model(data.name)})
    register_model(named, data, trained.encoder, trained.loss_val, tracker, evaluation)


def register_model(
    config: RegistryConfig,
    data: Preprocessed,
    encoder: Encoder,
    loss_val: float,
    tracker: MlflowTracker,
    evaluation: Evaluation | None = None,
) -> Registration:
    """Register an encoder with the verdict of its evaluation, and print which version it is and who
    holds the alias.
    """
    from genexp.tracking.registry import register_encoder

    tags = evaluation.tags if evaluation else {"verdict": "not evaluated", "leakage": "not audited"}
    verdict, worse = (
        tags["verdict"],
        f" Worse than PCA: {tags['worse_than_pca']}." if "worse_than_pca" in tags else "",
    )
    text = f"{data.name}: {len(data.var)} genes to {encoder.n_latent} latents. {verdict}.{worse}"
    registration = register_encoder(encoder, config, loss_val, tracker, description=text, tags=tags)
    tracker.set_tags(
        {
            "registered": f"{registration.name}/{registration.version}",
            "champion": registration.holds_alias,
        }
    )
    held = f", now @{config.alias}" if registration.holds_alias else ""
    print(f"verdict: {verdict}", file=sys.stderr)
    print(
        (
            f"encoder: models:/{registration.name}/{registration.version}{held} "
            f"({registration.reason})"
        ),
        file=sys.stderr,
    )
    return registration


def name_encoder(settings: EvaluateSettings | EncodeSettings) -> str:
    """Name of the encoder that is meant: as given, else the alias of the cohort's name."""
    from genexp.cohort.read import is_simulated
    from genexp.files.source import read_name

    name = (
        settings.reading.cohort.partition(":")[0]
        if is_simulated(settings.reading.cohort)
        else read_name(settings.reading.cohort)
    )
    return (
        settings.choice.encoder
        or f"{settings.registry.name or name_model(name)}@{settings.registry.alias}"
    )
