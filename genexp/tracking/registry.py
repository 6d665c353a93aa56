"""Registered encoders: stored with their requirements, loaded by name with or without genexp."""

from __future__ import annotations

import json
import math
import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from genexp import __version__
from genexp.errors import RegistryError, name_some
from genexp.model.encoder import Encoder
from genexp.settings.section import format_value
from genexp.settings.tracking import RegistryConfig
from genexp.tracking.store import mlflow_errors, open_store
from genexp.tracking.tracker import MlflowTracker

ARTIFACT = "encoder"
"""Name of the model inside its run, and of the encoder's folder inside the model."""
DEFAULT_ALIAS = "champion"
TEXT_PARTS = (
    ("genexp", "errors.py"),
    ("genexp.names", "genes.py"),
    ("genexp.preprocessing", "shrinkage.py"),
    ("genexp.preprocessing", "correction.py"),
    ("genexp.preprocessing", "transform.py"),
    ("genexp.model", "prediction.py"),
    ("genexp.model", "table.py"),
    ("genexp.model", "checks.py"),
    ("genexp.model", "distribution.py"),
    ("genexp.model", "encoder.py"),
    ("genexp.tracking", "pyfunc_tail.py"),
)
REQUIREMENTS = ("mlflow", "numpy", "pandas", "safetensors")


@dataclass(frozen=True)
class Registration:
    """Outcome of the registration of an encoder."""

    name: str
    version: str
    holds_alias: bool
    reason: str


def register_encoder(
    encoder: Encoder,
    config: RegistryConfig,
    loss_val: float,
    tracker: MlflowTracker,
    description: str = "",
    tags: Mapping[str, object] | None = None,
) -> Registration:
    """Store an encoder in the run and as a new version of ``config.name``; give it ``config.alias``
    if it is better.

    Validation alone decides: a lower ``loss_val`` than the holder's on the same data, by the
    ``data_fingerprint`` of the encoders' cards. On other data (another cohort, split, filter or
    scaling) losses cannot be compared, and the newer version takes the alias; ``champion_reason``
    gives the reason.
    """
    if not math.isfinite(loss_val):
        raise RegistryError(
            f"expected a finite validation loss; found {loss_val}: nothing was registered"
        )
    client = tracker.client
    with mlflow_errors(f"the registry (model '{config.name}')"):
        holder = _find_holder(client, config.name, config.alias)
        takes, reason = _compare(loss_val, str(encoder.card["data_fingerprint"]), holder)
        data = {name: encoder.card[name] for name in ("data_fingerprint", "split_hash")}
        facts = {
            "loss/val": repr(float(loss_val)),
            **data,
            "champion_reason": reason,
            **(tags or {}),
        }
        model = _log_model(encoder, tracker)
        created = client.create_model_version(
            config.name,
            source=model.model_uri,
            run_id=tracker.run_id,
            model_id=model.model_id,
            tags={key: format_value(value) for key, value in facts.items()},
            description=description,
        )
        versions_tag = json.dumps([{"name": config.name, "version": created.version}])
        client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": versions_tag})
        if takes:
            client.set_registered_model_alias(config.name, config.alias, created.version)
    return Registration(config.name, str(created.version), takes, reason)


def load_encoder(name: str) -> Encoder:
    """Load an encoder by ``NAME`` (its champion), ``NAME@alias``, ``NAME/version`` or ``runs:/ID``.

    Raises
    ------
    RegistryError
        The model, alias, version or run does not exist; the message lists the existing ones.
    """
    client = open_store()
    uri = _resolve(client, name)
    with mlflow_errors(f"encoder '{name}'"), tempfile.TemporaryDirectory() as folder:
        return Encoder.load(
            Path(
                mlflow.artifacts.download_artifacts(f"{uri}/artifacts/{ARTIFACT}", dst_path=folder)
            )
        )


def training_run(name: str) -> str:
    """Return the id of the run that trained an encoder, named as for :func:`load_encoder`."""
    run = re.match(r"runs:/([^/]+)", name)
    if run:
        return run[1]
    model_version = _find_version(open_store(), name)
    if not model_version.run_id:
        raise RegistryError(
            f"encoder '{name}' has no link to its run; name an encoder registered by genexp"
        )
    return model_version.run_id


def download_artifact(run_id: str, path: str, folder: Path) -> Path:
    """Fetch the artifact ``path`` of a run into ``folder``."""
    client = open_store()
    with mlflow_errors(f"artifact '{path}' of run {run_id}"):
        return Path(client.download_artifacts(run_id, path, dst_path=str(folder)))


