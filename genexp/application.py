"""Application of a registered encoder to a cohort: read it as in training, encode it, or assign it
to the parts of the encoder's split.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from genexp.cohort import read_cohort
from genexp.cohort.memory import DECISIONS, as_anndata, name_of, recall
from genexp.cohort.read import MIN_SAMPLES, hash_cohort, is_simulated
from genexp.cohort.reading import print_reading
from genexp.errors import CohortError, EvaluationError, RegistryError
from genexp.model.checks import SCALES
from genexp.model.encoder import Encoder
from genexp.model.novelty import Calibration, describe_coverage, score_samples
from genexp.model.table import ExpressionError
from genexp.output import write_whole
from genexp.preprocessing import Preprocessed, apply_transform
from genexp.preprocessing.correction import BatchError
from genexp.preprocessing.pipeline import log_reading, place_samples
from genexp.settings.aliases import update_stored
from genexp.settings.cohort import CohortConfig
from genexp.settings.parse import parse_settings
from genexp.settings.values import section_values
from genexp.settings.verbs import EncodeSettings, EvaluateSettings
from genexp.tracker import Tracker

READING = ("rows", "layer", "scale", "metadata", "date_genes", "missing", "s3_endpoint")
JOINING = ("obs", "sample_id", "unmatched", "missing_words", "batch")
ANNOTATING = (
    *JOINING,
    "where",
    "group",
    "order",
    "label",
    "time",
    "event",
    "event_value",
    "time_unit",
    "zero_time",
)
"""Cohort parameters that keep their value of the training, if the cohort is the same and they are
not given: for ``encode`` the first group, with corrected batches also the second, for ``evaluate``
all."""


def read_for_encoder(
    encoder: Encoder,
    settings: Any,
    inherited: tuple[str, ...] = READING,
    min_samples: int = 1,
    adata: AnnData | None = None,
) -> AnnData:
    """Read a cohort for an encoder. If it is the cohort of the training, parameters that are not
    given keep their value of the training.

    Without a name the cohort is that of the training. ``adata`` replaces the file of the cohort's
    name.
    """
    card, seed = encoder.card, int(encoder.card["seed"])
    given = section_values(settings, CohortConfig)
    defaults, trained_on = section_values(CohortConfig()), update_stored(card["cohort_settings"])
    if given["cohort"] == defaults["cohort"]:
        given["cohort"] = trained_on["cohort"]
    accepted = {"auto", encoder.scale} | (
        {"ln_norm_count"} if encoder.scale == "log2_norm_count" else set()
    )
    if settings.scale not in accepted:
        raise RegistryError(
            f"scale={settings.scale}: this encoder was trained on {encoder.scale} and takes "
            "nothing else"
        )
    cohort_hash = hash_cohort(CohortConfig(**given), seed, adata)
    corrects = encoder.transform.correction is not None
    if cohort_hash == card["cohort_hash"]:
        inherited += JOINING if corrects else ()
        given |= {
            name: trained_on.get(name, defaults[name])
            for name in inherited
            if given[name] == defaults[name]
        }
    if corrects:
        given["batch"] = given["batch"] or trained_on["batch"]
    # the scale of such values is guessed wrongly here as in training
    if given["scale"] == "auto" and trained_on["scale"] == encoder.scale:
        given["scale"] = encoder.scale
    read = _read_on_scale(
        given | {"duplicates": encoder.duplicates}, encoder, seed, min_samples, adata
    )
    read.uns["cohort_hash"] = cohort_hash
    if adata is None or recall(adata) is None:  # else it was printed when the AnnData was read
        print_reading(read.uns["report"])
    return read


def _read_on_scale(
    values: dict[str, str], encoder: Encoder, seed: int, min_samples: int, adata: AnnData | None
) -> AnnData:
    """Read a cohort that is on the encoder's scale: by its values, or, where these leave it open,
    by the encoder's word.

    Raises
    ------
    RegistryError
        The values are on another scale.
    """
    declared = CohortConfig(**values | {"scale": encoder.scale})
    if values["scale"] != "auto":
        return read_cohort(CohortConfig(**values), seed, min_samples, adata)
    try:
        read = read_cohort(CohortConfig(**values), seed, min_samples, adata)
    except CohortError:
        return read_cohort(declared, seed, min_samples, adata)
    if read.uns["scale"] != encoder.scale:
        raise RegistryError(
            f"this encoder takes {encoder.scale} ({SCALES[encoder.scale].meaning}); "
            f"{read.uns['name']} was read as {read.uns['scale']}: "
            f"{read.uns['report']['scale_by']}. {SCALES[encoder.scale].advice}; if its "
            f"values are on that scale, give scale={encoder.scale}"
        )
    return read


def tabulate(adata: AnnData) -> pd.DataFrame:
    """Raw expression (n_samples, n_genes), with the gene names of the file."""
    return pd.DataFrame(
        adata.X, index=adata.obs_names, columns=adata.var["source"].to_numpy(), copy=False
    )


def encode_cohort(encoder: Encoder, adata: AnnData) -> pd.DataFrame:
    """Latents (n_samples, n_latent) of a cohort; batches are corrected if the encoder does so."""
    with _refusals():
        return encoder.encode(tabulate(adata), adata.obs.get("batch"))


def encode_samples(
    encoder: Encoder, samples: AnnData | pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Latents (n_samples, n_latent) of samples in memory, in their order; NaN for rows that are not
    samples, such as sums.

    Parameters
    ----------
    encoder : Encoder
    samples : AnnData or DataFrame, (n_samples, n_genes)
        Raw expression on the encoder's scale.
    settings : mapping
        Given parameters of reading.
    """
    adata = as_anndata(samples)
    memory = recall(adata)
    kept = (
        {}
        if memory is None
        else {"metadata": "none", **{name: memory.settings[name] for name in DECISIONS}}
    )
    config = parse_settings(EncodeSettings, {"cohort": name_of(adata), **kept, **settings})
    read = read_for_encoder(encoder, config, adata=adata)
    if read.uns["report"]["orientation"] == "genes in rows":
        raise CohortError(
            f"expected samples in rows and genes in columns; found {adata.n_obs} rows that "
            "are genes: transpose it with .T"
        )
    latent = encode_cohort(encoder, read)
    if len(latent) < adata.n_obs:
        latent = latent.reindex([str(name).strip() for name in adata.obs_names])
    return latent.set_axis(samples.index if isinstance(samples, pd.DataFrame) else adata.obs_names)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn refusals of an encoder into errors of the command line, and print its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (ExpressionError, BatchError) as error:
            raise RegistryError(str(error)) from None
    for warning in caught:
        print(f"note: {warning.message}", file=sys.stderr)


