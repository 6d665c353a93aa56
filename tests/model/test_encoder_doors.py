"""What comes to an encoder by any door is encoded right, or refused in one sentence that says what
to do.
"""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
from scipy import sparse

from genexp.application import encode_cohort
from genexp.errors import RegistryError
from genexp.model.checks import ScaleError
from genexp.model.encoder import Affine, Encoder, Network
from genexp.model.table import ExpressionError, GeneMismatchError
from genexp.preprocessing.transform import Transform
from genexp.settings.tracking import RegistryConfig
from genexp.settings.verbs import PreprocessSettings
from genexp.tracking.registry import TEXT_PARTS, register_encoder
from genexp.tracking.runs import start_run
from tests.small_encoder import N_GENES, make_encoder, make_expression

N = 300
GENES = [f"G{i}" for i in range(N)]
LN2 = np.log(2)


def draw_logs(n: int = 40, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """log2(x + 1) of RNA-seq-like expression (n, N): a tenth of the genes silent, others from 0 to
    14, genes of one seed at one level.
    """
    level = np.random.default_rng(0).normal(8, 3, N).clip(0) * (np.arange(N) % 10 > 0)
    noise = np.random.default_rng(seed).normal(shift, 1.2, (n, N))
    return pd.DataFrame((level + noise * (level > 0)).clip(0), [f"s{i}" for i in range(n)], GENES)


def make(
    train: pd.DataFrame, scale: str, normalise: Any = "none", max_missing: float = 0.2
) -> Encoder:
    """An encoder with random weights and the transform that such train samples give."""
    plain = Transform(normalise, None, *np.zeros((3, 0), dtype=np.float32))
    values = plain.normalise_rows(train.to_numpy(dtype=np.float32))
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-3
    weight = np.random.default_rng(0).normal(size=(4, train.shape[1])).astype(np.float32)
    network, back = (
        Network((Affine(weight, np.zeros(4, np.float32)),)),
        Network((Affine(weight.T, np.zeros(train.shape[1], np.float32)),)),
    )
    names = list(train.columns)
    return Encoder(
        names,
        names,
        scale,
        "max_variance",
        Transform(normalise, None, mean, mean, spread),
        network,
        back,
        max_missing,
    )


def z_scores(table: pd.DataFrame) -> pd.DataFrame:
    return (table - table.mean()) / (table.std() + 1e-3)


LOGS = draw_logs()
LINEAR = np.exp2(LOGS) - 1
COUNTS = np.floor(LINEAR)
TPM = 1e6 * LINEAR.div(LINEAR.sum(axis=1), axis=0)
ENCODERS = {
    "log2_norm_count": make(LOGS, "log2_norm_count"),
    "log2_tpm": make(np.log2(TPM + 0.001), "log2_tpm"),
    "log2_intensity": make(LOGS.clip(lower=3), "log2_intensity"),
    "counts": make(COUNTS, "counts", "log2_cpm"),
    "tpm": make(TPM, "tpm", "log2"),
    "norm_count": make(LINEAR, "norm_count", "log2"),
    "log2fc": make(LOGS - LOGS.mean(), "log2fc"),
    "zscore": make(z_scores(LOGS), "zscore"),
    "zero_one": make(LOGS / 30, "zero_one"),
}
new = draw_logs(30, seed=1)
"""Samples that no encoder was trained on, and what they are on each scale."""
RIGHT = {
    "log2_norm_count": new,
    "log2_tpm": np.log2(
        1e6 * (np.exp2(new) - 1).div((np.exp2(new) - 1).sum(axis=1), axis=0) + 0.001
    ),
    "log2_intensity": new.clip(lower=3),
    "counts": np.floor(np.exp2(new) - 1),
    "tpm": 1e6 * (np.exp2(new) - 1).div((np.exp2(new) - 1).sum(axis=1), axis=0),
    "norm_count": np.exp2(new) - 1,
    "log2fc": new - LOGS.mean(),
    "zscore": z_scores(new),
    "zero_one": new / 30,
}


@pytest.mark.parametrize("n_samples", [1, 2, 30])
@pytest.mark.parametrize("scale", list(ENCODERS))
def test_values_of_the_right_scale_pass_without_a_word(scale: str, n_samples: int) -> None:
    latent = ENCODERS[scale].encode(RIGHT[scale].iloc[:n_samples])
    assert latent.notna().all(axis=None)
    assert latent.attrs["notes"] == []


WRONG: list[tuple[str, str, Callable[[], pd.DataFrame], str]] = [
    ("log2_norm_count", "counts", lambda: RIGHT["counts"], "0 to 40 are possible.*take numpy.log2"),
    (
        "log2_norm_count",
        "shallow counts",
        lambda: np.floor(RIGHT["counts"] / 3000).clip(upper=39),
        "whole numbers, as counts are",
    ),
    ("log2_norm_count", "linear TPM", lambda: RIGHT["tpm"], "0 to 40 are possible"),
    (
        "log2_norm_count",
        "natural logarithms",
        lambda: new * LN2,
        "those of natural logarithms.*divide them by numpy.log",
    ),
    (
        "log2_norm_count",
        "decadic logarithms",
        lambda: new * np.log10(2),
        "those of logarithms of base 10.*divide them by numpy.log10",
    ),
    (
        "log2_norm_count",
        "logarithms taken twice",
        lambda: np.log2(new + 1),
        "those of logarithms taken twice.*take numpy.exp2",
    ),
    ("log2_norm_count", "z-scores", lambda: RIGHT["zscore"], "0 to 40 are possible"),
    (
        "log2_norm_count",
        "log2 with a small offset",
        lambda: RIGHT["log2_tpm"],
        "0 to 40 are possible",
    ),
    ("log2_tpm", "linear TPM", lambda: RIGHT["tpm"], "-20 to 40 are possible"),
    (
        "log2_tpm",
        "natural logarithms",
        lambda: RIGHT["log2_tpm"] * LN2,
        "those of natural logarithms",
    ),
    (
        "log2_tpm",
        "log2(x + 1)",
        lambda: np.log2(RIGHT["tpm"] + 1),
        r"those of log2\(x \+ 1\).*take numpy.log2\(numpy.exp2\(x\) - 1 \+ 0.001\)",
    ),
    ("log2_tpm", "z-scores", lambda: RIGHT["zscore"], "values of another scale"),
    (
        "log2_intensity",
        "linear intensities",
        lambda: np.exp2(RIGHT["log2_intensity"]),
        "-20 to 40 are possible",
    ),
    ("log2_intensity", "z-scores", lambda: RIGHT["zscore"], "values of another scale"),
    (
        "log2_intensity",
        "counts",
        lambda: RIGHT["counts"].clip(upper=39),
        "whole numbers, as counts are",
    ),
    (
        "counts",
        "log2",
        lambda: new,
        "small numbers that are not whole, as logarithms are.*Give the counts",
    ),
    ("counts", "natural logarithms", lambda: new * LN2, "small numbers that are not whole"),
    ("counts", "z-scores", lambda: RIGHT["zscore"], "0 to inf are possible"),
    ("tpm", "counts", lambda: RIGHT["counts"] * 10, "totals above a million, as counts have"),
    (
        "tpm",
        "log2",
        lambda: np.log2(RIGHT["tpm"] + 1),
        r"those of log2\(x \+ 1\).*take numpy.exp2\(x\) - 1",
    ),
    ("norm_count", "log2", lambda: new, r"those of log2\(x \+ 1\)"),
    (
        "norm_count",
        "natural logarithms",
        lambda: new * LN2,
        r"those of log\(x \+ 1\).*take numpy.expm1\(x\)",
    ),
    ("norm_count", "z-scores", lambda: RIGHT["zscore"], "0 to inf are possible"),
    ("zscore", "log2", lambda: new, "no negative value.*Standardise every gene"),
    ("zscore", "counts", lambda: RIGHT["counts"], "no negative value"),
    ("log2fc", "log2", lambda: new, "no negative value.*Give log2 fold changes"),
    ("zero_one", "log2", lambda: new, "0 to 1 are possible"),
    ("zero_one", "z-scores", lambda: RIGHT["zscore"], "0 to 1 are possible"),
]


@pytest.mark.parametrize("n_samples", [1, 30])
@pytest.mark.parametrize(
    ("scale", "what", "table", "message"),
    WRONG,
    ids=[f"{what} to {scale}" for scale, what, *_ in WRONG],
)
def test_values_of_another_scale_are_refused_with_what_to_do(
    scale: str, what: str, table: Callable[[], pd.DataFrame], message: str, n_samples: int
) -> None:
    with pytest.raises(
        ScaleError, match=rf"(?s)this encoder takes {scale} \(.*{message}"
    ) as refusal:
        ENCODERS[scale].encode(table().iloc[:n_samples])
    assert len(str(refusal.value)) < 1000
    assert "s0" in str(refusal.value), "the sample is named"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0.02, 1e5),
    st.floats(0.05, 20),
    st.sampled_from(["int64", "float32", "float64", "object"]),
    st.sampled_from(["log2_norm_count", "log2_tpm", "log2_intensity"]),
    st.integers(1, 8),
)
def test_counts_given_to_an_encoder_of_logarithms_never_give_latents(
    seed: int, depth: float, size: float, dtype: str, scale: str, n_samples: int
) -> None:
    rng = np.random.default_rng(seed)
    mean = depth * np.exp2(draw_logs(1).to_numpy()) / 1000
    counts = rng.poisson(rng.gamma(size, mean / size, (n_samples, N)))
    counts[:, 1] += 2  # a sample of zeros and ones alone is no count yet
    with pytest.raises(ScaleError):
        ENCODERS[scale].encode(pd.DataFrame(counts, columns=GENES).astype(dtype))


