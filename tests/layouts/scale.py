"""Scales: told by robust statistics, never by the largest value, and asked about where two are
possible.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import ENSEMBL, GENES, IDS, LOG2, C, E, G, N, expect, frame, tsv

LAYOUTS = Layouts()
ASK = ["scale="]
LINEAR = ["norm_count", "tpm", "counts"]
CPM = C.div(C.sum(axis=1), axis=0) * 1e6


def write(folder: Path, x: pd.DataFrame, name: str = "m.csv") -> dict[str, str]:
    x.to_csv(folder / name)
    return {"cohort": name}


@LAYOUTS
def robust_multichip_average(folder: Path):
    x = (
        (E.clip(lower=0) * 0.6 + np.random.default_rng(2).normal(3.2, 0.15, E.shape))
        .clip(lower=2.1)
        .round(5)
    )
    return write(folder, x), expect(x, scale="log2_intensity")


@LAYOUTS
def variance_stabilised_counts(folder: Path):
    """DESeq2's vst: log2 for many counts, a floor of its own value where there are none."""
    x = np.log2(C + 35.0).round(4)
    return write(folder, x), expect(x, scale=LOG2)


@LAYOUTS
def log_cpm_with_a_prior_count(folder: Path):
    """edgeR's ``cpm(log=TRUE)``."""
    library = C.sum(axis=1)
    prior = 2 * library / library.mean()
    x = np.log2(C.add(prior, axis=0).div(library + 2 * prior, axis=0) * 1e6)
    x = (x - 9).round(4)  # libraries of some millions rather than of 60 genes
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def voom_log_cpm(folder: Path):
    x = (np.log2((C + 0.5).div(C.sum(axis=1) * 300 + 1, axis=0) * 1e6)).round(4)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def natural_logarithms_of_cpm(folder: Path):
    x = np.log1p(CPM)
    return write(folder, x.round(6)), expect(x / np.log(2), says=["natural"]) | {
        "or_refuse": ["natural"]
    }


@LAYOUTS
def natural_logarithms_of_ten_thousand(folder: Path):
    """scanpy's and Seurat's default, saved as text: nothing says that they are natural but their
    sums.
    """
    x = np.log1p(CPM / 100)
    tsv(x.T.round(5), folder / "normalised.tsv")
    return {"cohort": "normalised.tsv"}, expect(x / np.log(2), says=["natural"], tolerance=1e-3) | {
        "or_refuse": ["natural"]
    }


@LAYOUTS
def natural_logarithms_as_declared(folder: Path):
    x = (E * np.log(2)).round(6)
    return write(folder, x) | {"scale": "ln_norm_count"}, expect(E, says=["natural"])


@LAYOUTS
def decadic_logarithms_of_cpm(folder: Path):
    x = np.log10(CPM + 1)
    return write(folder, x.round(6)), expect(x / np.log10(2), says=["log10", "base 10"]) | {
        "or_refuse": ["log10", "base 10"]
    }


@LAYOUTS
def log2_with_an_offset_of_one_half(folder: Path):
    x = np.log2(2**E - 1 + 0.5).clip(lower=-1).round(4)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def log2_with_an_offset_of_one_hundredth(folder: Path):
    x = np.log2(2**E - 1 + 0.01).round(4)
    return write(folder, x), expect(x, scale="log2_tpm")


@LAYOUTS
def rounded_logarithms(folder: Path):
    """Whole numbers from 0 to 15 that are no counts."""
    x = E.round().astype(int)
    return write(folder, x), [expect(x) | {"or_refuse": ASK}]


@LAYOUTS
def rounded_logarithms_as_declared(folder: Path):
    x = E.round().astype(int)
    return write(folder, x) | {"scale": "log2_norm_count"}, expect(x)


@LAYOUTS
def logarithms_with_one_decimal(folder: Path):
    x = E.round(1)
    return write(folder, x), expect(x)


@LAYOUTS
def transcripts_per_million(folder: Path):
    return write(folder, CPM.round(3)), expect(CPM, scale="tpm")


