"""Scales of whole transcriptomes and of single cells, in which most genes are silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.scale import write
from tests.layouts.truth import LOG2, expect

LAYOUTS = Layouts()
N_SAMPLES, N_GENES = 36, 400
NAMES = [f"LU-{i}" for i in range(N_SAMPLES)], [f"ENSG{i:011d}" for i in range(N_GENES)]


def simulate_counts() -> pd.DataFrame:
    """Counts of which 6 in 10 genes are silent, from libraries of other sizes."""
    rng = np.random.default_rng(0)
    mean = np.where(rng.random(N_GENES) < 0.6, 0.002, rng.lognormal(4, 1.6, N_GENES))
    library = rng.lognormal(0, 0.4, (N_SAMPLES, 1))
    return pd.DataFrame(
        rng.poisson(mean * library * rng.gamma(5, 0.2, (N_SAMPLES, N_GENES))), *NAMES
    )


def simulate_cells() -> pd.DataFrame:
    """Counts of single cells, most of them 0."""
    rng = np.random.default_rng(5)
    mean, library = rng.gamma(0.3, 0.5, N_GENES), rng.lognormal(0, 0.4, (N_SAMPLES, 1))
    return pd.DataFrame(rng.poisson(mean * library), *NAMES)


def simulate_array() -> pd.DataFrame:
    """Background-corrected log2 intensities of an array."""
    rng = np.random.default_rng(8)
    mean = rng.gamma(2, 1.6, N_GENES) + 3
    probes = [f"{200000 + i}_at" for i in range(N_GENES)]
    return pd.DataFrame(
        (mean + rng.normal(0, 0.5, (N_SAMPLES, N_GENES))).clip(2.2, 14.5).round(4), NAMES[0], probes
    )


COUNTS, CELLS, ARRAY = simulate_counts(), simulate_cells(), simulate_array()
TOTAL = COUNTS.sum(axis=1)
LOG = np.log2(COUNTS + 1)


def share(counts: pd.DataFrame, total: float) -> pd.DataFrame:
    """Counts of each sample, brought to one total."""
    return counts.div(counts.sum(axis=1), axis=0) * total


@LAYOUTS
def counts_of_all_genes(folder: Path):
    return write(folder, COUNTS), expect(COUNTS, scale="counts")


@LAYOUTS
def logarithms_of_all_genes(folder: Path):
    return write(folder, LOG.round(4)), expect(LOG)


@LAYOUTS
def logarithms_with_missing_values(folder: Path):
    x = LOG.round(4).mask(np.random.default_rng(1).random(LOG.shape) < 0.05)
    return write(folder, x) | {"missing": "impute_mean"}, expect(x, says=["missing"])


@LAYOUTS
def voom_of_all_genes(folder: Path):
    """The value of a silent gene follows the library of its sample."""
    x = np.log2((COUNTS + 0.5).div(TOTAL * 400 + 1, axis=0) * 1e6).round(5)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def edger_of_all_genes(folder: Path):
    """The prior count follows the library, so silent genes have one value in all samples."""
    prior = 2 * TOTAL / TOTAL.mean()
    x = np.log2(COUNTS.add(prior, axis=0).div(TOTAL * 400 + 2 * prior, axis=0) * 1e6).round(5)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def toil_of_all_genes(folder: Path):
    """log2(x + 0.001): silent genes are at -9.97."""
    x = np.log2(COUNTS + 0.001).round(4)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def variance_stabilised_counts_of_all_genes(folder: Path):
    x = np.log2(share(COUNTS, TOTAL.mean()) + 9).round(5)
    return write(folder, x), expect(x, scale=LOG2)


@LAYOUTS
def regularised_logarithms_of_all_genes(folder: Path):
    """Silent genes vary a little below 0: the middle of all genes is no centre of ratios."""
    x = (LOG - 0.7 + 0.02 * np.random.default_rng(1).normal(size=LOG.shape)).round(4)
    return write(folder, x), expect(x, scale=LOG2)


@LAYOUTS
def transcripts_per_million_of_all_genes(folder: Path):
    x = share(COUNTS, 1e6)
    return write(folder, x.round(4)), expect(x, scale="tpm")


@LAYOUTS
def natural_logarithms_of_all_genes(folder: Path):
    x = np.log1p(share(COUNTS, 1e6))
    return write(folder, x.round(6)), expect(x / np.log(2), says=["natural"], tolerance=1e-3)


@LAYOUTS
def fragments_per_kilobase_of_all_genes(folder: Path):
    x = COUNTS * np.random.default_rng(3).lognormal(-3, 1, N_GENES)
    return write(folder, x.round(5)), expect(x, scale="norm_count", tolerance=1e-3)


@LAYOUTS
def fragments_per_kilobase_of_shallow_libraries(folder: Path):
    """Few values are above 10: whether these are logarithms has to be asked."""
    x = (COUNTS * np.random.default_rng(3).lognormal(-6, 1, N_GENES)).round(6)
    return write(folder, x), expect(x, scale="norm_count", tolerance=1e-3) | {
        "or_refuse": ["scale="]
    }


@LAYOUTS
def z_scores_of_all_genes(folder: Path):
    """Genes without any count stay 0."""
    x = ((LOG - LOG.mean()) / LOG.std().replace(0, 1)).round(4)
    return write(folder, x), expect(x, scale="zscore")


@LAYOUTS
def z_scores_cut_at_one_and_a_half(folder: Path):
    """A limit on both sides is no floor."""
    x = LOG.loc[:, COUNTS.median() > 5]
    x = ((x - x.mean()) / x.std()).clip(-1.5, 1.5).round(4)
    return write(folder, x), expect(x, scale="zscore")


@LAYOUTS
def ratios_of_all_genes(folder: Path):
    x = (LOG - LOG.mean()).round(4)
    return write(folder, x), expect(x, scale="log2fc")


@LAYOUTS
def shares_of_the_largest_value(folder: Path):
    x = (COUNTS / COUNTS.max().replace(0, 1)).round(5)
    return write(folder, x), expect(x, scale="zero_one")


@LAYOUTS
def counts_of_cells(folder: Path):
    return write(folder, CELLS), expect(CELLS, scale="counts")


@LAYOUTS
def natural_logarithms_of_cells(folder: Path):
    """Seurat's LogNormalize."""
    x = np.log1p(share(CELLS, 1e4))
    return write(folder, x.round(6)), expect(x / np.log(2), says=["natural"], tolerance=1e-3)


