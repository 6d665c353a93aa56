"""The command line: parse, build the settings, call the rooms in their order, log. It alone knows every room."""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from genexp.config import (
    VERBS,
    CohortConfig,
    EncoderConfig,
    EncodeSettings,
    EvaluateSettings,
    MainSettings,
    PreprocessSettings,
    RegistryConfig,
    Section,
    TrainSettings,
    TuneSettings,
    format_value,
    parameter_names,
    parse_settings,
    section_values,
)
from genexp.errors import ConfigError, GenexpError, RegistryError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from genexp.evaluation.results import Evaluation
    from genexp.model.encoder import Encoder
    from genexp.preprocess import Preprocessed
    from genexp.tracking.tracker import MlflowTracker
    from genexp.training.train import Trained

INHERITED = ("label", "time", "event", "time_unit", "group", "where", "sample_id", "rows", "missing", "clip", "obs")
"""Cohort parameters that ``evaluate`` takes from the encoder, where the cohort is the same and none is given."""


def main(arguments: Sequence[str]) -> int:
    """Run one verb; returns 0, or 2 after an error that the user can mend."""
    try:
        verb, settings = parse_arguments(arguments)
    except GenexpError as error:
        if os.environ.get("MLFLOW_RUN_ID"):
            from genexp.tracking.runs import fail_run

            fail_run(error)
        return _report(error)
    try:
        with _tracked(verb, settings) as tracker:
            VERB_FUNCTIONS[verb](settings, tracker)
    except GenexpError as error:
        return _report(error)
    return 0


def _tracked(verb: str, settings: Any) -> AbstractContextManager[Any]:
    """Open the run of a verb; ``encode`` reads only and has none."""
    if verb == "encode":
        return nullcontext()
    from genexp.tracking.runs import start_run

    return start_run(verb, settings)


