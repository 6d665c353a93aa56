"""Describing: what is known of a file, what would be asked, what its columns could be, and what is
suspicious.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from genexp.cli import main, parse_arguments
from genexp.cohort import read_cohort
from genexp.cohort.samples import find_near_duplicates, find_unusual_samples, measure_samples
from genexp.describe import (
    Description,
    describe_cohort,
    render_description_page,
    render_description_text,
)
from genexp.describe.description import find_answers, write_command
from genexp.describe.roles import find_candidates, list_role_columns, pair_endpoints
from genexp.errors import CohortError, ConfigError
from genexp.settings.cohort import CohortConfig
from tests.layouts import LAYOUTS

SHARED = Path(__file__).parents[3] / "shared" / "data"
N_SAMPLES = 40
GENES = [
    *(
        "TSPAN6",
        "TNMD",
        "DPM1",
        "SCYL3",
        "FGR",
        "CFH",
        "FUCA2",
        "GCLC",
        "NFYA",
        "STPG1",
        "NIPAL3",
        "LAS1L",
        "ENPP4",
        "SEMA3F",
        "CFTR",
        "ANKIB1",
        "CYP51A1",
    ),
    *(
        "KRIT1",
        "RAD52",
        "MYH16",
        "BAD",
        "LAP3",
        "CD99",
        "AOC1",
        "WNT16",
        "HECW1",
        "MAD1L1",
        "LASP1",
        "SNX11",
        "TMEM176A",
        "M6PR",
        "KLHL13",
        "CYP26B1",
    ),
    *(
        "ICA1",
        "DBNDD1",
        "ALS2",
        "CASP10",
        "CFLAR",
        "TFPI",
        "NDUFAF7",
        "RBM5",
        "MTMR7",
        "SLC7A2",
        "ARF5",
        "SARM1",
        "POLDIP2",
        "PLXND1",
        "AK2",
    ),
]


@pytest.fixture
def expression() -> pd.DataFrame:
    """40 samples of TCGA x 48 genes, log2(count + 1)."""
    rng = np.random.default_rng(3)
    values = (
        rng.normal(rng.uniform(2, 10, len(GENES)), 1.5, (N_SAMPLES, len(GENES))).clip(0).round(4)
    )
    samples = pd.Index([f"TCGA-AA-{i:04d}-01" for i in range(N_SAMPLES)], name="sample")
    return pd.DataFrame(values, index=samples, columns=GENES)


@pytest.fixture
def annotations(expression: pd.DataFrame) -> pd.DataFrame:
    """Label, survival, batch and patient, none of which depends on another."""
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "pam50": rng.permutation(["LumA", "LumB", "Basal", "Her2"] * 10),
            "OS": rng.permutation([0, 1] * 20),
            "OS.time": rng.permutation(np.arange(N_SAMPLES) * 70 + 30),
            "plate": rng.permutation(["A115", "A034"] * 20),
            "patient_id": [f"P{i // 2:03d}" for i in range(N_SAMPLES)],
            "age": rng.integers(30, 90, N_SAMPLES),
            "gender": rng.permutation(["Female", "Male"] * 20),
        },
        index=expression.index,
    )


def write(frame: pd.DataFrame, path: Path) -> str:
    frame.to_csv(path, sep="\t")
    return str(path)


def describe(cohort: str, **values: object) -> Description:
    return describe_cohort(CohortConfig(cohort=cohort, **values))


def read_proposed(command: Sequence[str]) -> anndata.AnnData:
    """Read a cohort as the proposed command line would."""
    words = shlex.split(" ".join(command))
    assert words[:3] == ["python", "-m", "genexp"]
    return read_cohort(parse_arguments(words[3:])[1])


def test_a_clear_file_ends_with_a_command_that_reads_its_likely_columns(
    expression: pd.DataFrame,
    annotations: pd.DataFrame,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [
        write(expression.T, tmp_path / "m.tsv"),
        "--obs",
        write(annotations, tmp_path / "obs.tsv"),
    ]
    assert main(["describe", *files]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("m: 40 samples x 48 genes, log2(x + 1)\n")
    assert "Genes are in rows" in printed
    assert "barcodes of TCGA" in printed
    assert "48: symbols (TSPAN6, TNMD, DPM1, ...)" in printed
    command = printed[printed.index("python -m genexp tune") :].replace("\\\n", "").split("\n")[0]
    obs = read_proposed([command]).obs
    assert obs["label"].tolist() == annotations["pam50"].tolist()
    assert obs["time_days"].tolist() == annotations["OS.time"].tolist()
    assert obs["event"].tolist() == annotations["OS"].tolist()
    assert obs["batch"].tolist() == annotations["plate"].tolist()
    assert obs["group"].tolist() == annotations["patient_id"].tolist()


def test_values_and_counts_stand_beside_what_to_type(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations.iloc[:3, 0] = "[Not Available]"
    text = render_description_text(
        describe(
            write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
        )
    )
    counts = annotations["pam50"].value_counts()
    (line,) = [line for line in text.splitlines() if line.startswith("    --label pam50")]
    assert all(
        f"{name} ({n})" in line
        for name, n in counts.items()
        if name in ("LumA", "LumB", "Basal", "Her2")
    )
    assert line.endswith("; 3 empty")
    assert re.search(r"--group patient_id +20 values, 20 with several samples", text)
    assert re.search(r"--time OS.time +30 to 2,760, median 1,395", text)


@pytest.mark.parametrize("order", ["before", "behind"])
@pytest.mark.parametrize("verb", ["describe", "convert"])
def test_a_file_may_stand_before_and_behind_options(order: str, verb: str) -> None:
    options = ["--scale", "counts"]
    words = [verb, "m.tsv", *options] if order == "before" else [verb, *options, "m.tsv"]
    _, settings = parse_arguments(words)
    assert (settings.cohort, settings.scale) == ("m.tsv", "counts")


@pytest.mark.parametrize("words", [["a.tsv", "b.tsv"], ["a.tsv", "--cohort", "b.tsv"]])
def test_of_two_files_neither_is_described(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"expected one FILE, found 2 \(a.tsv, b.tsv\).*--obs"):
        parse_arguments(["describe", *words])


def test_an_unknown_parameter_is_not_taken_for_a_file() -> None:
    with pytest.raises(ConfigError, match="unknown parameter 'obss'"):
        parse_arguments(["describe", "m.tsv", "--obss", "obs.tsv"])


@pytest.fixture
def unclear(expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path) -> Description:
    """Of a matrix whose names tell nothing on either side."""
    frame = expression.set_axis([f"a{i}x" for i in range(40)], axis=0).set_axis(
        [f"b{i}y" for i in range(48)], axis=1
    )
    return describe(
        write(frame.rename_axis(None), tmp_path / "m.tsv"),
        obs=write(annotations, tmp_path / "obs.tsv"),
    )


def test_where_the_reader_asks_all_that_is_known_is_shown(unclear: Description) -> None:
    text = render_description_text(unclear)
    assert unclear.is_open
    assert "40 rows x 48 columns of values" in text
    assert "Rows: a0x, a1x, a2x" in text
    assert "Columns: b0y, b1y, b2y" in text
    assert "--label pam50" in text
    assert unclear.values is not None
    assert 2 < np.median(unclear.values.sampled) < 10


def test_an_unclear_way_round_is_asked_with_both_answers_to_copy(unclear: Description) -> None:
    (question,) = unclear.questions
    assert "it is not clear whether rows are genes or samples" in question.text
    assert [command[-1] for command in unclear.commands] == ["--rows genes", "--rows samples"]
    assert all(command[0] == "python -m genexp describe" for command in unclear.commands)


def test_a_question_ends_with_code_2(
    expression: pd.DataFrame,
    annotations: pd.DataFrame,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    obs = write(annotations.iloc[:35], tmp_path / "obs.tsv")
    assert main(["describe", write(expression, tmp_path / "m.tsv"), "--obs", obs]) == 2
    assert "Described here as if --unmatched drop." in capsys.readouterr().out


def break_ids(
    expression: pd.DataFrame, annotations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    return expression, annotations.iloc[:35]


def break_genes(
    expression: pd.DataFrame, annotations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    return expression.rename(columns={"TNMD": "2-Sep"}), annotations


def break_one_value(
    expression: pd.DataFrame, annotations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    expression.iloc[3, 5] = np.nan
    return expression, annotations


def break_many_values(
    expression: pd.DataFrame, annotations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    return expression.mask(np.random.default_rng(0).random(expression.shape) < 0.05), annotations


@pytest.mark.parametrize(
    ("break_file", "answer"),
    [
        (break_ids, "--unmatched drop"),
        (break_genes, "--date_genes repair"),
        (break_one_value, "--missing drop_gene"),
        (break_many_values, "--missing impute_mean"),
    ],
)
def test_a_question_with_a_usual_answer_is_kept_and_the_rest_is_described_under_it(
    expression: pd.DataFrame,
    annotations: pd.DataFrame,
    tmp_path: Path,
    break_file: object,
    answer: str,
) -> None:
    matrix, table = break_file(expression, annotations)  # type: ignore[operator]
    path, obs = write(matrix, tmp_path / "m.tsv"), write(table, tmp_path / "obs.tsv")
    with pytest.raises(CohortError) as asked:
        read_cohort(CohortConfig(cohort=path, obs=obs))
    description = describe(path, obs=obs)
    assert [question.text for question in description.questions] == [str(asked.value)]
    assert not description.is_open
    assert all(answer in command for command in description.commands)
    assert read_proposed(description.commands[0]).obs["label"].notna().all()


def test_a_layer_that_is_proposed_is_described(expression: pd.DataFrame, tmp_path: Path) -> None:
    counts = (2**expression - 1).round()
    anndata.AnnData(
        obs=pd.DataFrame(index=counts.index),
        var=pd.DataFrame(index=counts.columns),
        layers={"counts": counts.to_numpy()},
    ).write_h5ad(tmp_path / "m.h5ad")
    description = describe(str(tmp_path / "m.h5ad"))
    assert description.headline == "40 samples x 48 genes, counts"
    assert not description.is_open
    assert "--layer counts" in description.commands[0]


def test_a_scale_that_is_not_clear_is_asked_and_the_values_are_described(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(write(expression.round().clip(3, 14).astype(int), tmp_path / "m.tsv"))
    assert description.headline == "40 samples x 48 genes of unknown scale"
    assert {command[-1] for command in description.commands} == {
        "--scale counts",
        "--scale log2_norm_count",
    }
    assert any("100% whole numbers" in sentence for sentence in description.facts["Scale"])


def test_infinite_values_leave_a_question_open_and_are_counted(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    expression.iloc[3, 5] = np.inf
    description = describe(write(expression, tmp_path / "m.tsv"))
    assert description.is_open
    assert description.facts["Missing values"] == (
        "1 of 1,920 values, 1 of them infinite, in 1 of 48 genes.",
    )
    assert description.headline.endswith("log2(x + 1)")


def test_a_sample_without_any_value_is_asked_about_and_described(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    """A column without values is what a heading that is moved by one field leaves at its end."""
    expression.iloc[3] = np.nan
    description = describe(write(expression, tmp_path / "m.tsv"), missing="impute_mean")
    assert description.questions[0].text.startswith(
        "found no value for 1 of 40 samples (1 (TCGA-AA-0003-01))"
    )
    assert any(
        "with many missing values: 1 (TCGA-AA-0003-01 100%)" in warning
        for warning in description.warnings
    )
    assert "100" in render_description_text(description)
    assert render_description_page(description).count("<img") == 3


def test_samples_of_one_name_leave_a_question_open(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(
        write(expression.rename(index={"TCGA-AA-0001-01": "TCGA-AA-0000-01"}), tmp_path / "m.tsv")
    )
    assert description.is_open
    assert "duplicated sample ids" in description.questions[0].text
    assert description.headline.startswith("39 samples x 48 genes")


def test_annotations_of_other_samples_are_described_by_themselves(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    other = annotations.set_axis([f"q{i}" for i in range(N_SAMPLES)], axis=0)
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(other, tmp_path / "obs.tsv")
    )
    assert description.is_open
    assert "match no sample" in description.questions[0].text
    assert list_role_columns(description.candidates, "label")[0] == "pam50"
    assert description.headline == "40 samples x 48 genes, log2(x + 1)"


def test_to_lose_most_samples_is_not_proposed(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(
        write(expression, tmp_path / "m.tsv"),
        obs=write(annotations.iloc[:12], tmp_path / "obs.tsv"),
    )
    assert description.is_open
    assert all(command[0].endswith("describe") for command in description.commands)


def test_a_column_that_the_user_names_wrongly_is_asked_about(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(
        write(expression, tmp_path / "m.tsv"),
        obs=write(annotations, tmp_path / "obs.tsv"),
        label="pam51",
    )
    assert description.is_open
    assert "label='pam51' is not a column" in description.questions[0].text
    assert description.headline == "40 samples x 48 genes, log2(x + 1)"


def test_a_file_of_no_known_kind_is_described_by_its_size_and_question(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(bytes(range(256)) * 20)
    description = describe(str(tmp_path / "m.bin"))
    assert description.is_open
    assert "5.12 kB" in description.facts["File"][0]


def test_a_text_that_cannot_be_read_is_described_by_its_first_lines(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    text = expression.astype(str)
    text.iloc[2, 3] = "abc"
    description = describe(write(text, tmp_path / "m.tsv"))
    assert description.headline == "not read"
    assert "'abc'" in description.questions[0].text
    assert any("TSPAN6" in line for line in description.facts["File"])


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="does not exist"):
        describe(str(tmp_path / "m.tsv"))


def test_a_cohort_without_faults_has_nothing_suspicious(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    assert description.warnings == ()
    assert "SUSPICIOUS\n  Nothing: " in render_description_text(description)


def test_a_label_among_the_genes_is_named(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    expression.insert(4, "WEIRD1", pd.factorize(annotations["pam50"])[0].astype(float))
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    (question,) = description.questions
    assert "'WEIRD1'" in question.text
    assert "'pam50'" in question.text
    assert description.commands[0][-1] == "--metadata WEIRD1"


def test_an_impossible_value_and_doubled_genes_are_suspicious(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    expression.iloc[3, 5] = 999.0
    frame = expression.set_axis([*GENES[:-1], GENES[0]], axis=1)
    warnings = " ".join(describe(write(frame, tmp_path / "m.tsv")).warnings)
    assert "999 in sample TCGA-AA-0003-01, gene CFH" in warnings
    assert "Genes that occur more than once: 1 (TSPAN6)" in warnings


def test_batches_of_one_label_each_are_suspicious(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations["plate"] = annotations["pam50"].map(
        {"LumA": "A1", "LumB": "A2", "Basal": "A3", "Her2": "A3"}
    )
    annotations["pam50"] = annotations["pam50"].replace({"Her2": "Basal"})
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    assert any(
        "'plate' has only one value of 'pam50'" in warning for warning in description.warnings
    )


def test_a_batch_on_another_scale_is_named(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations["plate"] = ["A1"] * 30 + ["A2"] * 10
    expression.iloc[30:] += 8
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    assert any("10 (TCGA-AA-0030-01" in warning for warning in description.warnings)
    assert any("of 'plate' 1 (A2)" in warning for warning in description.warnings)


def test_few_samples_are_said_to_be_too_few_for_training(
    expression: pd.DataFrame, tmp_path: Path
) -> None:
    description = describe(write(expression.iloc[:8], tmp_path / "m.tsv"))
    assert [question.text for question in description.questions] == [
        "found 8 samples; expected 20 or more"
    ]
    assert description.commands == ()


def test_flat_and_unusual_and_incomplete_samples_are_found(expression: pd.DataFrame) -> None:
    X = expression.to_numpy(dtype=np.float32)
    X[3], X[5], X[7, :30] = 6.0, X[5] * 0.2, np.nan
    unusual = find_unusual_samples(measure_samples(X, "log2_norm_count"), "log2_norm_count")
    assert {name: positions.tolist() for name, positions in unusual.items()} == {
        "level": [5],
        "flat": [3],
        "missing": [7],
    }


def test_totals_of_counts_are_compared_by_their_ratio(expression: pd.DataFrame) -> None:
    X = (2 ** expression.to_numpy(dtype=np.float32) - 1).round()
    X[5], X[6] = X[5] // 100, X[6] // 2
    assert find_unusual_samples(measure_samples(X, "counts"), "counts")["level"].tolist() == [5]


@pytest.mark.parametrize("scale", ["counts", "log2_norm_count", "zscore"])
def test_samples_that_are_nearly_the_same_are_found(expression: pd.DataFrame, scale: str) -> None:
    X = expression.to_numpy(dtype=np.float32)
    X = {
        "counts": (2**X - 1).round(),
        "log2_norm_count": X,
        "zscore": (X - X.mean(axis=0)) / X.std(axis=0),
    }[scale]
    X[30] = X[4] * (3 if scale == "counts" else 1.0001)
    pairs = find_near_duplicates(X, scale)
    assert [pair[:2] for pair in pairs] == [(4, 30)]


def test_one_huge_value_does_not_make_samples_alike(expression: pd.DataFrame) -> None:
    X = (expression - expression.mean()).to_numpy(dtype=np.float32)
    X[3, 5] = X[9, 5] = 30000
    assert find_near_duplicates(X, "zscore") == []


ROLES = [
    ("OS.time", [10.0 * i for i in range(30)], ["time"]),
    ("DaysToDeath", [10.0 * i for i in range(30)], ["time"]),
    ("OS_MONTHS", [1.5 * i for i in range(30)], ["time"]),
    ("days_to_birth", [-300.0 * i for i in range(30)], []),
    ("age_at_diagnosis", list(range(30, 60)), []),
    ("vital_status", ["Dead", "Alive"] * 15, ["event"]),
    ("OS_STATUS", ["1:DECEASED", "0:LIVING"] * 15, ["event"]),
    ("OS", [0, 1] * 15, ["event"]),
    ("is_female", [0, 1] * 15, ["label"]),
    ("er_status", ["positive", "negative"] * 15, ["label"]),
    ("pam50", ["LumA", "LumB", "Basal"] * 10, ["label"]),
    ("er_level", [0.0, 1.0, 2.0] * 10, ["label"]),
    ("year_of_diagnosis", [2001, 2002, 2003] * 10, []),
    ("plate", ["A1", "A2", "A3"] * 10, ["batch"]),
    ("tissue_source_site", ["BH", "E2", "A8"] * 10, ["batch"]),
    ("primary_site", ["lung", "liver", "skin"] * 10, ["label"]),
    ("cohort", ["BRCA", "LUAD"] * 15, ["label", "batch"]),
    ("PATIENT_ID", [f"P{i // 2}" for i in range(30)], ["patient"]),
    ("barcode", [f"TCGA-{i // 2:04d}" for i in range(30)], ["patient"]),
    ("comment", [f"text {i}" for i in range(30)], []),
    ("constant", ["a"] * 30, []),
]


@pytest.mark.parametrize(
    ("column", "values", "roles"), ROLES, ids=[column for column, _, _ in ROLES]
)
def test_what_a_column_could_be_follows_from_its_name_and_values(
    column: str, values: list[object], roles: list[str]
) -> None:
    candidates = find_candidates(pd.DataFrame({column: values}))
    assert [candidate.role for candidate in candidates] == roles


def test_a_column_of_censoring_is_never_proposed_as_event(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations = annotations.rename(columns={"OS": "censored"})
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    (candidate,) = [candidate for candidate in description.candidates if candidate.role == "event"]
    assert "--event_value" in candidate.note
    assert not any(part.startswith("--event") for part in description.commands[0])


def test_times_are_paired_with_events_of_the_same_endpoint_overall_survival_first() -> None:
    times, events = (
        ["PFI_days", "OS.time", "survival_months", "days_to_death"],
        ["PFI_event", "OS", "vital_status"],
    )
    assert pair_endpoints(times, events) == [
        ("OS.time", "OS"),
        ("survival_months", "vital_status"),
        ("days_to_death", "vital_status"),
        ("PFI_days", "PFI_event"),
    ]


def test_survival_that_would_be_asked_about_is_shown_and_not_proposed(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations["OS.time"] = annotations["OS.time"] / 100
    description = describe(
        write(expression, tmp_path / "m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    assert "time_unit=" in description.endpoints[0]
    assert not any(part.startswith("--time") for part in description.commands[0])
    assert "--label pam50" in description.commands[0]


def test_a_column_with_blanks_is_quoted_so_that_the_command_is_read(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations = annotations.rename(columns={"pam50": "PAM50 subtype's call"})
    description = describe(
        write(expression, tmp_path / "my m.tsv"), obs=write(annotations, tmp_path / "obs.tsv")
    )
    assert (
        read_proposed(description.commands[0]).obs["label"].tolist()
        == annotations["PAM50 subtype's call"].tolist()
    )


def test_what_the_user_says_stays_in_the_command(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    path, obs = write(expression, tmp_path / "m.tsv"), write(annotations, tmp_path / "obs.tsv")
    description = describe(path, obs=obs, label="gender", where="age > 40")
    assert {"--label gender", "--where 'age > 40'"} <= set(description.commands[0])
    assert description.headline.startswith(f"{(annotations['age'] > 40).sum()} samples")


def test_answers_are_taken_from_a_message() -> None:
    config = CohortConfig(label="pam51")
    assert find_answers("say rows=samples|genes", config) == (
        ("rows", "samples"),
        ("rows", "genes"),
    )
    assert find_answers("no X; a layer named by layer=. Such as layer=counts.", config) == (
        ("layer", "counts"),
    )
    assert find_answers("label='pam51' is no column; say sample_id=", config) == (
        ("sample_id", "COLUMN"),
    )
    assert find_answers('leave them out with where="not (OS == 1)"', config) == (
        ("where", "not (OS == 1)"),
    )
    assert write_command("tune", {"where": "a > 1", "label": "-x"}) == (
        "python -m genexp tune",
        "--where 'a > 1'",
        "--label=-x",
    )


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_the_file_says(
    expression: pd.DataFrame, annotations: pd.DataFrame, tmp_path: Path
) -> None:
    annotations = annotations.rename(columns={"gender": "<script>alert(1)</script>"})
    expression.iloc[3, 5] = np.nan
    path, obs, out = (
        write(expression, tmp_path / "m.tsv"),
        write(annotations, tmp_path / "obs.tsv"),
        tmp_path / "page.html",
    )
    assert main(["describe", path, "--obs", obs, "--missing", "drop_gene", "--out", str(out)]) == 0
    page = out.read_text()
    assert len(page) < 500_000
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert page.count("<img alt=") == page.count('src="data:image/png;base64,') == 3
    assert "&lt;script&gt;alert(1)" in page
    assert "--label pam50" in page


def test_the_page_of_a_question_shows_it_first_with_its_answers(unclear: Description) -> None:
    page = render_description_page(unclear)
    assert page.index("What is asked") < page.index("--rows genes") < page.index("How it is read")
    assert page.count('src="data:image/png;base64,') == 1


def test_the_page_of_a_simulated_cohort_is_whole() -> None:
    description = describe_cohort(CohortConfig(cohort="simulated:40x100"))
    assert "simulated:40x100" in render_description_page(description)
    assert not description.questions


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        (
            "tcga_brca_rnaseq",
            {"--label pam50", "--time OS_days", "--event OS_event", "--group patient_id"},
        ),
        (
            "tcga_brca_agilent",
            {
                "--missing drop_gene",
                "--label pam50",
                "--time OS_days",
                "--event OS_event",
                "--group patient_id",
            },
        ),
        (
            "ovarian_multistudy",
            {"--label histological_type", "--time OS_days", "--event OS_event", "--batch study"},
        ),
        ("gse3143_breast", {"--time OS_months", "--event OS_event"}),
    ],
)
def test_real_cohorts_get_commands_that_read_them(name: str, proposed: set[str]) -> None:
    description = describe(str(SHARED / f"{name}.parquet"), obs=str(SHARED / f"{name}_samples.tsv"))
    assert proposed <= set(description.commands[0])
    assert len(read_proposed(description.commands[0])) > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in LAYOUTS if not name.endswith("a_file_that_is_not_there")]
)
def test_describing_asks_what_reading_asks_and_nothing_else(name: str, tmp_path: Path) -> None:
    parameters, _ = LAYOUTS[name].write(tmp_path)
    files = {key: str(tmp_path / parameters[key]) for key in ("cohort", "obs") if key in parameters}
    config = CohortConfig(**parameters | files)
    try:
        read_cohort(config)
        refusal = ""
    except CohortError as error:
        refusal = str(error)
    description = describe_cohort(config)
    assert [question.text for question in description.questions[:1]] == (
        [refusal] if refusal else []
    )
    assert description.headline in render_description_text(description)
