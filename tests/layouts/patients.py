"""Patients: samples of one patient stay on one side of every split, by a column or by barcodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.layouts.layout import Layouts
from tests.layouts.truth import GENES, IDS, LABEL, OBS, E, N, by_sample, expect, tsv, write_obs

LAYOUTS = Layouts()
PAIRS = [f"{i // 2 + 1}" for i in range(N)]
"""Each patient has two samples."""


def with_column(folder: Path, title: str, values: list) -> dict[str, str]:
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(**{title: values}))
    return {"cohort": "m.csv", "obs": "obs.tsv"}


def by_names(folder: Path, samples: list[str], groups: int, **more):
    x = E.set_axis(samples)
    tsv(x.T.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x, n_groups=groups, **({"says": ["barcode"]} | more))


@LAYOUTS
def bcr_patient_barcode(folder: Path):
    return with_column(folder, "bcr_patient_barcode", [f"TCGA-3C-{i:>04}" for i in PAIRS]), expect(
        n_groups=N // 2, says=["bcr_patient_barcode"]
    )


@LAYOUTS
def case_submitter_id(folder: Path):
    return with_column(folder, "case_submitter_id", [f"C3N-{i:>05}" for i in PAIRS]), expect(
        n_groups=N // 2, says=["case_submitter_id"]
    )


@LAYOUTS
def xena_patient(folder: Path):
    return with_column(folder, "_PATIENT", [f"A{i}" for i in PAIRS]), expect(
        n_groups=N // 2, says=["_patient"]
    )


@LAYOUTS
def subject_id_of_whole_numbers(folder: Path):
    return with_column(folder, "subject_id", [int(i) for i in PAIRS]), expect(
        n_groups=N // 2, says=["subject_id"]
    )


@LAYOUTS
def donor(folder: Path):
    return with_column(folder, "Donor", [f"D{i}" for i in PAIRS]), expect(
        n_groups=N // 2, says=["donor"]
    )


@LAYOUTS
def individual_with_gaps(folder: Path):
    """Two samples have no individual: each is one of its own."""
    values = ["" if i in (0, 1) else f"ind{pair}" for i, pair in enumerate(PAIRS)]
    return with_column(folder, "individual", values), expect(
        n_groups=N // 2 + 1, says=["individual"]
    )


@LAYOUTS
def patient_id_in_words(folder: Path):
    return with_column(folder, "Patient ID", [f"{i} " for i in PAIRS]), expect(
        n_groups=N // 2, says=["patient id"]
    )


@LAYOUTS
def participant_in_the_matrix_itself(folder: Path):
    x = E.copy()
    x.insert(0, "Participant", [f"P-{i}" for i in PAIRS])
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(n_groups=N // 2, says=["participant"])


@LAYOUTS
def patient_row_above_genes_in_rows(folder: Path):
    tsv(E.T.astype(object).rename_axis("Gene"), folder / "body.tsv")
    lines = (folder / "body.tsv").read_text().splitlines()
    (folder / "m.tsv").write_text(
        "\n".join([lines[0], "patient\t" + "\t".join(f"HN{i}" for i in PAIRS), *lines[1:]]) + "\n"
    )
    return {"cohort": "m.tsv"}, expect(n_groups=N // 2, says=["patient"])


@LAYOUTS
def gtex_samples(folder: Path):
    samples = [f"GTEX-{1117 + i // 3}F-{26 + i:04d}-SM-5GZZ{i % 10}" for i in range(N)]
    return by_names(folder, samples, N // 3)


@LAYOUTS
def target_samples(folder: Path):
    samples = [
        f"TARGET-{20 if i < 18 else 30}-PA{i // 2:02d}AB-0{9 if i % 2 else 4}A-01R"
        for i in range(N)
    ]
    return by_names(folder, samples, N // 2)


@LAYOUTS
def cptac_tumours_and_their_normal_tissue(folder: Path):
    samples = [f"C3{'L' if i < 18 else 'N'}-{i // 2:05d}{'.N' if i % 2 else ''}" for i in range(N)]
    return by_names(folder, samples, N // 2)


@LAYOUTS
def tcga_samples_with_dots(folder: Path):
    """R made the names of the columns syntactic."""
    samples = [f"TCGA.BH.A{i // 2:03d}.{'11' if i % 2 else '01'}A" for i in range(N)]
    return by_names(folder, samples, N // 2)


@LAYOUTS
def tcga_samples_in_small_letters(folder: Path):
    samples = [f"tcga-bh-a{i // 2:03d}-{'11' if i % 2 else '01'}" for i in range(N)]
    return by_names(folder, samples, N // 2)


@LAYOUTS
def toil_joins_tcga_target_and_gtex(folder: Path):
    samples = [
        *(f"TCGA-OR-A5J{i // 2}-{'01' if i % 2 else '11'}" for i in range(12)),
        *(f"TARGET-50-CAAA{i // 2:02d}-{'01' if i % 2 else '11'}" for i in range(12)),
    ]
    return by_names(
        folder, [*samples, *(f"GTEX-S4Q{i // 2}-{i:04d}-SM-3NM8M" for i in range(12))], N // 2
    )


@LAYOUTS
def group_none_switches_it_off(folder: Path):
    parameters, right = by_names(
        folder,
        [f"TCGA-BH-A{i // 2:03d}-{'11' if i % 2 else '01'}" for i in range(N)],
        N,
        says=["group=none"],
    )
    return parameters | {"group": "none"}, right


@LAYOUTS
def group_names_another_column(folder: Path):
    parameters = with_column(folder, "patient_id", [f"p{i}" for i in range(N)])
    write_obs(
        folder,
        OBS.assign(patient_id=[f"p{i}" for i in range(N)], family=[f"F{i // 4}" for i in range(N)]),
    )
    return parameters | {"group": "family"}, expect(
        n_groups=N // 4, group=by_sample(f"F{i // 4}" for i in range(N))
    )


@LAYOUTS
def patients_that_nobody_names(folder: Path):
    E.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(n_groups=N, says=["not known"])


@LAYOUTS
def a_column_patient_that_says_yes_or_no(folder: Path):
    """Patients against controls: no column of identities."""
    return with_column(folder, "patient", ["yes" if i % 2 else "no" for i in range(N)]), expect(
        n_groups=N
    )


@LAYOUTS
def a_constant_column_of_patients(folder: Path):
    """All cells are of one patient: nothing could be split by patient."""
    right = expect(n_groups=N, says=["patient"])
    return with_column(folder, "patient", ["P1"] * N), right | {"or_refuse": ["patient", "group"]}


@LAYOUTS
def patient_uuid_beside_its_barcode(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(
        folder,
        OBS.assign(
            bcr_patient_uuid=[f"{int(i):08x}-0000-4000-8000-000000000000" for i in PAIRS],
            bcr_patient_barcode=[f"TCGA-3C-{i:>04}" for i in PAIRS],
        ),
    )
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        n_groups=N // 2, label=by_sample(LABEL)
    )


@LAYOUTS
def time_points_of_donors_by_donor_id(folder: Path):
    samples = [f"{pair}_{'pre' if i % 2 else 'post'}" for i, pair in enumerate(PAIRS)]
    x = E.set_axis(samples)[GENES]
    x.to_csv(folder / "m.csv")
    write_obs(
        folder,
        OBS.assign(sample=samples, donor_id=PAIRS, timepoint=[s.split("_")[1] for s in samples]),
    )
    right = expect(
        x,
        n_groups=N // 2,
        says=["donor_id"],
        label=by_sample([s.split("_")[1] for s in samples], samples),
    )
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "timepoint"}, right


@LAYOUTS
def barcodes_of_aliquots_in_the_annotations_only(folder: Path):
    """Samples are called by their files; a column holds the barcode."""
    parameters = with_column(
        folder,
        "barcode",
        [f"TCGA-A2-{i // 2:04d}-{'11' if i % 2 else '01'}A-11R-A115-07" for i in range(N)],
    )
    return parameters | {"label": "type"}, expect(
        n_groups=N // 2,
        says=["barcode"],
        group=by_sample([f"TCGA-A2-{i // 2:04d}" for i in range(N)], IDS),
    )


@LAYOUTS
def several_columns_agree_but_for_one_without_repeats(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(
        folder,
        OBS.assign(case_id=[f"case{i}" for i in range(N)], submitter_id=[f"S{i}" for i in PAIRS]),
    )
    return {"cohort": "m.csv", "obs": "obs.tsv"}, expect(n_groups=N // 2, says=["submitter_id"])


@LAYOUTS
def mouse_numbers(folder: Path):
    rng = np.random.default_rng(2)
    return with_column(
        folder, "mouse_id", [int(i) for i in rng.permutation(np.repeat(np.arange(12), 3))]
    ), expect(n_groups=12, says=["mouse_id"])


@LAYOUTS
def submitter_id_of_samples_not_of_patients(folder: Path):
    """GDC calls the barcode of an aliquot ``submitter_id``, too."""
    samples = [f"TCGA-E9-{i // 2:04d}-{'11' if i % 2 else '01'}A" for i in range(N)]
    x = E.set_axis(samples)
    x.to_csv(folder / "m.csv")
    write_obs(
        folder, OBS.assign(sample=samples, submitter_id=[f"{name}-11R-A144-07" for name in samples])
    )
    return {"cohort": "m.csv", "obs": "obs.tsv"}, expect(x, n_groups=N // 2)


@LAYOUTS
def gtex_samples_with_dots(folder: Path):
    return by_names(
        folder, [f"GTEX.{1117 + i // 3}F.{226 + i:04d}.SM.5GZZ7" for i in range(N)], N // 3
    )


@LAYOUTS
def a_group_that_is_no_column(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "group": "patient"}, {"refuse": ["patient"]}
