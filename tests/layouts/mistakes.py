"""Mistakes in values, and scales that contradict what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.scale import write
from tests.layouts.truth import IDS, LOG2, C, E, N, expect

LAYOUTS = Layouts()


@LAYOUTS
def one_negative_count(folder: Path):
    x = C.copy()
    x.iloc[5, 9] = -1
    return write(folder, x), {"refuse": ["-1", "negative"]}


@LAYOUTS
def minus_999_for_missing_logarithms(folder: Path):
    x = E.copy()
    x.iloc[5, 9] = x.iloc[20, 33] = -999
    return write(folder, x), expect(x, says=["-999"]) | {"or_refuse": ["-999"]}


@LAYOUTS
def one_enormous_value(folder: Path):
    x = E.copy()
    x.iloc[1, 2] = 1e30
    return write(folder, x), expect(x, says=["1e+30"]) | {"or_refuse": ["1e+30"]}


@LAYOUTS
def a_decimal_point_lost_in_logarithms(folder: Path):
    """7.412 became 7412 in three cells."""
    x = E.copy()
    for i, j in ((3, 4), (17, 30), (35, 59)):
        x.iloc[i, j] = 7412
    return write(folder, x), expect(x, says=["7412"]) | {"or_refuse": ["7412"]}


@LAYOUTS
def one_typing_error_in_shares(folder: Path):
    x = ((E - E.min()) / (E.max() - E.min())).round(4)
    x.iloc[4, 4] = 55
    return write(folder, x), expect(x, scale="zero_one", says=["55"]) | {"or_refuse": ["55"]}


@LAYOUTS
def one_count_with_a_fraction(folder: Path):
    x = C.astype(float)
    x.iloc[4, 4] += 0.5
    return write(folder, x), expect(
        x, scale=["counts", "norm_count"], says=[f"{x.iloc[4, 4]:g}", "whole"]
    ) | {"or_refuse": ["whole"]}


@LAYOUTS
def counts_declared_of_logarithms(folder: Path):
    return write(folder, E) | {"scale": "counts"}, {"refuse": ["scale=counts"]}


@LAYOUTS
def logarithms_declared_of_counts(folder: Path):
    return write(folder, C) | {"scale": "log2_norm_count"}, {"refuse": ["scale=log2_norm_count"]}


@LAYOUTS
def logarithms_of_one_laboratory_and_counts_of_another(folder: Path):
    """Two files were pasted together: half of the samples are on another scale."""
    x = pd.concat([E.iloc[: N // 2], C.iloc[N // 2 :].astype(float)])
    return write(folder, x), {"refuse": ["scale", "samples"]}


@LAYOUTS
def one_sample_that_was_not_transformed(folder: Path):
    x = pd.concat([E.iloc[:-1], C.iloc[-1:].astype(float)])
    return write(folder, x), expect(x, scale=LOG2, says=[IDS[-1]]) | {"or_refuse": [IDS[-1]]}


@LAYOUTS
def negative_intensities_after_background_correction(folder: Path):
    x = (2**E * 20 - 30).round(1)
    x.iloc[0, :4] = -12.4
    return write(folder, x), {"refuse": ["negative", "below 0"]}


@LAYOUTS
def the_number_999_for_missing_logarithms(folder: Path):
    """In two of a hundred cells: no typing error, and no reason to take all for linear."""
    x = E.mask(np.random.default_rng(0).random(E.shape) < 0.02, 999)
    return write(folder, x), {"refuse": ["999"]}


@LAYOUTS
def the_number_minus_9_for_missing_counts(folder: Path):
    return write(folder, C.mask(np.random.default_rng(0).random(C.shape) < 0.02, -9)), {
        "refuse": ["negative"]
    }


@LAYOUTS
def rounded_logarithms_with_a_typing_error(folder: Path):
    x = E.round()
    x.iloc[3, 3] = 999
    return write(folder, x), {"refuse": ["scale="]}


@LAYOUTS
def a_typing_error_in_z_scores(folder: Path):
    x = ((E - E.mean()) / E.std()).round(3)
    x.iloc[2, 2] = 9999
    return write(folder, x), expect(x, scale="zscore", says=["9999"])


@LAYOUTS
def a_typing_error_in_counts(folder: Path):
    x = C.copy()
    x.iloc[2, 2] = 10**12
    return write(folder, x), expect(x, scale="counts", says=["1e+12"])


@LAYOUTS
def a_heading_normalized_count_over_logarithms(folder: Path):
    lines = E.T.to_csv(sep="\t").splitlines()
    lines[:1] = ["Hybridization REF" + lines[0], "gene_id" + "\tnormalized_count" * N]
    (folder / "m.txt").write_text("\n".join(lines) + "\n")
    return {"cohort": "m.txt"}, {"refuse": ["normalized_count"]}


@LAYOUTS
def a_minus_of_typographers(folder: Path):
    """U+2212 instead of a hyphen, as word processors write it."""
    x = (E - E.median()).round(3)
    (folder / "m.csv").write_text(x.to_csv().replace(",-", ",\u2212"), encoding="utf-8")
    return {"cohort": "m.csv"}, expect(x, scale=["log2fc", "zscore"]) | {"or_refuse": ["\u2212"]}
