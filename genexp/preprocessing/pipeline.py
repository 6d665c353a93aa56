"""Preprocessing of a cohort from reading to the stored matrices, or from the cache where they
exist.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import genexp
from genexp.errors import PreprocessError, name_some
from genexp.preprocessing.confounding import (
    measure_confounding,
    refuse_confounding,
    warn_of_confounding,
)
from genexp.preprocessing.correction import Correction
from genexp.preprocessing.fit import FittedGenes, choose_normalisation, fit_genes
from genexp.preprocessing.invariance import find_dependent
from genexp.preprocessing.quality import measure_quality
from genexp.preprocessing.split import (
    EXCLUDED,
    PARTS,
    count_labels,
    draw_split,
    hash_split,
    warn_of_split,
    warn_of_test,
)
from genexp.preprocessing.store import (
    Preprocessed,
    load_preprocessed,
    prepare_cache,
    write_preprocessed,
)
from genexp.preprocessing.tails import warn_of_tails
from genexp.preprocessing.transform import Transform
from genexp.settings.preprocessing import PreprocessConfig
from genexp.settings.values import hash_values, section_values
from genexp.settings.verbs import PreprocessSettings
from genexp.tracker import Tracker

if TYPE_CHECKING:
    from anndata import AnnData


def preprocess_cohort(settings: PreprocessSettings, tracker: Tracker) -> Preprocessed:
    """Read a cohort, split it, choose genes and scale them by the train samples, and log the
    result.

    A cohort that was preprocessed before, from the same files with the same settings and code,
    comes from the cache.

    Raises
    ------
    CohortError
        The input is no cohort.
    PreprocessError
        The cohort cannot be split, filtered, normalised or written as configured.
    """
    from genexp.cohort import cohort_fingerprint, read_cohort
    from genexp.cohort.reading import print_reading

    data, reused = prepare_cohort(
        settings,
        partial(cohort_fingerprint, settings.reading, settings.run.seed),
        partial(read_cohort, settings.reading, settings.run.seed),
    )
    print_reading(data.report["cohort"])
    print_warnings(data)
    log_reading(data.report["cohort"], tracker)
    log_preprocessed(data, tracker, source=settings.reading.cohort, reused=reused)
    return data


def prepare_cohort(
    settings: PreprocessSettings, fingerprint: Callable[[], str], read: Callable[[], AnnData]
) -> tuple[Preprocessed, bool]:
    """Preprocess a cohort, or take it from the cache; return it, and whether it was cached.

    Parameters
    ----------
    settings : PreprocessSettings
    fingerprint : callable
        Function that hashes everything that determines the result of ``read``
        (:func:`genexp.cohort.cohort_fingerprint`).
    read : callable
        Function that reads and checks the cohort.
    """
    cohorts = prepare_cache(settings.run.cache)
    values = settings.preprocessing.model_dump()
    folder = cohorts / hash_values(
        [fingerprint(), values, settings.run.seed, genexp.__version__, hash_code()]
    )
    data = find_preprocessed(folder)
    if data is not None:
        return data, True
    _say(f"reading {settings.reading.cohort}")
    return preprocess_anndata(read(), settings, folder), False


def print_warnings(data: Preprocessed) -> None:
    """Print the warnings about a preprocessed cohort."""
    for warning in data.report["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)


def log_reading(report: Mapping[str, Any], tracker: Tracker) -> None:
    """Log the reading of a cohort (``cohort/reading.json``), with orientation, scale and grouping
    by patient as tags.
    """
    from genexp.cohort.reading import dump_reading

    tracker.log_text("cohort/reading.json", dump_reading(report))
    tracker.set_tags(
        {
            "cohort_format": report.get("format", ""),
            "cohort_orientation": f"{report['orientation']}: {report['orientation_by']}",
            "cohort_scale_by": report["scale_by"],
            "cohort_groups": f"{report['group']} ({report['n_groups']})",
        }
    )


def preprocess_anndata(adata: AnnData, settings: PreprocessSettings, folder: Path) -> Preprocessed:
    """Preprocess a checked cohort into ``folder``; the path to a cohort in the settings is not
    read.

    The chain is split, filter, normalise, correct, scale. Batches are corrected without covariates,
    because keeping the differences between labels needs the labels of held-out samples;
    :mod:`genexp.preprocessing.confounding` measures the cost. A batch without train samples is
    refused, or estimated in each part from the part's own samples (``unseen_batch``).
    """
    X, scale = np.asarray(adata.X), str(adata.uns["scale"])
    normalise = choose_normalisation(settings.preprocessing.normalise, scale, X)
    quality = measure_quality(X, scale).set_index(adata.obs.index)
    stays = (quality["detected"] >= settings.preprocessing.min_sample_detected).to_numpy()
    _check_samples_left(quality[~stays], int(stays.sum()), settings.preprocessing)
    part = draw_split(adata.obs[stays], settings.preprocessing.split, settings.run.seed).reindex(
        adata.obs.index, fill_value=EXCLUDED
    )
    cramers_v = measure_confounding(adata.obs[part == "train"]) if settings.reading.batch else None
    refuse_confounding(cramers_v, settings.preprocessing.correction)
    batch = (
        None
        if settings.preprocessing.correction == "none"
        else adata.obs["batch"].to_numpy(dtype=object)
    )
    train = np.flatnonzero(part == "train")
    fit = partial(
        fit_genes,
        var=adata.var,
        train=train,
        scale=scale,
        normalise=normalise,
        config=settings,
        batch=batch,
    )
    held_out = np.flatnonzero(part != "train")
    fitted = fit(X)
    fitted_state = {
        "n_held_out": len(held_out),
        "changed": find_dependent(X, held_out, fitted, fit),
    }
    report = _report(adata, part, fitted, settings, cramers_v) | {"fitted_state": fitted_state}
    report["warnings"] += warn_of_tails(
        X,
        adata.obs.index,
        train,
        fitted,
        lambda clip: fit(X, config=settings.model_copy(update={"clip": clip})),
        scale,
        batch,
    )
    return write_preprocessed(
        folder,
        lambda rows: fitted.columns.take(X, rows),
        adata.obs,
        pd.concat([part, adata.obs["group"], quality], axis=1),
        fitted.var,
        fitted.transform,
        report,
        {
            "lost_genes": fitted.filtered,
            "lost_samples": quality[~stays].assign(reason="too few genes detected"),
        },
    )


def apply_transform(
    raw: np.ndarray,
    obs: pd.DataFrame,
    split: pd.DataFrame,
    var: pd.DataFrame,
    transform: Transform,
    *,
    name: str,
    scale: str,
    cache: str | Path,
) -> Preprocessed:
    """Transform a cohort as the training data of a finished encoder; nothing is fitted.

    Parameters
    ----------
    raw : ndarray of float32, (n_samples, n_genes)
        Raw values of the encoder's genes in its order, NaN where missing
        (:meth:`genexp.model.encoder.Encoder.align`).
    obs : DataFrame, (n_samples, ...)
        Annotations with ``group`` and, where the transform corrects batches, ``batch``; index
        sample id.
    split : DataFrame
        ``part`` and ``group`` of the samples that the encoder was trained with
        (:attr:`Preprocessed.split`); index sample id.
    var : DataFrame, (n_genes, ...)
        The encoder's genes; index gene name, with the column ``source``.
    transform : Transform
        Transform of the encoder.
    name, scale : str
        Name and value scale of the cohort.
    cache : str or Path
        Folder of the result.

    Returns
    -------
    Preprocessed
        Samples keep their part (or stay excluded), and new samples of a known group take the
        group's part; all others are test samples.
    """
    part = place_samples(obs, split)
    spec, arrays = transform.to_parts()
    texts = [
        obs.to_csv(),
        part.to_csv(),
        hash_values([list(var.index), spec, scale, name, genexp.__version__, hash_code()]),
    ]
    numbers = [np.ascontiguousarray(array).data for array in (raw, *arrays.values())]
    folder = prepare_cache(cache) / _hash_bytes([text.encode() for text in texts] + numbers)
    data = find_preprocessed(folder)
    if data is None:
        report = {
            "name": name,
            "scale": scale,
            "normalise": transform.normalise,
            "warnings": [],
            "labels": _label_counts(obs, part),
        }
        assignment = pd.concat([part, obs["group"]], axis=1)
        data = write_preprocessed(
            folder, lambda index: raw[index], obs, assignment, var, transform, report, {}
        )
    return data


def place_samples(obs: pd.DataFrame, split: pd.DataFrame) -> pd.Series:
    """Assign every sample of a cohort to a part of an earlier split: its own, else its group's,
    else test.
    """
    part_of_group = (
        split[split["part"] != EXCLUDED].drop_duplicates("group").set_index("group")["part"]
    )
    of_sample, of_group = obs.index.to_series().map(split["part"]), obs["group"].map(part_of_group)
    part = of_sample.where(of_sample.notna(), of_group)
    return part.where(part.notna(), "test").rename("part")


def find_preprocessed(folder: Path) -> Preprocessed | None:
    """Load a preprocessed cohort if it exists; remove a broken one."""
    if not folder.exists():
        return None
    try:
        return load_preprocessed(folder)
    except PreprocessError:
        shutil.rmtree(folder)
        return None


def hash_code() -> str:
    """Hash the code that determines a preprocessed cohort: all packages from names to
    preprocessing.
    """
    packages = [
        Path(genexp.__file__).parent / name
        for name in ("names", "files", "formats", "query", "cohort", "preprocessing")
    ]
    assert all(package.is_dir() for package in packages)
    return _hash_bytes(
        [path.read_bytes() for package in packages for path in sorted(package.rglob("*.py"))]
    )


def log_preprocessed(data: Preprocessed, tracker: Tracker, source: str, reused: bool) -> None:
    """Log the cohort in the run: tags, tables, the fitted transform and two figures."""
    from genexp.preprocessing.figures import plot_gene_quality, plot_sample_quality

    filtered_genes, excluded_samples = (
        data.read_table("lost_genes"),
        data.read_table("lost_samples"),
    )
    parts = data.report["parts"]
    tracker.set_tags(
        {
            "preprocess": "reused" if reused else "computed",
            "cohort": data.name,
            "scale": data.scale,
            "fingerprint": data.fingerprint,
            "split_hash": data.split_hash,
            **{f"n_{part}": parts[part]["samples"] for part in PARTS},
            "n_genes": len(data.var),
            "n_lost_genes": len(filtered_genes),
            "n_lost_samples": len(excluded_samples),
        }
    )
    if (cramers_v := data.report.get("cramers_v")) is not None:
        tracker.set_tags({"batch_label_cramers_v": round(cramers_v, 3)})
    if (correction := data.transform.correction) is not None:
        tracker.set_tags(
            {
                "correction": data.report["correction"]["method"],
                "n_batches": len(correction.batches),
            }
        )
    if data.report["warnings"]:
        tracker.set_tags({"preprocess_warnings": "; ".join(data.report["warnings"])})
    tracker.log_dataset(
        data.name,
        digest=data.report["digest"],
        source=source,
        n_samples=len(data.split),
        n_genes=len(data.var) + len(filtered_genes),
        context="preprocess",
    )
    tracker.log_table("preprocess/lost_genes.tsv", filtered_genes)
    tracker.log_table("preprocess/lost_samples.tsv", excluded_samples)
    tracker.log_table("preprocess/split.tsv", data.split)
    for file in ("report.json", "transform.json", "transform.safetensors"):
        tracker.log_file(data.folder / file, "preprocess")
    tracker.log_figure("figures/qc_samples.png", plot_sample_quality(data))
    tracker.log_figure("figures/qc_genes.png", plot_gene_quality(data))


def _report(
    adata: AnnData,
    part: pd.Series,
    fitted: FittedGenes,
    settings: PreprocessSettings,
    cramers_v: float | None,
) -> dict[str, Any]:
    counts = count_labels(adata.obs, part)
    warnings = (
        warn_of_split(counts, settings.preprocessing.split)
        + warn_of_test(adata.obs, part)
        + warn_of_confounding(cramers_v, settings.preprocessing.correction)
    )
    correction = describe_correction(
        fitted.transform.correction, adata.obs, part, settings.preprocessing
    )
    if correction.get("n_genes_left"):
        warnings.append(
            f"{correction['n_genes_left']} of {len(fitted.var)} genes do not vary within "
            "some batch, and so keep their differences "
            "between batches"
        )
    if settings.preprocessing.n_top_genes is not None and settings.preprocessing.n_top_genes > len(
        fitted.var
    ):
        warnings.append(
            f"n_top_genes={settings.preprocessing.n_top_genes} asks for more genes than the "
            f"{len(fitted.var)} that pass the other filters"
        )
    return {
        "name": str(adata.uns["name"]),
        "scale": str(adata.uns["scale"]),
        "digest": str(adata.uns["digest"]),
        "cohort": adata.uns.get("report", {}),
        "settings": section_values(settings.preprocessing),
        "policies": {
            "duplicates": settings.reading.duplicates,
            "missing": settings.reading.missing,
            "seed": settings.run.seed,
        },
        "normalise": fitted.transform.normalise,
        "correction": correction,
        "cramers_v": cramers_v,
        "split_hash": hash_split(part),
        "groups": adata.obs["group"].groupby(part).nunique().to_dict(),
        "labels": _label_counts(adata.obs, part),
        "genes": {
            "kept": len(fitted.var),
            "lost": fitted.filtered["reason"].value_counts().to_dict(),
        },
        "samples": {"kept": int((part != EXCLUDED).sum()), "lost": int((part == EXCLUDED).sum())},
        "warnings": warnings,
    }


def describe_correction(
    correction: Correction | None, obs: pd.DataFrame, part: pd.Series, config: PreprocessConfig
) -> dict[str, Any]:
    """Describe the correction of batches: method, samples of every batch by part, and number of
    unchanged genes.
    """
    if correction is None:
        return {"method": "none"}
    return {
        "method": config.correction,
        "prior": correction.prior,
        "batches": pd.crosstab(obs["batch"], part)
        .reindex(columns=list(PARTS), fill_value=0)
        .T.to_dict(),
        "unseen": sorted(set(obs.loc[part != EXCLUDED, "batch"]) - set(correction.batches)),
        "n_genes_left": int((correction.spread == 0).sum()),
    }


def _label_counts(obs: pd.DataFrame, part: pd.Series) -> dict[str, dict[str, int]]:
    return count_labels(obs, part).T.to_dict() if "label" in obs else {}


def _check_samples_left(excluded: pd.DataFrame, n_left: int, config: PreprocessConfig) -> None:
    from genexp.cohort.read import MIN_SAMPLES

    if n_left < MIN_SAMPLES:
        raise PreprocessError(
            f"expected at least {MIN_SAMPLES} samples, found {n_left} after excluding "
            f"{name_some(excluded.index)}, in which fewer than "
            f"{config.min_sample_detected:.0%} of the genes are detected; lower "
            "min_sample_detected or check the scale of the cohort"
        )


def _hash_bytes(pieces: list[Any]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()[:16]


def _say(text: str) -> None:
    """Print progress to a terminal, not to a log file."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)