@LAYOUTS
def cells_brought_to_one_total(folder: Path):
    x = share(CELLS, 1e4)
    return write(folder, x.round(4)), expect(x, scale=["norm_count", "tpm"])


@LAYOUTS
def intensities_of_an_array(folder: Path):
    return write(folder, ARRAY), expect(ARRAY, scale="log2_intensity")


@LAYOUTS
def intensities_of_equal_quantiles(folder: Path):
    """Every sample has one total in any base of logarithms: this says nothing of the base."""
    quantiles = np.sort(ARRAY.to_numpy(), axis=1).mean(axis=0)
    ranks = ARRAY.rank(axis=1, method="first").astype(int).to_numpy() - 1
    x = pd.DataFrame(quantiles[ranks].round(4), ARRAY.index, ARRAY.columns)
    return write(folder, x), expect(x, scale="log2_intensity")


@LAYOUTS
def linear_intensities_of_an_array(folder: Path):
    x = (2**ARRAY).round(2).set_axis([f"A_23_P{100000 + i}" for i in range(N_GENES)], axis=1)
    return write(folder, x), expect(x, scale="norm_count")


@LAYOUTS
def linear_intensities_below_zero(folder: Path):
    """Illumina's, after the background was subtracted."""
    x = (2**ARRAY - 20).round(2).set_axis([f"ILMN_{1600000 + i}" for i in range(N_GENES)], axis=1)
    return write(folder, x), {"refuse": ["below 0"]}
