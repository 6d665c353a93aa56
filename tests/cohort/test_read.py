"""Reading: the same cohort comes out of every format, either way round, and in any column order."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from genexp.cohort import cohort_fingerprint, read_cohort
from genexp.errors import CohortError
from genexp.files import columnar, stored
from genexp.formats import delimited
from genexp.settings.cohort import CohortConfig

N_SAMPLES, N_GENES = 30, 50


@pytest.fixture
def expression() -> pd.DataFrame:
    """30 samples x 50 genes on the log2(count + 1) scale, four decimals."""
    values = (
        np.random.default_rng(0)
        .normal(8, 2, (N_SAMPLES, N_GENES))
        .clip(0)
        .round(4)
        .astype(np.float32)
    )
    samples = pd.Index([f"TCGA-AA-{i:04d}-01A" for i in range(N_SAMPLES)], name="sample")
    return pd.DataFrame(values, index=samples, columns=[f"GENE{i}" for i in range(N_GENES)])


@pytest.fixture
def annotations(expression: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame(
        {"tissue": ["liver", "lung"] * 15, "age": np.arange(30.0)}, index=expression.index
    )
    table["sample_type"] = np.where(np.arange(30) < 25, "tumor", "normal")
    return table


def write_tsv(frame: pd.DataFrame, path: Path, **options: object) -> str:
    frame.to_csv(path, sep="," if ".csv" in path.name else "\t", **options)
    return str(path)


def read(path: str, **options: object) -> anndata.AnnData:
    return read_cohort(CohortConfig(cohort=path, **options))


@pytest.mark.parametrize(
    "name", ["c.tsv", "c.csv", "c.tsv.gz", "c.csv.gz", "c.txt", "c.parquet", "c.h5ad"]
)
@pytest.mark.parametrize("genes_in_rows", [False, True])
def test_every_format_either_way_round_gives_the_same_cohort(
    expression: pd.DataFrame,
    annotations: pd.DataFrame,
    tmp_path: Path,
    name: str,
    genes_in_rows: bool,
) -> None:
    frame, path = (expression.T if genes_in_rows else expression), tmp_path / name
    if name.endswith("parquet"):
        frame.rename_axis("name").to_parquet(path)
    elif name.endswith("h5ad"):
        anndata.AnnData(frame).write_h5ad(path)
    else:
        write_tsv(frame, path)
    obs = write_tsv(annotations, tmp_path / "obs.tsv")
    cohort = read(
        str(path), obs=obs, rows="genes" if genes_in_rows and name.endswith("h5ad") else "auto"
    )
    assert cohort.X.dtype == np.float32
    assert cohort.X.flags.c_contiguous
    np.testing.assert_array_equal(cohort.X, expression.to_numpy())
    assert list(cohort.obs_names) == list(expression.index)
    assert list(cohort.var_names) == list(expression.columns)
    assert cohort.obs["tissue"].tolist() == annotations["tissue"].tolist()
    assert cohort.obs["age"].dtype == np.float64
    assert cohort.uns["name"] == "c"


@pytest.mark.parametrize("genes_in_rows", [False, True])
def test_a_text_cohort_read_in_many_pieces_is_the_same(
    expression: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, genes_in_rows: bool
) -> None:
    path = write_tsv(expression.T if genes_in_rows else expression, tmp_path / "c.tsv.gz")
    monkeypatch.setattr(delimited, "PIECE_BYTES", 500)
    np.testing.assert_array_equal(read(path).X, expression.to_numpy())


def test_parquet_and_h5ad_are_the_same_in_small_blocks(
    expression: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(stored, "BLOCK_BYTES", 1000)
    expression.to_parquet(tmp_path / "c.parquet")
    anndata.AnnData(expression).write_h5ad(tmp_path / "c.h5ad")
    kept = np.r_[0:5, 9:30]
    expression.iloc[:, :1].assign(keep=np.isin(np.arange(30), kept)).to_csv(
        tmp_path / "obs.tsv", sep="\t"
    )
    for name in ("c.parquet", "c.h5ad"):
        cohort = read(str(tmp_path / name), obs=str(tmp_path / "obs.tsv"), where="keep")
        np.testing.assert_array_equal(cohort.X, expression.to_numpy()[kept])


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, np.asarray])
def test_h5ad_keeps_its_own_annotations_and_becomes_dense_float32(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path, kind: type
) -> None:
    stored = anndata.AnnData(
        kind(expression.to_numpy(np.float64)),
        obs=annotations,
        var=pd.DataFrame(index=expression.columns),
    )
    stored.write_h5ad(tmp_path / "c.h5ad")
    cohort = read(str(tmp_path / "c.h5ad"), where="sample_type == 'tumor'", label="tissue")
    assert cohort.X.dtype == np.float32
    np.testing.assert_array_equal(cohort.X, expression.to_numpy()[:25])
    assert cohort.obs["label"].cat.categories.tolist() == ["liver", "lung"]


def test_parquet_without_an_index_takes_its_first_text_column(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    expression.reset_index().to_parquet(tmp_path / "c.parquet", index=False)
    assert list(read(str(tmp_path / "c.parquet")).obs_names) == list(expression.index)


def test_parquet_keeps_genes_with_dots_and_doubles_and_whole_numbers_apart(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    frame = expression.set_axis([f"A.{i}" if i else "A" for i in range(N_GENES)], axis=1).astype(
        {"A": np.float64, "A.7": int}
    )
    frame.to_parquet(tmp_path / "c.parquet")
    np.testing.assert_array_equal(read(str(tmp_path / "c.parquet")).X, frame.to_numpy(np.float32))


def test_a_table_as_r_writes_it_has_no_heading_above_row_names(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    lines = expression.T.to_csv(sep="\t", quoting=2).splitlines()
    (tmp_path / "c.tsv").write_text("\r\n".join([lines[0].split("\t", 1)[1], *lines[1:]]))
    np.testing.assert_array_equal(read(str(tmp_path / "c.tsv")).X, expression.to_numpy())


def test_gzip_is_recognised_by_content(expression: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    path.write_bytes(gzip.compress(expression.to_csv(sep="\t").encode()))
    np.testing.assert_array_equal(read(str(path)).X, expression.to_numpy())


@pytest.mark.parametrize(
    ("title", "names", "genes_in_rows", "by"),
    [
        ("sample", None, False, "heading"),
        ("", ["TP53", "BRCA1", "ESR1", "GATA3", "MKI67"], True, "gene symbols"),
        ("", ["Trp53", "Brca1", "Esr1", "Gata3", "Mki67"], True, "gene symbols"),
        (
            "",
            [
                "ENSG00000141510",
                "ENSG00000012048.3",
                "ENSG00000091831",
                "ENSG00000107485",
                "ENSG00000148773",
            ],
            True,
            "identifiers of genes",
        ),
        ("gene_id", ["x.1", "x.2", "x.3", "x.4", "x.5"], True, "heading"),
    ],
)
def test_orientation_is_recognised_without_annotations(
    tmp_path: Path, title: str, names: list[str] | None, genes_in_rows: bool, by: str
) -> None:
    """With five genes and 30 samples, so that the longer side would be wrong."""
    names = names or [f"g.{i}" for i in range(5)]
    values = pd.DataFrame(
        np.random.default_rng(0).normal(8, 2, (30, 5)),
        index=[f"TCGA-AA-{i:04d}" for i in range(30)],
        columns=names,
    )
    frame = values.T if genes_in_rows else values
    cohort = read(write_tsv(frame.rename_axis(title), tmp_path / "c.tsv"))
    assert list(cohort.var["source"]) == names
    assert by in cohort.uns["report"]["orientation_by"]


def test_orientation_that_is_stated_is_believed(expression: pd.DataFrame, tmp_path: Path) -> None:
    path = write_tsv(expression, tmp_path / "c.tsv")
    assert read(path, rows="genes").shape == (N_GENES, N_SAMPLES)


def test_annotations_are_joined_by_id_whatever_their_order_and_columns(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    shuffled = annotations.reset_index(names="barcode").sample(frac=1, random_state=0)[
        ["age", "sample_type", "barcode", "tissue"]
    ]
    other = shuffled.head(3).assign(barcode=["unrelated-1", "unrelated-2", "unrelated-3"])
    path = write_tsv(pd.concat([other, shuffled]), tmp_path / "obs.csv", index=False)
    cohort = read(write_tsv(expression, tmp_path / "c.tsv"), obs=path)
    pd.testing.assert_series_equal(cohort.obs["age"], annotations["age"], check_names=False)
    assert cohort.uns["report"]["obs_id_column"] == "barcode"
    assert cohort.uns["report"]["n_obs_unused"] == 3


def test_numeric_sample_ids_with_leading_zeros_are_joined(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    ids = [f"{i:03d}" for i in range(N_SAMPLES)]
    path = write_tsv(expression.set_axis(ids, axis=0), tmp_path / "c.tsv")
    obs = write_tsv(annotations.set_axis(ids, axis=0).rename_axis("id"), tmp_path / "obs.tsv")
    assert list(read(path, obs=obs, rows="samples").obs_names) == ids


def test_where_keeps_the_samples_that_a_query_names(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    path, obs = (
        write_tsv(expression.T, tmp_path / "c.tsv.gz"),
        write_tsv(annotations, tmp_path / "obs.tsv"),
    )
    cohort = read(path, obs=obs, where="sample_type == 'tumor' and age >= 2")
    np.testing.assert_array_equal(cohort.X, expression.to_numpy()[2:25])
    assert cohort.uns["report"]["n_dropped_by_where"] == 7


def test_firehose_names_give_symbols_and_entrez_ids(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    names = [
        "?|100130426",
        "SLC35E2|728661",
        "SLC35E2|9906",
        "1-Mar",
        *[f"GENE{i}|{i}" for i in range(4, N_GENES)],
    ]
    cohort = read(
        write_tsv(expression.set_axis(names, axis=1), tmp_path / "c.tsv"), date_genes="keep"
    )
    assert list(cohort.var_names[:4]) == ["?|100130426", "SLC35E2", "SLC35E2", "1-Mar"]
    assert list(cohort.var["entrez_id"][:4]) == ["100130426", "728661", "9906", ""]
    assert list(cohort.var["source"]) == names
    report = cohort.uns["report"]
    assert (report["n_question_mark"], report["n_duplicated"], report["date_like"]) == (
        1,
        1,
        ["1-Mar"],
    )


def test_missing_values_stay_missing_under_a_policy(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    expression.iloc[[3, 4], 5] = np.nan
    cohort = read(write_tsv(expression, tmp_path / "c.tsv", na_rep="NA"), missing="impute_mean")
    np.testing.assert_array_equal(cohort.X, expression.to_numpy())
    assert (cohort.uns["report"]["n_missing"], cohort.uns["report"]["n_genes_with_missing"]) == (
        2,
        1,
    )


def test_fingerprint_follows_content_and_parameters_and_not_the_folder(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, there = (
        CohortConfig(cohort=write_tsv(expression, folder / "c.tsv"))
        for folder in (tmp_path, tmp_path / "elsewhere")
    )
    first = cohort_fingerprint(here)
    assert cohort_fingerprint(there) == first == cohort_fingerprint(here, seed=7)
    assert cohort_fingerprint(here.model_copy(update={"missing": "drop_gene"})) != first
    write_tsv(expression + 1, tmp_path / "c.tsv")
    assert cohort_fingerprint(here) != first
    assert cohort_fingerprint(CohortConfig(), seed=1) != cohort_fingerprint(CohortConfig(), seed=2)


@pytest.fixture
def store(expression: pd.DataFrame) -> Iterator[str]:
    """Loopback server that answers HEAD and GET of one object as an S3-compatible store does."""
    body = gzip.compress(expression.to_csv(sep="\t").encode())

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/bucket/folder/c.tsv.gz"
            content = (
                body
                if found
                else b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
            )
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
            self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.usefixtures("credentials")
def test_cohorts_are_read_from_an_s3_compatible_store(store: str, expression: pd.DataFrame) -> None:
    config = CohortConfig(cohort="s3://bucket/folder/c.tsv.gz", s3_endpoint=store)
    cohort = read_cohort(config)
    np.testing.assert_array_equal(cohort.X, expression.to_numpy())
    assert cohort.uns["name"] == "c"
    assert len(cohort_fingerprint(config)) == 16


@pytest.mark.usefixtures("credentials")
def test_an_object_that_is_not_in_the_store_is_refused(store: str) -> None:
    with pytest.raises(
        CohortError, match=r"s3://bucket/none\.tsv could not be read from http://127"
    ):
        read_cohort(CohortConfig(cohort="s3://bucket/none.tsv", s3_endpoint=store))


def test_quotes_that_hold_delimiters_far_below_the_heading_are_read(
    expression: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "PIECE_BYTES", 2000)
    tissue = ["liver"] * 28 + ["lung, left", 'so-called "other"']
    path = tmp_path / "c.csv"
    expression.assign(tissue=tissue).to_csv(path)
    cohort = read(str(path))
    np.testing.assert_allclose(cohort.X, expression.to_numpy(), rtol=1e-6)
    assert cohort.obs["tissue"].tolist() == tissue


def test_a_last_line_without_an_end_is_told(expression: pd.DataFrame, tmp_path: Path) -> None:
    path = Path(write_tsv(expression, tmp_path / "c.tsv"))
    assert not any(
        "line break" in sentence for sentence in read(str(path)).uns["report"]["reading"]
    )
    path.write_text(path.read_text().rstrip("\n"))
    assert any("line break" in sentence for sentence in read(str(path)).uns["report"]["reading"])


def test_genes_below_a_heading_that_counts_them_are_named_by_the_line_of_names(
    tmp_path: Path,
) -> None:
    names = ["TP53", "BRCA1", "EGFR", "MYC", "PTEN", "KRAS"]
    counts = "\t".join(map(str, range(1, len(names) + 1)))
    rows = [
        f"TCGA-AA-00{i:02d}-01\t" + "\t".join(f"{i % 9}.{j}5" for j in range(6)) for i in range(30)
    ]
    text = "\n".join([f"X\t{counts}", "sample\t" + "\t".join(names), *rows]) + "\n"
    (tmp_path / "counted.tsv").write_text(text)
    config = CohortConfig(cohort=str(tmp_path / "counted.tsv"), scale="log2_tpm", rows="samples")
    cohort = read_cohort(config)
    assert list(cohort.var_names) == names
    assert any("The names of genes count them" in line for line in cohort.uns["report"]["reading"])