def test_one_sample_of_counts_among_logarithms_is_found() -> None:
    mixed = new.copy()
    mixed.loc["s7"] = RIGHT["counts"].loc["s7"]
    with pytest.raises(ScaleError, match=r"in 1 \(s7\) of 30 samples"):
        ENCODERS["log2_norm_count"].encode(mixed)


def test_a_slip_is_named_by_sample_and_gene_and_is_no_other_scale() -> None:
    slip = new.copy()
    slip.loc["s3", "G5"] = 999
    with pytest.warns(
        UserWarning,
        match=r"values that log2_norm_count cannot have: 1 \(999 in G5 of s3\); correct them, or put NaN there",  # noqa: E501
    ):
        ENCODERS["log2_norm_count"].encode(slip)
    negative = RIGHT["counts"].copy()
    negative.loc["s3", "G5"] = -1
    with pytest.raises(ScaleError, match=r"values from -1 to .* in 1 \(s3\)"):
        ENCODERS["counts"].encode(negative)


def test_another_unit_and_another_platform_pass_with_a_word() -> None:
    with pytest.warns(UserWarning, match=r"the median gene stands -4\.\d from that of training"):
        ENCODERS["log2_tpm"].encode(RIGHT["log2_tpm"] - 4)
    narrow = 6 + (RIGHT["log2_intensity"] - 6) * 0.6
    with pytest.warns(UserWarning, match=r"genes differ 0\.6\d times as much"):
        ENCODERS["log2_intensity"].encode(narrow)