def _report(error: GenexpError) -> int:
    print(textwrap.fill(f"genexp: {error}", width=110, break_on_hyphens=False, break_long_words=False), file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see '{self.prog} --help'")


def parse_arguments(arguments: Sequence[str]) -> tuple[str, Any]:
    """Verb and settings; parameters are written ``--n_latent 32`` or ``--n-latent 32``."""
    parser = _Parser(prog="python -m genexp", description="Track, tune, judge and ship gene-expression encoders.", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    for verb, kind in VERBS.items():
        _add_options(verbs.add_parser(verb, help=_first_line(kind), description=_first_line(kind), allow_abbrev=False), kind)
    normal = [re.sub(r"^--[^=]+", lambda name: "--" + name[0][2:].replace("-", "_"), argument) for argument in arguments]
    known, unknown = parser.parse_known_args(normal)
    values = {name: value for name, value in vars(known).items() if name != "verb" and value is not None}
    values |= _read_unknown(unknown)
    return known.verb, parse_settings(VERBS[known.verb], values)


def _first_line(kind: type[Section]) -> str:
    return (kind.__doc__ or "").splitlines()[0]


def _add_options(parser: argparse.ArgumentParser, kind: type[Section]) -> None:
    for name in parameter_names(kind):
        field = kind.model_fields[name]
        default = format_value(field.default) if not isinstance(field.default, str) else field.default
        text = f"{field.description} (default: {default or 'empty'})".replace("%", "%%")
        parser.add_argument(f"--{name}", metavar="VALUE", help=text, default=None)


def _read_unknown(unknown: Sequence[str]) -> dict[str, str]:
    """Parameters that argparse does not know, for the config to refuse by name."""
    names = [argument.removeprefix("--").split("=")[0] for argument in unknown if argument.startswith("--")]
    if not names and unknown:
        raise ConfigError(f"expected --parameter value, found '{unknown[0]}'")
    return dict.fromkeys(names, "")


def run_preprocess(settings: PreprocessSettings, tracker: MlflowTracker) -> Preprocessed:
    """Check, split, filter and scale a cohort."""
    from genexp.preprocess import preprocess_cohort

    return preprocess_cohort(settings, tracker)


def run_train(settings: TrainSettings, tracker: MlflowTracker) -> None:
    """Train one configuration and register its encoder."""
    data = run_preprocess(settings, tracker)
    trained = _train(settings, settings, data, tracker)
    _register(settings, data, trained, tracker)


def run_main(settings: MainSettings, tracker: MlflowTracker) -> None:
    """Train one configuration, evaluate and register its encoder."""
    from genexp.evaluation.evaluate import evaluate_encoder

    data = run_preprocess(settings, tracker)
    trained = _train(settings, settings, data, tracker)
    evaluation = evaluate_encoder(trained.encoder, data, settings, settings.seed, tracker)
    _register(settings, data, trained, tracker, evaluation)


def run_tune(settings: TuneSettings, tracker: MlflowTracker) -> None:
    """Search, then train, evaluate and register the selected configuration."""
    from genexp.evaluation.evaluate import evaluate_encoder
    from genexp.tuning.tune import tune_encoder

    data = run_preprocess(settings, tracker)
    study = tune_encoder(data, settings, tracker)
    print(f"selected trial {study.selected.result.number}: {study.reason}", file=sys.stderr)
    trained = _train(study.selected.config, settings, data, tracker)
    evaluation = evaluate_encoder(trained.encoder, data, settings, settings.seed, tracker)
    _register(settings, data, trained, tracker, evaluation)


def run_evaluate(settings: EvaluateSettings, tracker: MlflowTracker) -> None:
    """Open the test samples of the encoder's own split and judge it."""
    from genexp.evaluation.evaluate import evaluate_encoder
    from genexp.tracking.registry import load_encoder

    reference = _reference(settings)
    encoder = load_encoder(reference)
    data = _apply_encoder(encoder, reference, settings)
    tracker.set_tags({"encoder": reference, "split_hash": data.split_hash})
    evaluation = evaluate_encoder(encoder, data, settings, settings.seed, tracker)
    print(f"verdict: {evaluation.verdict}", file=sys.stderr)


def run_encode(settings: EncodeSettings, _: object) -> None:
    """Write the latents of a cohort."""
    from genexp.tracking.registry import load_encoder

    encoder = load_encoder(_reference(settings))
    adata = _read_for(encoder, settings, 0)
    latent = _encode(encoder, adata)
    _write_latent(latent, adata, Path(settings.out))
    print(f"{len(latent)} samples x {latent.shape[1]} latents: {settings.out}", file=sys.stderr)


VERB_FUNCTIONS: dict[str, Any] = {
    "preprocess": run_preprocess,
    "train": run_train,
    "tune": run_tune,
    "evaluate": run_evaluate,
    "main": run_main,
    "encode": run_encode,
}


def _train(config: EncoderConfig, settings: Any, data: Preprocessed, tracker: MlflowTracker) -> Trained:
    from genexp.training.train import train_encoder

    card = {"cohort_settings": section_values(settings, CohortConfig), "run_id": tracker.run_id}
    return train_encoder(data, config, settings, settings.max_missing, tracker, card)


def _register(settings: Any, data: Preprocessed, trained: Trained, tracker: MlflowTracker, evaluation: Evaluation | None = None) -> None:
    from genexp.tracking.registry import register_encoder

    config = RegistryConfig(name=settings.name or data.name, alias=settings.alias, max_missing=settings.max_missing)
    verdict = evaluation.verdict if evaluation else "not evaluated"
    text = f"{data.name}: {len(data.var)} genes to {trained.encoder.n_latent} latents. {verdict}"
    registration = register_encoder(trained.encoder, config, trained.fitted.loss_val, tracker, description=text, tags={"verdict": verdict})
    tracker.set_tags({"registered": f"{registration.name}/{registration.version}", "champion": registration.holds_alias})
    held = f", now @{config.alias}" if registration.holds_alias else ""
    print(f"verdict: {verdict}", file=sys.stderr)
    print(f"encoder: models:/{registration.name}/{registration.version}{held} ({registration.reason})", file=sys.stderr)


def _reference(settings: Any) -> str:
    """Name of the encoder that is meant: as given, else the alias of the cohort's name."""
    from genexp.cohort.source import read_name

    return settings.encoder or f"{settings.name or read_name(settings.cohort)}@{settings.alias}"


def _read_for(encoder: Encoder, settings: Any, seed: int) -> AnnData:
    """Read a cohort for an encoder; what is left open and was said in training holds where the cohort is the same."""
    from genexp.cohort import read_cohort
    from genexp.cohort.source import read_name

    given: dict[str, Any] = {name: getattr(settings, name) for name in CohortConfig.model_fields}
    trained_on = encoder.card.get("cohort_settings", {})
    if encoder.card.get("cohort") == read_name(settings.cohort):
        defaults = section_values(CohortConfig())
        unsaid = [name for name in INHERITED if name in defaults and format_value(given[name]) == defaults[name]]
        given |= {name: trained_on[name] for name in unsaid if name in trained_on}
    given |= {"scale": encoder.scale, "duplicates": encoder.duplicates}
    return read_cohort(CohortConfig(**given), seed)


def _table(adata: AnnData) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(adata.X, index=adata.obs_names, columns=adata.var["source"].to_numpy(), copy=False)


def _encode(encoder: Encoder, adata: AnnData) -> pd.DataFrame:
    from genexp.model.encoder import GeneMismatchError

    try:
        return encoder.encode(_table(adata))
    except GeneMismatchError as error:
        raise RegistryError(str(error)) from None


def _apply_encoder(encoder: Encoder, reference: str, settings: EvaluateSettings) -> Preprocessed:
    """The cohort as the encoder sees it, in the parts of the encoder's own split; nothing is fitted."""
    import tempfile

    import pandas as pd

    from genexp.model.encoder import GeneMismatchError
    from genexp.preprocess import apply_transform
    from genexp.tracking.registry import download_artifact, training_run

    adata = _read_for(encoder, settings, settings.seed)
    try:
        raw, _ = encoder.align(_table(adata))
    except GeneMismatchError as error:
        raise RegistryError(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        path = download_artifact(training_run(reference), "preprocess/split.tsv", Path(folder))
        split = pd.read_csv(path, sep="\t", index_col=0, dtype=str)
    var = pd.DataFrame({"source": list(encoder.sources)}, index=list(encoder.genes))
    return apply_transform(
        raw, adata.obs, split, var, encoder.transform, cache=settings.cache, name=str(adata.uns["name"]), scale=encoder.scale
    )


def _write_latent(latent: pd.DataFrame, adata: AnnData, path: Path) -> None:
    """Write latents by the file's ending; h5ad holds them as ``obsm["X_latent"]`` beside the annotations."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        latent.to_parquet(path)
    elif path.suffix in (".tsv", ".csv"):
        latent.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    elif path.suffix == ".h5ad":
        from anndata import AnnData

        AnnData(obs=adata.obs, obsm={"X_latent": latent.to_numpy()}).write_h5ad(path)
    else:
        raise ConfigError(f"out={path}: expected a file ending in .parquet, .tsv, .csv or .h5ad")