@LAYOUTS
def counts_per_million_of_some_genes(folder: Path):
    """Genes were filtered, so that nothing sums to a million."""
    x = (CPM * 0.4).sample(45, axis=1, random_state=1).round(4)
    return write(folder, x), expect(x, scale=["norm_count", "tpm"])


@LAYOUTS
def fragments_per_kilobase(folder: Path):
    x = (2**E - 1) * np.random.default_rng(3).lognormal(-2, 1, G)
    return write(folder, x.round(4)), expect(x, scale="norm_count", tolerance=1e-3)


@LAYOUTS
def expected_counts_of_rsem(folder: Path):
    """Mostly whole: reads that fit several genes are shared out."""
    x = C + np.where(
        np.random.default_rng(4).random(C.shape) < 0.2,
        np.random.default_rng(5).random(C.shape).round(2),
        0,
    )
    return write(folder, x.round(2)), expect(
        x.round(2), scale=["norm_count", "counts"], says=["expected counts", "whole"]
    )


@LAYOUTS
def normalised_counts_of_deseq2(folder: Path):
    x = C.mul(np.random.default_rng(6).lognormal(0, 0.3, N), axis=0)
    return write(folder, x), expect(x, scale="norm_count")


@LAYOUTS
def intensities_of_an_array_that_are_no_logarithms(folder: Path):
    """MAS 5: from ten to sixty thousand with one decimal, no zeros."""
    x = (2 ** (E * 0.7 + 4) + np.random.default_rng(7).random(E.shape)).round(1)
    return write(folder, x), expect(x, scale="norm_count")


@LAYOUTS
def ratios_to_a_reference(folder: Path):
    """Around 1, never negative: their logarithms would be ratios, they themselves are on no
    scale.
    """
    x = np.exp2((E - E.mean()) * 0.3).clip(0.2, 2.9).round(4)
    return write(folder, x), {"refuse": ["ratios", "scale="]}


@LAYOUTS
def log2_ratios(folder: Path):
    x = ((E - E.mean()) * np.random.default_rng(8).uniform(0.2, 2, G)).round(4)
    return write(folder, x), expect(x, scale="log2fc")


@LAYOUTS
def z_scores_with_heavy_tails(folder: Path):
    x = ((E - E.mean()) / E.std()).round(4)
    x.iloc[4, 6], x.iloc[30, 50] = 58.1, 91.7
    return write(folder, x), expect(x, scale="zscore")


@LAYOUTS
def z_scores_over_patients_as_of_cbioportal(folder: Path):
    """Against diploid samples: the mean is not 0, and some genes reach hundreds."""
    x = ((E - E.median()) / (E.std() * 0.8)).round(4)
    x.iloc[:3, 9] = [310.2, 88.0, 51.3]
    t = x.T
    t.insert(0, "Entrez_Gene_Id", range(100, 100 + G))
    tsv(t.rename_axis("Hugo_Symbol"), folder / "data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt")
    return {"cohort": "data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt"}, expect(
        x, scale="zscore"
    )


@LAYOUTS
def scaled_between_0_and_1_with_rounding(folder: Path):
    x = ((E - E.min()) / (E.max() - E.min())).round(3)
    x.iloc[2, 3] = 1.00001
    return write(folder, x), expect(x, scale="zero_one")


@LAYOUTS
def per_cent(folder: Path):
    """Percent spliced in: from 0 to 100, linear, and no expression."""
    x = frame(np.random.default_rng(9).beta(0.7, 0.7, (N, G)).round(4) * 100, IDS, GENES)
    return write(folder, x.round(2)), expect(x, scale="norm_count", tolerance=1e-3) | {
        "or_refuse": ASK
    }


@LAYOUTS
def counts_of_single_cells(folder: Path):
    """Low depth: most are 0, the largest is 7."""
    x = frame(
        np.random.default_rng(10)
        .poisson(np.random.default_rng(11).gamma(0.4, 0.9, G), (N, G))
        .clip(max=7),
        IDS,
        GENES,
    )
    return write(folder, x), expect(x, scale="counts")


