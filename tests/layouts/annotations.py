"""Annotation tables: which row describes which sample, by ids that are written in two ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import IDS, LABEL, OBS, E, N, by_sample, expect, tsv, write_obs

LAYOUTS = Layouts()


def with_ids(
    folder: Path, matrix_ids: list, table_ids: list, says: list[str] | None = None, **more
):
    """A matrix and a shuffled table of annotations that name the samples in two ways; and the right
    reading.
    """
    x = E.set_axis([str(name) for name in matrix_ids])
    tsv(x.T.rename_axis("gene"), folder / "m.tsv")
    write_obs(folder, OBS.assign(sample=table_ids).sample(frac=1, random_state=2))
    right = expect(x, label=by_sample(LABEL, x.index), **({"says": says} if says else {}), **more)
    return {"cohort": "m.tsv", "obs": "obs.tsv", "label": "type"}, right


def with_label(folder: Path, title: str, values: list, **more):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(**{title: values}))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": title}, expect(**more)


@LAYOUTS
def rows_in_another_order(folder: Path):
    return with_ids(folder, IDS, IDS)


@LAYOUTS
def dots_against_hyphens(folder: Path):
    names = [f"TCGA-E2-A{i:03d}-01" for i in range(N)]
    return with_ids(folder, [name.replace("-", ".") for name in names], names, says=["'.'"])


@LAYOUTS
def another_case(folder: Path):
    return with_ids(
        folder, [f"bt_{i}a" for i in range(N)], [f"BT_{i}A" for i in range(N)], says=["case"]
    )


@LAYOUTS
def numbers_that_became_floats(folder: Path):
    return with_ids(
        folder, [1001 + i for i in range(N)], [f"{1001 + i}.0" for i in range(N)], says=["1001.0"]
    )


@LAYOUTS
def leading_zeros_lost(folder: Path):
    return with_ids(
        folder,
        [f"{7 + 3 * i:04d}" for i in range(N)],
        [7 + 3 * i for i in range(N)],
        says=["leading zeros"],
    )


@LAYOUTS
def the_x_of_r(folder: Path):
    return with_ids(
        folder,
        [f"X{2001 + i}.T{i % 3}" for i in range(N)],
        [f"{2001 + i}-T{i % 3}" for i in range(N)],
        says=["x that r"],
    )


@LAYOUTS
def paths_of_bam_files(folder: Path):
    """featureCounts names its columns by the files that it was given."""
    return with_ids(
        folder,
        [f"/scratch/run7/align/S{i:02d}.sorted.bam" for i in range(N)],
        [f"S{i:02d}" for i in range(N)],
        says=["file names"],
    )


@LAYOUTS
def paths_that_r_made_syntactic(folder: Path):
    names = [f"S{i:02d}" for i in range(N)]
    return with_ids(folder, [f"..results.align.{name}.sorted.bam" for name in names], names)[
        0
    ], expect(E.set_axis([f"..results.align.{name}.sorted.bam" for name in names])) | {
        "or_refuse": ["match no sample", "no row"]
    }


@LAYOUTS
def barcodes_of_28_letters_against_16(folder: Path):
    names = [f"TCGA-E2-A{i:03d}-01A" for i in range(N)]
    return with_ids(folder, [f"{name}-11R-A115-07" for name in names], names, says=["16"])


@LAYOUTS
def barcodes_of_15_letters_against_28(folder: Path):
    names = [f"TCGA-E2-A{i:03d}-01" for i in range(N)]
    return with_ids(folder, names, [f"{name}A-11R-A115-07" for name in names], says=["15"])


@LAYOUTS
def patient_rows_for_several_samples(folder: Path):
    """A table of patients, a matrix with tumour and normal tissue of each."""
    samples = [f"TCGA-GL-{i // 2:04d}-{'11A' if i % 2 else '01A'}" for i in range(N)]
    x = E.set_axis(samples)
    x.to_csv(folder / "m.csv")
    kinds = np.repeat(LABEL[: N // 2], 2)
    write_obs(
        folder,
        pd.DataFrame(
            {"bcr_patient_barcode": [name[:12] for name in samples[::2]], "type": LABEL[: N // 2]}
        ),
    )
    right = expect(x, n_groups=N // 2, label=by_sample(kinds, samples), says=["12"])
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, right


@LAYOUTS
def a_barcode_that_fits_two_rows(folder: Path):
    """Two aliquots of each sample are annotated differently: 15 letters do not tell which."""
    names = [f"TCGA-E2-A{i:03d}-01" for i in range(N)]
    E.set_axis(names).to_csv(folder / "m.csv")
    both = pd.concat(
        [
            OBS.assign(sample=[f"{name}A-11R" for name in names]),
            OBS.assign(sample=[f"{name}B-11R" for name in names]),
        ]
    )
    write_obs(folder, both)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {
        "refuse": ["duplicated", "several", "no row"]
    }


@LAYOUTS
def blanks_around_ids(folder: Path):
    return with_ids(folder, [f" {name}" for name in IDS], [f"{name} " for name in IDS])[0], expect(
        label=by_sample(LABEL)
    )


@LAYOUTS
def ids_in_quotes_and_labels_with_commas(folder: Path):
    E.to_csv(folder / "m.csv")
    table = OBS.assign(type=[f"{name}, grade {i % 3 + 1}" for i, name in enumerate(LABEL)])
    table.to_csv(folder / "obs.csv", index=False, quoting=1)
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(
        label=by_sample(table["type"])
    )


@LAYOUTS
def two_columns_of_ids_in_another_order(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(matched_control=np.roll(IDS, 5)))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["sample_id="]}


@LAYOUTS
def two_columns_of_ids_with_sample_id_stated(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(matched_control=np.roll(IDS, 5)))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type", "sample_id": "sample"}, expect(
        label=by_sample(LABEL)
    )


@LAYOUTS
def row_numbers_of_r_beside_ids(folder: Path):
    x = E.set_axis([f"{i + 1}" for i in range(N)])
    x.rename_axis("sample").to_csv(folder / "m.csv")
    order = np.random.default_rng(1).permutation(N)
    table = pd.DataFrame({"sample": order + 1, "type": LABEL[order]}, index=range(1, N + 1))
    table.to_csv(folder / "obs.csv")
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(
        x, label=by_sample(LABEL, x.index)
    ) | {"or_refuse": ["sample_id"]}


@LAYOUTS
def an_age_that_matches_samples_of_small_numbers(folder: Path):
    """Samples are 40, 41 ...; so are ages. The column of ids holds them all, once."""
    ids = [40 + i for i in range(N)]
    x = E.set_axis([str(i) for i in ids])
    x.rename_axis("patient").to_csv(folder / "m.csv")
    order = np.random.default_rng(4).permutation(N)
    ages = np.random.default_rng(5).permutation(ids)
    write_obs(
        folder, pd.DataFrame({"age": ages, "patient": np.array(ids)[order], "type": LABEL[order]})
    )
    right = expect(x, label=by_sample(LABEL, x.index)) | {"or_refuse": ["sample_id"]}
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, right


@LAYOUTS
def annotations_with_samples_in_columns(folder: Path):
    """A table the other way round: each line is an annotation."""
    E.to_csv(folder / "m.csv")
    tsv(OBS.set_index("sample").T.rename_axis("annotation"), folder / "obs.tsv")
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        label=by_sample(LABEL)
    ) | {"or_refuse": ["samples in columns", "transpose"]}


@LAYOUTS
def an_id_twice_in_the_annotations(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, pd.concat([OBS, OBS.iloc[[3]].assign(type="luminal")]))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["duplicated"]}


@LAYOUTS
def samples_without_a_row(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.iloc[4:])
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["unmatched=drop"]}


@LAYOUTS
def rows_of_no_sample(folder: Path):
    E.iloc[:30].to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        E.iloc[:30], label=by_sample(LABEL[:30], IDS[:30]), says=["6 rows"]
    )


@LAYOUTS
def annotations_of_other_samples(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sample=[f"KI-{i}" for i in range(N)]))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["match no sample"]}


@LAYOUTS
def row_names_of_r_without_a_heading(folder: Path):
    """``write.table``: the heading lacks the field above the row names."""
    E.to_csv(folder / "m.csv")
    table = OBS.set_index("sample").to_csv(sep="\t").split("\n", 1)
    (folder / "obs.txt").write_text(table[0].partition("\t")[2] + "\n" + table[1])
    return {"cohort": "m.csv", "obs": "obs.txt", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def ids_in_the_last_column(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(comment="none", id=IDS).drop(columns="sample"))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def ids_that_differ_by_case_alone(folder: Path):
    """``s0A`` and ``S0a`` are two samples: case is not left aside here."""
    ids = [f"s{i // 2}a" if i % 2 else f"S{i // 2}A" for i in range(N)]
    return with_ids(folder, ids, ids)


@LAYOUTS
def leading_zeros_lost_and_decimals_won(folder: Path):
    return with_ids(
        folder, [f"{i:03d}" for i in range(N)], [f"{i}.0" for i in range(N)], says=["leading zeros"]
    )


@LAYOUTS
def blanks_of_web_pages_behind_ids(folder: Path):
    """U+00A0, which no blank looks different from."""
    E.to_csv(folder / "m.csv")
    write_obs(folder, OBS.assign(sample=[f"{name}\u00a0" for name in IDS]))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def titles_of_geo_behind_accessions(folder: Path):
    names = [f"GSM{900 + i}" for i in range(N)]
    parameters, right = with_ids(
        folder, [f"{name}_{IDS[i]}" for i, name in enumerate(names)], names
    )
    return parameters, right | {"or_refuse": ["match no sample"]}


@LAYOUTS
def a_title_above_the_annotations(folder: Path):
    E.to_csv(folder / "m.csv")
    (folder / "obs.csv").write_text(
        "Table S1. Clinical data, 36 patients\n\n" + OBS.to_csv(index=False)
    )
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def two_ways_to_write_ids_in_one_table(folder: Path):
    """Half of the rows were added by somebody else."""
    names = [name if i < 18 else name.replace("-", "_") for i, name in enumerate(IDS)]
    return with_ids(folder, IDS, names, says=["'-'"])


@LAYOUTS
def a_line_of_units_below_the_heading(folder: Path):
    E.to_csv(folder / "m.csv")
    heading, rows = OBS.to_csv(sep="\t", index=False).split("\n", 1)
    (folder / "obs.tsv").write_text(heading + "\nID\ttext\t0/1\tdays\n" + rows)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def a_row_with_too_many_fields(folder: Path):
    E.to_csv(folder / "m.csv")
    lines = OBS.to_csv(sep="\t", index=False).splitlines()
    lines[9] += "\tx"
    (folder / "obs.tsv").write_text("\n".join(lines) + "\n")
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, {"refuse": ["fields"]}


@LAYOUTS
def commas_in_some_labels_without_quotes(folder: Path):
    """These rows have one field more: no label may slip into the next column."""
    E.to_csv(folder / "m.csv")
    table = OBS.assign(
        type=[f"{name}, NOS" if i % 9 == 8 else name for i, name in enumerate(LABEL)]
    )
    (folder / "obs.csv").write_text(table.to_csv(index=False).replace('"', ""))
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, {"refuse": ["fields"]}