def test_a_sample_without_any_expression_is_named() -> None:
    with pytest.warns(
        UserWarning, match=r"all genes have the same value in 1 \(s4\) of 30 samples"
    ):
        ENCODERS["counts"].encode(RIGHT["counts"].mul(new.index != "s4", axis=0))


def test_estimated_counts_pass_though_they_are_not_whole() -> None:
    assert ENCODERS["counts"].encode(RIGHT["norm_count"]).attrs["notes"] == []


def test_a_few_genes_are_judged_by_facts_alone() -> None:
    few = make(LOGS.iloc[:, :100], "log2_norm_count")
    assert few.encode(new.iloc[:, :100] * LN2).notna().all(axis=None)
    with pytest.raises(ScaleError, match="whole numbers"):
        few.encode(np.rint(new.iloc[:, :100]))


@pytest.mark.parametrize("scaling", ["minmax", "none"])
def test_natural_logarithms_are_told_under_any_scaling(scaling: str) -> None:
    values = LOGS.to_numpy(dtype=np.float32)
    zero, unit = np.zeros(N, np.float32), np.ones(N, np.float32)
    shift, spread = (
        (values.min(axis=0), np.ptp(values, axis=0) + 1e-3) if scaling == "minmax" else (zero, unit)
    )
    encoder = replace(
        LOG_ENCODER, transform=Transform("none", None, values.mean(axis=0), shift, spread)
    )
    assert encoder.encode(new).attrs["notes"] == []
    with pytest.raises(ScaleError, match="those of natural logarithms"):
        encoder.encode(new * LN2)