def apply_encoder(
    encoder: Encoder, reference: str, settings: EvaluateSettings, tracker: Tracker
) -> Preprocessed:
    """Transform a cohort by the encoder, in the parts of the encoder's split; fit nothing. The
    reading is logged.
    """
    from genexp.tracking.registry import download_artifact, training_run

    adata = read_for_encoder(encoder, settings, READING + ANNOTATING, MIN_SAMPLES)
    log_reading(adata.uns["report"], tracker)
    with _refusals():
        raw, _ = encoder.align(tabulate(adata))
    with tempfile.TemporaryDirectory() as folder:
        path = download_artifact(training_run(reference), "preprocess/split.tsv", Path(folder))
        split = pd.read_csv(path, sep="\t", index_col=0, dtype=str, keep_default_na=False)
    _check_trained_on(adata, split, encoder, reference)
    var = pd.DataFrame({"source": list(encoder.sources)}, index=list(encoder.genes))
    return apply_transform(
        raw,
        adata.obs,
        split,
        var,
        encoder.transform,
        cache=settings.run.cache,
        name=str(adata.uns["name"]),
        scale=encoder.scale,
    )


def _check_trained_on(
    adata: AnnData, split: pd.DataFrame, encoder: Encoder, reference: str
) -> None:
    """Refuse a cohort without any sample of the training, since the baselines are fitted on
    those.
    """
    trained_on, name = encoder.card["cohort_settings"]["cohort"], adata.uns["name"]
    is_other_simulation = (
        is_simulated(name) and adata.uns["cohort_hash"] != encoder.card["cohort_hash"]
    )  # simulations share their sample ids
    if is_other_simulation or not (place_samples(adata.obs, split) == "train").any():
        raise EvaluationError(
            f"none of the {adata.n_obs} samples of {name} ({', '.join(adata.obs_names[:3])}, "
            f"...) is one that {reference} was trained on, "
            "and the baselines are fitted on those; evaluate it on its own cohort "
            f"({trained_on}), or compute latents of another "
            "cohort with 'python -m genexp encode'"
        )


def write_predictions(encoder: Encoder, latent: pd.DataFrame, out: Path) -> None:
    """Write predictions of the heads from latents (n_samples, n_latent) to
    ``<out>.predictions.tsv``; heads with a memory are skipped.
    """
    plain = [head for head in encoder.heads if head.memory is None]
    z = latent.to_numpy()
    predictions = [
        pd.DataFrame(head(z), latent.index, [f"{head.name}: {column}" for column in head.columns])
        for head in plain
    ]
    if predictions:
        table = pd.concat(predictions, axis=1)
        write_whole(
            _name_table(out, "predictions"),
            lambda path: table.to_csv(path, sep="\t", float_format="%.6g"),
        )
        print(
            (
                f"predictions of {', '.join(head.name for head in plain)}: "
                f"{_name_table(out, 'predictions')}"
            ),
            file=sys.stderr,
        )


def _name_table(out: Path, content: str) -> Path:
    """Path of a table next to the latents ``out``."""
    return out.with_name(f"{out.name}.{content}.tsv")


def write_novelty(encoder: Encoder, adata: AnnData, out: Path) -> None:
    """Write the novelty of each sample to ``<out>.novelty.tsv``, if the encoder is calibrated, and
    print how well the cohort fits it.
    """
    with warnings.catch_warnings(action="ignore"):  # encode_cohort has printed them
        raw, absent = encoder.align(tabulate(adata))
    calibration = Calibration.of(encoder)
    novelty = (
        None
        if calibration is None
        else score_samples(encoder, calibration, raw, adata.obs_names, adata.obs.get("batch"))
    )
    if novelty is not None:
        write_whole(
            _name_table(out, "novelty"),
            lambda path: novelty.to_csv(path, sep="\t", float_format="%.6g"),
        )
    print(describe_coverage(encoder, len(absent), calibration, novelty), file=sys.stderr)
