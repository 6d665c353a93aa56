"""Gene sets are read, matched and tested as other programs do, and planted ones are found."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from genexp.errors import EvaluationError
from genexp.explain.enrichment import (
    MAX_SIZE,
    MIN_SIZE,
    find_enrichment,
    match_enrichment_sets,
    read_enrichment_sets,
    score_ranks,
)
from genexp.names.gene_sets import score_overlaps

GENES = pd.Index([f"G{i}" for i in range(1000)])
SETS = {"A": list(GENES[:40]), "B": list(GENES[30:130]), "C": list(GENES[500:520])}
SIGNATURE = pd.Index([*GENES[10:35], *GENES[505:510], *GENES[900:910]])


def indicate(signature: pd.Index) -> np.ndarray:
    return GENES.isin(signature)[:, None]


def test_overlaps_are_tested_as_by_gseapy_and_by_fisher() -> None:
    """Golden values: gseapy 1.3.1, ``gseapy.enrich(gene_list=SIGNATURE, gene_sets=SETS,
    background=GENES, outdir=None)``.
    """
    golden = {"A": 2.71179638e-29, "B": 0.370535041, "C": 0.000791493311}
    names, members = match_enrichment_sets(SETS, GENES)
    overlap, p = score_overlaps(members, indicate(SIGNATURE))
    assert overlap[:, 0].tolist() == [25, 5, 5]
    assert dict(zip(names, p[:, 0], strict=True)) == pytest.approx(golden, rel=1e-6)
    for name, value in zip(names, p[:, 0], strict=True):
        inside = len(set(SETS[name]) & set(SIGNATURE))
        table = [
            [inside, len(SIGNATURE) - inside],
            [len(SETS[name]) - inside, 1000 - len(SIGNATURE) - len(SETS[name]) + inside],
        ]
        assert value == pytest.approx(
            stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-8
        )


def test_overlaps_of_any_size_are_tested_as_by_scipy() -> None:
    rng = np.random.default_rng(0)
    genes = GENES[:300]
    sets = {
        f"S{i}": list(rng.choice(genes, size, replace=False))
        for i, size in enumerate([5, 20, 100, 200, 290, 300])
    }
    chosen = np.zeros((300, 8), dtype=bool)
    for column, size in enumerate([1, 5, 30, 60, 150, 250, 299, 300]):
        chosen[rng.choice(300, size, replace=False), column] = True
    _, members = match_enrichment_sets(sets, genes)
    overlap, p = score_overlaps(members, chosen)
    expected = stats.hypergeom.sf(
        overlap - 1, 300, members.sum(axis=1)[:, None], chosen.sum(axis=0)[None]
    )
    np.testing.assert_allclose(p, expected, rtol=1e-7)


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_of_independent_genes_are_tested_as_by_mann_and_whitney(ties: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1000, 3))
    values[:40, 0] += 0.5
    values = values.round(1 if ties else 12)
    names, members = match_enrichment_sets(SETS, GENES)
    effect, p = score_ranks(members, values, correlation=0.0)
    for i, name in enumerate(names):
        inside = GENES.isin(SETS[name])
        for t in range(3):
            found = stats.mannwhitneyu(values[inside, t], values[~inside, t], method="asymptotic")
            assert p[i, t] == pytest.approx(found.pvalue, rel=1e-7)
            assert effect[i, t] == pytest.approx(
                2 * found.statistic / (inside.sum() * (~inside).sum()) - 1
            )


def test_allowing_for_correlation_makes_the_rank_test_more_careful_and_it_holds_its_level() -> None:
    rng = np.random.default_rng(1)
    _, members = match_enrichment_sets({"S": list(GENES[:100])}, GENES)
    shared = rng.normal(size=1000)
    values = rng.normal(size=(1000, 1000))
    values[:100] = np.sqrt(0.99) * values[:100] + np.sqrt(0.01) * shared
    naive, careful = (
        score_ranks(members, values, correlation)[1][0] for correlation in (0.0, 0.01)
    )
    assert (careful >= naive).all()
    assert np.mean(naive < 0.05) > 0.1
    assert 0.03 < np.mean(careful < 0.05) < 0.07


def test_a_constant_ranking_says_nothing() -> None:
    _, members = match_enrichment_sets(SETS, GENES)
    effect, p = score_ranks(members, np.zeros((1000, 1)))
    assert (p == 1).all()
    assert (effect == 0).all()


def test_planted_sets_come_first_and_all_tests_are_one_family() -> None:
    rng = np.random.default_rng(0)
    strength = pd.DataFrame(
        rng.normal(size=(1000, 2)), index=GENES, columns=["latent_0", "class a"]
    )
    strength.iloc[:40, 0] += 1.5
    strength.iloc[500:520, 1] -= 2.0
    signatures = {
        ("decoder", "latent_0", "positive"): SIGNATURE,
        ("decoder", "latent_0", "negative"): pd.Index(["G1"]),
    }
    found = find_enrichment(SETS, GENES, signatures, strength)
    ranks = found[found["test"] == "ranks"].drop_duplicates("target").set_index("target")
    assert ranks.loc["latent_0", ["gene_set", "direction"]].tolist() == ["A", "positive"]
    assert ranks.loc["class a", ["gene_set", "direction"]].tolist() == ["C", "negative"]
    assert ranks.loc["class a", "effect"] < -0.5
    overlap = found[found["test"] == "overlap"]
    assert len(overlap) == 3, "a signature of one gene is not tested"
    assert overlap.iloc[0][["gene_set", "n_set", "n_signature", "n_overlap"]].tolist() == [
        "A",
        40,
        40,
        25,
    ]
    assert overlap.iloc[0]["genes"].split() == list(GENES[10:20])
    assert len(found) == found.attrs["n_tests"] == 9
    np.testing.assert_allclose(found["q"], stats.false_discovery_control(found["p"]))


def test_no_set_is_found_where_nothing_is_planted() -> None:
    rng = np.random.default_rng(3)
    sets = {f"S{i}": list(rng.choice(GENES, 30, replace=False)) for i in range(100)}
    strength = pd.DataFrame(
        rng.normal(size=(1000, 10)), index=GENES, columns=[f"latent_{i}" for i in range(10)]
    )
    signatures = {
        ("decoder", f"latent_{i}", "positive"): pd.Index(rng.choice(GENES, 30, replace=False))
        for i in range(10)
    }
    found = find_enrichment(sets, GENES, signatures, strength)
    assert (found["q"] < 0.05).sum() == 0
    assert np.mean(found.loc[found["test"] == "ranks", "p"] < 0.05) < 0.07


def test_the_background_is_the_measured_genes() -> None:
    measured = GENES[:200]
    _, members = match_enrichment_sets({"A": [*SETS["A"], "NOT_MEASURED"]}, measured)
    assert members.sum() == 40
    _, few = score_overlaps(members, measured.isin(GENES[:20])[:, None])
    _, many = score_overlaps(
        match_enrichment_sets(SETS, GENES)[1][[0]], GENES.isin(GENES[:20])[:, None]
    )
    assert few[0, 0] > many[0, 0], "the same overlap surprises less among fewer genes"


def test_sets_that_are_too_small_or_too_large_are_left_out() -> None:
    sets = {
        "few": list(GENES[: MIN_SIZE - 1]),
        "fine": list(GENES[:MIN_SIZE]),
        "many": list(GENES[: MAX_SIZE + 1]),
    }
    assert match_enrichment_sets(sets, GENES)[0] == ["fine"]


@pytest.mark.parametrize("suffix", [".gmt", ".gmt.gz"])
def test_gmt_files_are_read_with_their_oddities(tmp_path: Path, suffix: str) -> None:
    text = "FIRST\thttp://x\tTP53\tMYC\tTP53\t\r\n\nSECOND (GO:1)\t\tESR1\n"
    path = tmp_path / f"sets{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    assert read_enrichment_sets(path) == {"FIRST": ["TP53", "MYC"], "SECOND (GO:1)": ["ESR1"]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "found no file"),
        (b"", "is empty"),
        (b"gene,sample1,sample2\nTP53,1,2\n", r"lines 2 \(1, 2\)"),
        (b"A\tx\tTP53\nA\tx\tMYC\n", r"1 \(A\) more than once"),
        (b"\x00\xff\xfe\x80binary", "cannot be read as text"),
    ],
)
def test_a_file_that_is_no_gmt_is_refused(
    tmp_path: Path, content: bytes | None, found: str
) -> None:
    path = tmp_path / "sets.gmt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EvaluationError, match=found):
        read_enrichment_sets(path)


def test_a_broken_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt.gz"
    path.write_bytes(b"A\tx\tTP53\n")
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_enrichment_sets(path)


def test_sets_of_other_genes_are_refused_by_name() -> None:
    with pytest.raises(EvaluationError, match=r"ENSG1.*G0.*name genes as the cohort does"):
        match_enrichment_sets({"A": [f"ENSG{i}" for i in range(1, 30)]}, GENES)


def test_the_shared_sets_are_read(shared_data: Path) -> None:
    hallmark, go = (
        read_enrichment_sets(shared_data / "hallmark.gmt"),
        read_enrichment_sets(shared_data / "go_bp_2021.gmt.gz"),
    )
    assert len(hallmark) == 50
    assert len(go) == 6036
    assert (
        "ESR1" in hallmark["HALLMARK_ESTROGEN_RESPONSE_EARLY"]
        or "GREB1" in hallmark["HALLMARK_ESTROGEN_RESPONSE_EARLY"]
    )