# ---- tables
# --------------------------------------------------------------------------------------------------------------------  # noqa: E501

LOG_ENCODER = ENCODERS["log2_norm_count"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            new.to_numpy,
            r"a pandas DataFrame.*found ndarray of shape \(30, 300\).*pandas.DataFrame\(values, columns=genes\)",  # noqa: E501
        ),
        (lambda: new.to_numpy().tolist(), "found list: without names"),
        (lambda: new.iloc[0], r"found Series of shape \(300,\)"),
        (lambda: {gene: [1.0] for gene in GENES}, "found dict"),
        (lambda: new.iloc[:0], "found 0 rows and 300 columns"),
        (lambda: new.iloc[:, :0], "found 30 rows and 0 columns"),
        (lambda: AnnData(obs=new.iloc[:, :0], var=new.iloc[:0].T), "its X is empty. Put the layer"),
        (
            lambda: new.T,
            r"found 300 of the encoder's 300 genes in the table's index.*Give expression.T",
        ),
        (lambda: new.where(new < 13, np.inf), "infinite ones in .* was a logarithm taken of 0"),
        (lambda: new.where(new > 0, -np.inf), r"infinite ones in 30 \(G\d+ of s0"),
        (lambda: new.assign(G3=1e300), r"infinite ones in 30 \(G3 of s0"),
        (lambda: new.assign(G3="high"), r"found others in the columns of 1 \(G3: 'high'\)"),
        (lambda: new.assign(G3="3,14"), r"1 \(G3: '3,14'\)"),
        (lambda: new.assign(G3=pd.Timestamp("2020-01-01")), r"1 \(G3: Timestamp"),
        (lambda: new.assign(G3=1j), r"1 \(G3: 1j\)"),
        (
            lambda: pd.concat([new, new[["G3"]]], axis=1),
            r"1 genes occur more than once \(G3: G3, G3\); give each gene one column",
        ),
        (
            lambda: new.assign(**{"G0|17": 1.0}).rename(columns={"G0": "G0 (17)"}),
            r"more than once \(G0: G0 \(17\), G0\|17\)",
        ),
    ],
)
def test_what_is_no_table_of_expression_is_refused_with_what_to_do(
    given: Callable[[], Any], message: str
) -> None:
    for ask in (LOG_ENCODER.encode, LOG_ENCODER.align):
        with pytest.raises(ExpressionError, match=f"(?s){message}") as refusal:
            ask(given())
        assert len(str(refusal.value)) < 1000


def test_missing_values_follow_the_policy_of_the_encoder() -> None:
    some, many = new.copy(), new.copy()
    some.iloc[:, ::10] = np.nan
    many.iloc[:, ::2] = np.nan
    assert LOG_ENCODER.encode(some).notna().all(axis=None)
    with pytest.raises(
        GeneMismatchError, match="50% of the values are missing; this encoder accepts 20%"
    ):
        LOG_ENCODER.encode(many)


def test_numbers_in_text_are_read_and_words_for_missing_are_missing() -> None:
    text = new.astype({"G1": str, "G2": str})
    text.loc["s0", "G1"] = "NA"
    expected = new.copy()
    expected.loc["s0", "G1"] = np.nan
    with pytest.warns(
        UserWarning,
        match=r"numbers were read from text or categories in the columns of 2 \(G1, G2\)",
    ):
        latent = LOG_ENCODER.encode(text)
    pd.testing.assert_frame_equal(latent, LOG_ENCODER.encode(expected), atol=1e-4)


