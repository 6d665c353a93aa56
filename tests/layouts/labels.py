"""Labels and missing values: labels stay the text that they are, and words for missing are one
list.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.layouts.annotations import with_label
from tests.layouts.layout import Layouts
from tests.layouts.truth import IDS, LABEL, OBS, E, N, by_sample, expect, write_obs

LAYOUTS = Layouts()


@LAYOUTS
def many_words_for_missing(folder: Path):
    words = [
        "[Discrepancy]",
        "[Not Evaluated]",
        "not reported",
        "Unknown",
        "N/A",
        "#N/A",
        "ND",
        "--",
        ".",
        "<NA>",
        "nan",
        "NULL",
    ]
    stage = [*words, *(["II", "III"] * 12)]
    return with_label(folder, "stage", stage, label_counts={"II": 12, "III": 12}, says=["12 of 36"])


@LAYOUTS
def a_drug_called_none(folder: Path):
    drug = ["None" if i % 3 == 0 else "Tamoxifen" if i % 3 == 1 else "NA" for i in range(N)]
    return with_label(
        folder, "drug", drug, label_counts={"None": 12, "Tamoxifen": 12}, says=["12 of 36"]
    )


@LAYOUTS
def a_missing_word_of_ones_own(folder: Path):
    parameters, right = with_label(
        folder,
        "grade",
        ["keine Angabe" if i < 6 else f"G{i % 2 + 1}" for i in range(N)],
        label_counts={"G1": 15, "G2": 15},
    )
    return parameters | {"missing_words": "keine Angabe"}, right


@LAYOUTS
def plus_and_minus_are_classes(folder: Path):
    """An oestrogen receptor is + or -: a hyphen is no missing value beside a plus."""
    return with_label(
        folder, "ER", ["+" if i % 3 else "-" for i in range(N)], label_counts={"+": 24, "-": 12}
    )


@LAYOUTS
def a_number_for_missing(folder: Path):
    """-9 is a class unless it is said to be missing."""
    parameters, right = with_label(
        folder,
        "response",
        [-9 if i < 6 else i % 2 for i in range(N)],
        label_counts={"0": 15, "1": 15},
    )
    return parameters | {"missing_words": "-9"}, right


@LAYOUTS
def a_label_without_any_value(folder: Path):
    return with_label(folder, "subtype", ["Not Reported"] * N)[0], {"refuse": ["subtype"]}


@LAYOUTS
def clusters_called_1_1_and_1_10(folder: Path):
    return with_label(
        folder,
        "cluster",
        ["1.1", "1.10", "1.2"] * 12,
        label_counts={"1.1": 12, "1.10": 12, "1.2": 12},
    )


@LAYOUTS
def clusters_called_1_0_and_2_0_for_want_of_some(folder: Path):
    """pandas wrote whole numbers as floats because some are missing."""
    parameters, right = with_label(
        folder, "cluster", ["" if i < 6 else "1.0" if i % 2 else "2.0" for i in range(N)]
    )
    return parameters, [
        right | {"label_counts": {"1": 15, "2": 15}},
        right | {"label_counts": {"1.0": 15, "2.0": 15}},
    ]


@LAYOUTS
def codes_with_leading_zeros(folder: Path):
    return with_label(
        folder, "code", ["01", "02", "1"] * 12, label_counts={"01": 12, "02": 12, "1": 12}
    )


@LAYOUTS
def true_and_false(folder: Path):
    return with_label(
        folder,
        "responder",
        ["True" if i % 3 else "False" for i in range(N)],
        label_counts={"True": 24, "False": 12},
    )


@LAYOUTS
def true_false_and_unknown(folder: Path):
    values = ["NA" if i < 6 else "TRUE" if i % 2 else "FALSE" for i in range(N)]
    parameters, right = with_label(folder, "responder", values)
    return parameters, [
        right | {"label_counts": {"TRUE": 15, "FALSE": 15}},
        right | {"label_counts": {"True": 15, "False": 15}},
    ]


@LAYOUTS
def labels_with_blanks_around(folder: Path):
    values = [f"{' ' * (i % 2)}Luminal A{' ' * (i % 3)}" if i % 2 else "Basal " for i in range(N)]
    return with_label(folder, "PAM50", values, label_counts={"Luminal A": 18, "Basal": 18})


@LAYOUTS
def infinity_is_a_word(folder: Path):
    """A label ``Inf`` (infant) must not become a number."""
    return with_label(
        folder,
        "stadium",
        ["Inf" if i % 2 else "Adult" for i in range(N)],
        label_counts={"Inf": 18, "Adult": 18},
    )


@LAYOUTS
def exponents_are_no_numbers(folder: Path):
    """Clones 1E2 and 100 are two."""
    return with_label(
        folder, "clone", ["1E2", "100", "3F1"] * 12, label_counts={"1E2": 12, "100": 12, "3F1": 12}
    )


@LAYOUTS
def a_measurement_is_no_label(folder: Path):
    return with_label(folder, "ki67", np.random.default_rng(1).random(N).round(3).tolist())[0], {
        "refuse": ["ki67"]
    }


@LAYOUTS
def a_title_with_other_blanks_and_case(folder: Path):
    """``label=Sample Type`` where the table says ``sample_type``: a name that is nearly right is
    told.
    """
    parameters, _ = with_label(folder, "sample_type", list(LABEL))
    return parameters | {"label": "Sample Type"}, {"refuse": ["sample_type"]}


@LAYOUTS
def two_columns_of_one_title(folder: Path):
    E.to_csv(folder / "m.csv")
    text = (
        OBS.assign(type2=np.roll(LABEL, 1))
        .rename(columns={"type2": "type"})
        .to_csv(sep="\t", index=False)
    )
    (folder / "obs.tsv").write_text(text)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        label=by_sample(LABEL), says=["type"]
    ) | {"or_refuse": ["type"]}


@LAYOUTS
def where_keeps_some(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(
        folder,
        OBS.assign(
            **{
                "Sample Type": [
                    "Primary Tumor" if i < 28 else "Solid Tissue Normal" for i in range(N)
                ]
            }
        ),
    )
    parameters = {
        "cohort": "m.csv",
        "obs": "obs.tsv",
        "label": "type",
        "where": "`Sample Type` == 'Primary Tumor'",
    }
    return parameters, expect(E.iloc[:28], label=by_sample(LABEL[:28], IDS[:28]), says=["28 of 36"])


@LAYOUTS
def a_column_label_that_is_not_the_label(folder: Path):
    """``label=type`` beside a column that happens to be called ``label``."""
    parameters, right = with_label(folder, "label", list(np.roll(LABEL, 1)))
    return parameters | {"label": "type"}, right | {"label": by_sample(LABEL)}


@LAYOUTS
def classes_that_differ_by_case(folder: Path):
    """They stay two classes, and are told."""
    values = ["Tumor" if i % 3 else "tumor" if i % 2 else "Normal" for i in range(N)]
    return with_label(
        folder,
        "kind",
        values,
        label_counts={"Tumor": 24, "tumor": 6, "Normal": 6},
        says=["tumor 6"],
    )


@LAYOUTS
def a_label_of_one_sample_each(folder: Path):
    return with_label(folder, "kind", ["a", "b", "c", *[""] * 33])[0], {"refuse": ["kind"]}


@LAYOUTS
def a_label_called_like_a_gene(folder: Path):
    """``ESR1`` in the table is the status; in the matrix it is the gene."""
    return with_label(
        folder,
        "ESR1",
        ["pos" if i % 3 else "neg" for i in range(N)],
        label_counts={"pos": 24, "neg": 12},
    )