@LAYOUTS
def counts_of_low_depth_with_few_zeros(folder: Path):
    """A panel of amplicons: whole numbers from 0 to 20 could be rounded logarithms."""
    x = frame(np.random.default_rng(12).poisson(7, (N, G)), IDS, GENES)
    return write(folder, x), expect(x, scale="counts") | {"or_refuse": ASK}


@LAYOUTS
def counts_with_a_decimal_point(folder: Path):
    x = C.astype(float)
    return write(folder, x), expect(C, scale="counts")


@LAYOUTS
def counts_in_exponential_form(folder: Path):
    C.astype(float).to_csv(folder / "m.csv", float_format="%.6e")
    return {"cohort": "m.csv"}, expect(C, scale="counts", tolerance=1e-5)


@LAYOUTS
def rounded_normalised_counts(folder: Path):
    x = (2**E - 1).mul(3.7).round().astype(int)
    return write(folder, x), expect(x, scale="counts")


@LAYOUTS
def an_anndata_file_says_log1p_with_base_2(folder: Path):
    import anndata

    x = np.log2(CPM / 100 + 1)
    adata = anndata.AnnData(x.astype(np.float32))
    adata.uns["log1p"] = {"base": 2}
    adata.write_h5ad(folder / "m.h5ad")
    return {"cohort": "m.h5ad"}, expect(x, scale=LOG2, tolerance=1e-3)


@LAYOUTS
def logarithms_centred_by_gene(folder: Path):
    x = (E - E.median()).round(4)
    return write(folder, x), expect(x, scale=["log2fc", "zscore"])


@LAYOUTS
def all_genes_of_equal_quantiles(folder: Path):
    """Quantile normalisation: every sample has the same sum; these are log2, not natural."""
    ranks = E.rank(axis=1, method="first").astype(int).to_numpy() - 1
    x = frame(np.sort(E.to_numpy(), axis=1).mean(axis=0)[ranks].round(4), IDS, ENSEMBL)
    return write(folder, x), expect(x, scale=LOG2)


@LAYOUTS
def linear_values_below_25(folder: Path):
    """Small enough for logarithms, but genes vary in proportion to their mean."""
    return write(folder, ((2**E - 1) / 512).clip(upper=24).round(4)), {"refuse": ["scale="]}


@LAYOUTS
def linear_values_below_25_as_declared(folder: Path):
    x = ((2**E - 1) / 512).clip(upper=24).round(4)
    return write(folder, x) | {"scale": "norm_count"}, expect(x, scale="norm_count")


@LAYOUTS
def rounded_logarithms_with_many_zeros(folder: Path):
    x = E.round().astype(int)
    x.iloc[:, :25] = np.random.default_rng(0).binomial(1, 0.1, (N, 25))
    return write(folder, x), {"refuse": ["scale="]}


@LAYOUTS
def z_scores_cut_at_3(folder: Path):
    x = ((E - E.mean()) / E.std()).clip(-3, 3).round(3)
    return write(folder, x), expect(x, scale="zscore")


@LAYOUTS
def logarithms_with_a_few_below_zero(folder: Path):
    """Agilent's log2 intensities, or log2 with an offset."""
    x = (E - 0.5).round(3)
    return write(folder, x), expect(x, scale=LOG2)


@LAYOUTS
def firehose_says_normalized_count(folder: Path):
    """Its second heading names the values."""
    x = (2**E - 1).round(4)
    samples = [f"TCGA-AB-{i:04d}-03A-01R-A123-07" for i in range(N)]
    lines = (
        x.set_axis(samples)
        .T.set_axis([f"{gene}|{1000 + i}" for i, gene in enumerate(GENES)])
        .to_csv(sep="\t")
        .splitlines()
    )
    lines[:1] = ["Hybridization REF" + lines[0], "gene_id" + "\tnormalized_count" * N]
    (folder / "BRCA.rnaseqv2__RSEM_genes_normalized__data.data.txt").write_text(
        "\n".join(lines) + "\n"
    )
    return {"cohort": "BRCA.rnaseqv2__RSEM_genes_normalized__data.data.txt"}, expect(
        x, samples, scale="norm_count", tolerance=1e-3
    )