@pytest.mark.parametrize(
    "dtype", ["float64", "Float32", "float32[pyarrow]", "object", "Sparse[float32]"]
)
def test_any_type_of_number_is_read(dtype: str) -> None:
    pd.testing.assert_frame_equal(
        LOG_ENCODER.encode(new.astype(dtype)), LOG_ENCODER.encode(new), atol=1e-4
    )


def test_columns_that_are_no_genes_are_ignored_whatever_they_hold() -> None:
    others = new.assign(
        tissue="breast",
        born=pd.Timestamp("1950-01-01"),
        age=60,
        grade=pd.Categorical(["high"] * 30),
        score=np.inf,
    )
    pd.testing.assert_frame_equal(LOG_ENCODER.encode(others), LOG_ENCODER.encode(new), atol=1e-4)


def test_samples_of_one_id_are_rows_of_their_own() -> None:
    doubled = new.rename(index={"s1": "s0"})
    latent = LOG_ENCODER.encode(doubled)
    assert list(latent.index) == list(doubled.index)
    np.testing.assert_array_equal(latent, LOG_ENCODER.encode(new))


@pytest.mark.parametrize("pack", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_an_anndata_is_encoded_by_its_x(pack: Callable[[np.ndarray], Any]) -> None:
    adata = AnnData(pack(new.to_numpy(dtype=np.float32)), obs=new.iloc[:, :0], var=new.iloc[:0].T)
    pd.testing.assert_frame_equal(LOG_ENCODER.encode(adata), LOG_ENCODER.encode(new), atol=1e-4)


def test_what_an_anndata_says_of_its_scale_is_believed() -> None:
    adata = AnnData(new.to_numpy(dtype=np.float32), obs=new.iloc[:, :0], var=new.iloc[:0].T)
    adata.uns["log1p"] = {"base": None}
    with pytest.raises(
        ScaleError,
        match=r"logarithms of base e.*divide X by numpy.log\(2\), and delete uns\['log1p'\]",
    ):
        LOG_ENCODER.encode(adata)
    adata.uns["scale"] = "log2_norm_count"
    assert LOG_ENCODER.encode(adata).notna().all(axis=None)
    adata.uns["scale"] = "zscore"
    with pytest.raises(ScaleError, match=r"uns\['scale'\] of the AnnData is zscore"):
        LOG_ENCODER.encode(adata)


# ---- names of genes
# ------------------------------------------------------------------------------------------------------------  # noqa: E501

ENSEMBL = [f"ENSG{i:011d}" for i in range(N)]
SYMBOLS = [f"TP{i}A" for i in range(N)]
FORMS: dict[str, tuple[list[str], Callable[[int], str]]] = {
    "version on the table": (ENSEMBL, lambda i: f"{ENSEMBL[i]}.{i % 30}"),
    "version on the encoder": (
        [f"{name}.7" for name in ENSEMBL],
        lambda i: f"{ENSEMBL[i]}.{i % 30}",
    ),
    "Firehose": (SYMBOLS, lambda i: f"{SYMBOLS[i]}|{i}"),
    "DepMap": (SYMBOLS, lambda i: f"{SYMBOLS[i]} ({i})"),
    "DepMap on the encoder": (
        [f"{name} ({i})" for i, name in enumerate(SYMBOLS)],
        lambda i: SYMBOLS[i],
    ),
    "Ensembl and symbol": (SYMBOLS, lambda i: f"{ENSEMBL[i]}.3_{SYMBOLS[i]}"),
    "quotes and blanks": (SYMBOLS, lambda i: f' "{SYMBOLS[i]}" '),
}


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("duplicates", ["max_variance", "mean", "first"])
def test_genes_match_in_any_form_of_their_name(form: str, duplicates: str) -> None:
    genes, write = FORMS[form]
    encoder = replace(LOG_ENCODER, genes=genes, sources=genes, duplicates=duplicates)
    shuffled = np.random.default_rng(0).permutation(N)
    table = new.iloc[:, shuffled].set_axis([write(i) for i in shuffled], axis=1)
    pd.testing.assert_frame_equal(encoder.encode(table), LOG_ENCODER.encode(new), atol=1e-4)


def test_case_is_disregarded_only_where_nothing_else_matches_and_said() -> None:
    encoder = replace(LOG_ENCODER, genes=SYMBOLS, sources=SYMBOLS)
    mouse = new.set_axis([name.capitalize() for name in SYMBOLS], axis=1)
    with pytest.warns(
        UserWarning,
        match=r"300 gene names match only when case is ignored \(TP0A is read as Tp0a\).*orthologs",
    ):
        latent = encoder.encode(mouse)
    np.testing.assert_allclose(latent, LOG_ENCODER.encode(new), atol=1e-4)
    both = pd.concat([new.set_axis(SYMBOLS, axis=1), mouse + 1], axis=1)
    np.testing.assert_allclose(encoder.encode(both), LOG_ENCODER.encode(new), atol=1e-4)
    lower = mouse.set_axis([name.lower() for name in SYMBOLS], axis=1)
    with pytest.raises(GeneMismatchError, match="300 genes occur more than once"):
        encoder.encode(pd.concat([mouse, lower], axis=1))


def test_names_of_another_kind_are_refused_with_both_kinds() -> None:
    encoder = replace(LOG_ENCODER, genes=SYMBOLS, sources=SYMBOLS)
    message = (
        r"300 of the encoder's 300 genes are absent .*names genes by symbols \(TP0A, TP1A, TP2A, \.\.\.\), the table's 300 columns by "  # noqa: E501
        r"Ensembl identifiers \(ENSG0+, ENSG0+1, ENSG0+2, \.\.\.\); give columns the encoder's kind of names"  # noqa: E501
    )
    with pytest.raises(GeneMismatchError, match=message):
        encoder.encode(new.set_axis(ENSEMBL, axis=1))
    entrez = replace(
        LOG_ENCODER, genes=[str(i) for i in range(N)], sources=[str(i) for i in range(N)]
    )
    np.testing.assert_allclose(
        entrez.encode(new.set_axis(range(N), axis=1)), LOG_ENCODER.encode(new), atol=1e-4
    )


def test_a_table_of_other_genes_is_told_from_one_with_other_names() -> None:
    with pytest.raises(
        GeneMismatchError,
        match="they are of one kind, so the table is of other genes: take an encoder",
    ):
        LOG_ENCODER.encode(new.iloc[:, :100])


def test_absent_genes_are_filled_and_named_by_align_too() -> None:
    with pytest.warns(
        UserWarning, match="2 of 300 genes are absent and stand at their training mean: G0, G1"
    ):
        _, absent = LOG_ENCODER.align(new.iloc[:, 2:])
    assert absent == ["G0", "G1"]


# ---- the command line, the registered model, and its server
# --------------------------------------------------------------------


def test_the_command_line_refuses_and_prints_notes(capsys: pytest.CaptureFixture[str]) -> None:
    def read(table: pd.DataFrame) -> AnnData:
        var = pd.DataFrame({"source": table.columns}, index=table.columns)
        return AnnData(table.to_numpy(dtype=np.float32), obs=table.iloc[:, :0], var=var)

    with pytest.raises(RegistryError, match="those of natural logarithms"):
        encode_cohort(LOG_ENCODER, read(new * LN2))
    with pytest.raises(RegistryError, match="genes are absent"):
        encode_cohort(LOG_ENCODER, read(new.add_prefix("x")))
    encode_cohort(LOG_ENCODER, read(new.iloc[:, 1:]))
    assert (
        capsys.readouterr().err
        == "note: 1 of 300 genes are absent and stand at their training mean: G0\n"
    )


def test_the_texts_of_a_registered_encoder_do_not_shadow_each_other() -> None:
    names: Counter[str] = Counter()
    for package, name in TEXT_PARTS:
        for node in ast.parse(files(package).joinpath(name).read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names[node.name] += 1
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(
                    part.id
                    for target in targets
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name)
                )
    assert [name for name, n in names.items() if n > 1] == []


@pytest.fixture(scope="module")
def registered(store: str) -> str:
    """Address of a registered encoder of counts of 40 genes."""
    with start_run("train", PreprocessSettings(experiment_name="doors of an encoder")) as tracker:
        register_encoder(make_encoder(), RegistryConfig(name="doors"), 0.5, tracker)
    return "models:/doors@champion"


@pytest.fixture(scope="module")
def model(registered: str) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model(registered)


REFUSED: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "logarithms": (lambda: np.log2(make_expression() + 1), "small numbers that are not whole"),
    "z-scores": (lambda: z_scores(make_expression()), "0 to inf are possible"),
    "wrong way round": (lambda: make_expression().T, "Give expression.T"),
    "infinite": (
        lambda: make_expression().replace(make_expression().iloc[0, 0], np.inf),
        "infinite ones in",
    ),
    "text": (lambda: make_expression().assign(GENE3="high"), "GENE3: 'high'"),
    "other names": (
        lambda: make_expression().set_axis(ENSEMBL[:N_GENES], axis=1),
        "Ensembl identifiers",
    ),
    "twice": (
        lambda: make_expression().assign(**{"GENE0|1": 1.0}).rename(columns={"GENE0": "GENE0 (7)"}),
        "GENE0: GENE0 (7), GENE0|1",
    ),
    "too few": (lambda: make_expression().iloc[:, 9:], "9 of the encoder's 40 genes are absent"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_the_registered_model_answers_what_it_refuses_with_status_400(
    model: mlflow.pyfunc.PyFuncModel, case: str
) -> None:
    table, message = REFUSED[case]
    with pytest.raises(MlflowException) as refusal:
        model.predict(table())
    assert message in refusal.value.message
    assert refusal.value.get_http_status_code() == 400


def test_the_registered_model_refuses_arrays_and_unknown_outputs(
    model: mlflow.pyfunc.PyFuncModel,
) -> None:
    with pytest.raises(MlflowException, match="dataframe_split or dataframe_records"):
        model.predict(make_expression().to_numpy())
    with pytest.raises(
        MlflowException, match="this encoder predicts nothing; 'grade' was asked for"
    ):
        model.predict(make_expression(), params={"output": "grade"})


def test_the_registered_model_takes_an_anndata(model: mlflow.pyfunc.PyFuncModel) -> None:
    table = make_expression()
    adata = AnnData(table.to_numpy(), obs=table.iloc[:, :0], var=table.iloc[:0].T)
    pd.testing.assert_frame_equal(model.predict(adata), model.predict(table))


def write_request(table: pd.DataFrame) -> bytes:
    return json.dumps(
        {"dataframe_split": json.loads(table.to_json(orient="split", double_precision=15))}
    ).encode()


@pytest.mark.parametrize("case", list(REFUSED))
def test_the_scoring_server_answers_with_the_sentence(
    model: mlflow.pyfunc.PyFuncModel, case: str
) -> None:
    """The function behind ``/invocations``, which needs no server; infinities become null in JSON,
    and null is missing.
    """
    table, message = REFUSED[case]
    if case == "infinite":
        request = write_request(make_expression()).replace(b"50.0", b"Infinity", 1)
        assert b"Infinity" in request
    else:
        request = write_request(table())
    with pytest.raises(MlflowException) as refusal:
        invocations(request, "application/json", model, None)
    assert message in json.loads(refusal.value.serialize_as_json())["message"]
    assert refusal.value.get_http_status_code() == 400


@pytest.fixture(scope="module")
def endpoint(registered: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of ``mlflow models serve`` on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        registered,
        "--env-manager",
        "local",
    ]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # MLflow calls uvicorn by its name
    folder, programs = tmp_path_factory.mktemp("served"), Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail(f"the scoring server did not start: {(folder / 'log').read_text()}")
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def post(endpoint: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(endpoint, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.server
def test_the_rest_endpoint_gives_latents_or_status_400_with_what_to_do(endpoint: str) -> None:
    table = make_expression()
    status, answer = post(endpoint, write_request(table))
    assert status == 200
    np.testing.assert_allclose(
        pd.DataFrame(answer["predictions"]), make_encoder().encode(table), rtol=1e-4, atol=1e-4
    )
    for case in (
        "logarithms",
        "z-scores",
        "wrong way round",
        "text",
        "other names",
        "twice",
        "too few",
    ):
        make_table, message = REFUSED[case]
        status, answer = post(endpoint, write_request(make_table()))
        assert status == 400, case
        assert message in answer["message"], case
    status, answer = post(endpoint, json.dumps({"inputs": table.to_numpy().tolist()}).encode())
    assert status == 400
    assert "dataframe_split or dataframe_records" in answer["message"]


# ---- real cohorts
# --------------------------------------------------------------------------------------------------------------  # noqa: E501

REAL = {
    "tcga_brca_rnaseq.parquet": "log2_norm_count",
    "tcga_5cohorts_fulltranscriptome.tsv.gz": "log2_norm_count",
    "tcga_paired_tumor_normal.parquet": "log2_tpm",
    "tcga_toil_tpm_3cohorts.parquet": "log2_tpm",
    "ccle_500x1000.parquet": "log2_intensity",
    "gse3143_breast.parquet": "log2_intensity",
    "tcga_brca_agilent.parquet": "log2fc",
    "tcga_paired_log2fc.parquet": "log2fc",
    "tcga_survival_zscores.parquet": "zscore",
}


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, pd.DataFrame]:
    """Every fifth sample of each cohort, genes named by symbol."""
    tables = {}
    for name in REAL:
        path = shared_data / name
        table = (
            pd.read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, sep="\t", index_col=0).T
        )
        table.columns = [str(column).partition("|")[0] for column in table.columns]
        tables[name] = table.loc[:, ~table.columns.duplicated()].iloc[::5].astype(np.float32)
    return tables


@pytest.mark.slow
@pytest.mark.parametrize("trained", list(REAL))
def test_real_cohorts_of_one_scale_pass_from_one_platform_to_another(
    real: dict[str, pd.DataFrame], trained: str
) -> None:
    encoder = make(real[trained].fillna(real[trained].mean()), REAL[trained], max_missing=1)
    for name, table in real.items():
        if REAL[name] != REAL[trained]:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # genes that the other platform lacks, and another unit
            assert len(encoder.encode(table)) == len(table)
            for i in range(0, len(table), 40):
                assert len(encoder.encode(table.iloc[[i]])) == 1


@pytest.mark.slow
@pytest.mark.parametrize("n_genes", [500, 2000])
@pytest.mark.parametrize(
    "name",
    [
        "tcga_5cohorts_fulltranscriptome.tsv.gz",
        "gse3143_breast.parquet",
        "tcga_paired_tumor_normal.parquet",
    ],
)
def test_the_most_variable_genes_of_real_cohorts_are_judged_as_well(
    real: dict[str, pd.DataFrame], name: str, n_genes: int
) -> None:
    table = real[name].fillna(real[name].mean())
    detected = table.loc[:, (table > table.to_numpy().min()).mean() > 0.1]
    table = detected[(detected - detected.median()).abs().median().nlargest(n_genes).index]
    encoder = make(table.iloc[::2], REAL[name])
    assert encoder.encode(table.iloc[1::2]).attrs["notes"] == []
    with pytest.raises(ScaleError, match="those of natural logarithms"):
        encoder.encode(table.iloc[1::2] * LN2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "trained", [name for name, scale in REAL.items() if scale.startswith("log2_")]
)
def test_real_cohorts_in_natural_logarithms_are_refused(
    real: dict[str, pd.DataFrame], trained: str
) -> None:
    table = real[trained].fillna(real[trained].mean())
    with pytest.raises(ScaleError, match="those of natural logarithms"):
        make(table, REAL[trained]).encode(table * LN2)
    with pytest.raises(ScaleError):
        make(table, REAL[trained]).encode(z_scores(table))
