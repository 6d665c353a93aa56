"""AnnData in memory is read by the steps that read files: the same values, annotations, questions
and refusals.
"""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from genexp.cohort import cohort_fingerprint, read_cohort
from genexp.errors import CohortError
from genexp.formats.in_memory import hash_anndata
from genexp.settings.cohort import CohortConfig

CONFIG = CohortConfig(cohort="in_memory", label="subtype", time="OS_days", event="OS_event")


@pytest.fixture(scope="module")
def adata() -> anndata.AnnData:
    simulated = read_cohort(CohortConfig(cohort="simulated:60x80"))
    columns = ["patient_id", "subtype", "plate", "OS_days", "OS_event"]
    cohort = anndata.AnnData(
        np.asarray(simulated.X),
        simulated.obs[columns].copy(),
        pd.DataFrame(index=simulated.var_names),
    )
    cohort.layers["counts"] = scipy.sparse.csr_matrix(np.round(np.exp2(simulated.X) - 1))
    return cohort


def test_it_gives_what_the_same_cohort_in_a_file_gives(
    adata: anndata.AnnData, tmp_path: Path
) -> None:
    adata.write_h5ad(tmp_path / "cohort.h5ad")
    of_file = read_cohort(CONFIG.model_copy(update={"cohort": str(tmp_path / "cohort.h5ad")}))
    in_memory = read_cohort(CONFIG, adata=adata)
    assert np.array_equal(of_file.X, in_memory.X)
    pd.testing.assert_frame_equal(of_file.obs, in_memory.obs)
    pd.testing.assert_frame_equal(of_file.var, in_memory.var)
    told = [cohort.uns["report"]["reading"][2:] for cohort in (of_file, in_memory)]
    assert told[0] == told[1]
    assert "Format: AnnData in memory." in in_memory.uns["report"]["reading"]


@pytest.mark.parametrize(
    "form",
    [
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_matrix,
        scipy.sparse.coo_matrix,
        scipy.sparse.csr_array,
    ],
)
def test_sparse_layers_are_read_like_dense_ones(adata: anndata.AnnData, form: type) -> None:
    dense, sparse = adata.copy(), adata.copy()
    dense.layers["counts"] = adata.layers["counts"].toarray()
    sparse.layers["counts"] = (
        form(adata.layers["counts"]).tocsc()
        if form is scipy.sparse.csc_matrix
        else form(adata.layers["counts"]).tocsr()
    )
    config = CONFIG.model_copy(update={"layer": "counts"})
    read = [read_cohort(config, adata=cohort) for cohort in (dense, sparse)]
    assert read[0].uns["scale"] == read[1].uns["scale"] == "counts"
    assert np.array_equal(read[0].X, read[1].X)


def test_the_given_object_is_not_changed_where_values_become_others(adata: anndata.AnnData) -> None:
    natural = adata.copy()
    natural.X = (adata.X * np.log(2)).astype(np.float32)
    natural.uns["log1p"] = {"base": None}
    before = natural.copy()
    read = read_cohort(CONFIG, adata=natural)
    assert read.uns["scale"] == "log2_norm_count"
    np.testing.assert_allclose(read.X, adata.X, rtol=1e-5)
    assert np.array_equal(natural.X, before.X)
    assert list(natural.obs) == list(before.obs)
    assert not np.shares_memory(read_cohort(CONFIG, adata=adata).X, adata.X)


def test_raw_is_read_where_it_is_asked_for(adata: anndata.AnnData) -> None:
    cohort = adata.copy()
    cohort.raw = adata
    cohort = cohort[:, :60].copy()
    assert (
        read_cohort(CONFIG.model_copy(update={"layer": "raw"}), adata=cohort).shape == adata.shape
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"label": "pam50"},
            (
                "label='pam50' is not a column of the annotations or of the matrix; they have 5 "
                ".patient_id, subtype"
            ),
        ),
        ({"event": ""}, "survival needs both time and event"),
        ({"layer": "logcounts"}, "in_memory has no layer 'logcounts'; its layers: 1 .counts."),
        ({"scale": "counts"}, "counts"),
        ({"duplicates": "refuse"}, "duplicated genes: 1 .SIM05."),
    ],
)
def test_it_is_refused_with_the_words_for_files(
    adata: anndata.AnnData, changed: dict[str, str], message: str
) -> None:
    cohort = adata.copy()
    if "duplicates" in changed:
        cohort.var_names = ["SIM05" if name == "SIM06" else name for name in cohort.var_names]
    with pytest.raises(CohortError, match=message):
        read_cohort(CONFIG.model_copy(update=changed), adata=cohort)


def test_a_leak_among_the_genes_is_refused(adata: anndata.AnnData) -> None:
    cohort = adata.copy()
    cohort.obs["score"] = cohort.X[:, 3]
    with pytest.raises(CohortError, match="among the genes, 'SIM04'"):
        read_cohort(CONFIG, adata=cohort)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (None, "has no X"),
        (np.array([["a", "b"]] * 3, dtype=object), "expected a matrix of numbers"),
    ],
)
def test_what_is_no_matrix_is_refused(X: np.ndarray | None, message: str) -> None:
    index = pd.DataFrame(index=["s1", "s2", "s3"])
    with pytest.raises(CohortError, match=message):
        read_cohort(CONFIG, adata=anndata.AnnData(X, index, pd.DataFrame(index=["TP53", "EGFR"])))


def test_its_hash_tells_values_annotations_layers_and_scale_apart(adata: anndata.AnnData) -> None:
    changed = [adata.copy() for _ in range(4)]
    changed[0].X[0, 0] += 1
    changed[1].obs.loc[changed[1].obs_names[0], "OS_days"] += 1
    changed[2].var_names = [*changed[2].var_names[1:], "other"]
    changed[3].uns["scale"] = "counts"
    hashes = [hash_anndata(adata), hash_anndata(adata, "counts"), *map(hash_anndata, changed)]
    assert len(set(hashes)) == len(hashes)
    assert hash_anndata(adata.copy()) == hashes[0]
    assert cohort_fingerprint(CONFIG, adata=adata) != cohort_fingerprint(CONFIG, adata=changed[0])