def model_text() -> str:
    """Return the Python text of a registered encoder, which imports nothing of genexp."""
    text = "\n\n".join(
        files(package).joinpath(name).read_text(encoding="utf-8") for package, name in TEXT_PARTS
    )
    text = re.sub(r"^from (genexp\.|__future__)[^(\n]*(\([^)]*\))?\n", "", text, flags=re.MULTILINE)
    return (
        f'"""An encoder registered by genexp {__version__}."""\n\nfrom __future__ import '
        f"annotations\n\n{text}"
    )


def _log_model(encoder: Encoder, tracker: MlflowTracker) -> ModelInfo:
    """Store the encoder as a model of the run, from code: text and tensors, no pickle."""
    client, run_id = tracker.client, tracker.run_id
    params = client.get_run(run_id).data.params
    logged = client.create_logged_model(
        tracker.experiment_id, ARTIFACT, run_id, params=params, model_type="encoder"
    )
    size = {"n_genes": len(encoder.genes), "n_latent": encoder.n_latent}
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        # one would hold every gene
        warnings.filterwarnings("ignore", message=".*An input example was not provided")
        # of mlflow's own classes
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        folder, text = Path(temporary, ARTIFACT), Path(temporary, "registered_encoder.py")
        text.write_text(model_text(), encoding="utf-8")
        encoder.save(folder)
        return Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            name=ARTIFACT,
            run_id=run_id,
            model_id=logged.model_id,
            metadata={"scale": encoder.scale, "max_missing": encoder.max_missing, **size},
            python_model=str(text),
            artifacts={ARTIFACT: str(folder)},
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            signature=_signature(encoder),
        )


def _signature(encoder: Encoder) -> ModelSignature:
    """Build a signature of outputs and parameters only: MLflow would enforce inputs exactly, but an
    encoder accepts genes in any order.
    """
    outputs = Schema([ColSpec("float", name) for name in encoder.latents])
    params = [ParamSpec("output", "string", "latent")]
    if encoder.transform.correction is not None:
        params.append(ParamSpec("batch", "string", ""))
    if any(head.memory is not None for head in encoder.heads):
        params.append(ParamSpec("subjects", "string", [], (-1,)))
    return ModelSignature(outputs=outputs, params=ParamSchema(params))


def _compare(
    loss_val: float, data_fingerprint: str, holder: ModelVersion | None
) -> tuple[bool, str]:
    """Decide whether a new version takes the alias, with the reason."""
    if holder is None:
        return True, "first to hold the alias"
    if holder.tags.get("data_fingerprint") != data_fingerprint or "loss/val" not in holder.tags:
        return (
            True,
            (
                f"newer than version {holder.version}, whose validation loss is of other data "
                "and cannot be compared"
            ),
        )
    before = float(holder.tags["loss/val"])
    comparison = (
        f"validation loss {loss_val:.6g} against {before:.6g} of version {holder.version} on the "
        "same data"
    )
    return (
        loss_val < before,
        f"better: {comparison}" if loss_val < before else f"not better: {comparison}",
    )


def _find_holder(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Find the version that holds the alias, if any; create the registered model if it is new."""
    models = client.search_registered_models(filter_string=f"name = '{name}'")
    if not models:
        client.create_registered_model(
            name, description="Encoders of gene expression, made by genexp."
        )
        return None
    held = models[0].aliases.get(alias)
    return client.get_model_version(name, held) if held else None


def _resolve(client: MlflowClient, name: str) -> str:
    """Return the address of an encoder's model."""
    run = re.fullmatch(r"runs:/([^/]+)(/.*)?", name)
    if run:
        return name if run[2] else f"{name}/{ARTIFACT}"
    version_found = _find_version(client, name)
    return f"models:/{version_found.name}/{version_found.version}"


def _find_version(client: MlflowClient, name: str) -> ModelVersion:
    """Find the version that a name stands for."""
    model, alias = name.removeprefix("models:/").partition("@")[::2]
    model, number = model.partition("/")[::2]
    with mlflow_errors("the registry"):
        models = (
            client.search_registered_models(filter_string=f"name = '{model}'")
            if "'" not in model
            else []
        )
        if not models:
            names = [other.name for other in client.search_registered_models(max_results=1000)]
            raise RegistryError(
                f"expected the name of a registered encoder; found '{model}'. Registered: "
                f"{name_some(names)}"
            )
        aliases = dict(models[0].aliases)
        versions = [
            str(other.version) for other in client.search_model_versions(f"name = '{model}'")
        ]
        number = str(number or aliases.get(alias or DEFAULT_ALIAS, ""))
        if number not in versions:
            raise RegistryError(
                f"'{name}' names no version of '{model}'. Aliases: "
                f"{name_some(f'@{alias}' for alias in aliases)}; "
                f"versions: {name_some(versions)}. Write {model}@alias or {model}/version"
            )
        return client.get_model_version(model, number)
