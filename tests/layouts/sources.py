"""Matrices and clinical tables as the large projects give them, used together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    DAYS,
    ENSEMBL,
    EVENT,
    GENES,
    LABEL,
    LOG2,
    C,
    E,
    G,
    N,
    by_sample,
    expect,
    tsv,
    write_obs,
)

LAYOUTS = Layouts()
TCGA = [f"TCGA-A1-{i:04d}-01" for i in range(N)]
PAIRED = [f"TCGA-A1-{i // 2:04d}-{'11' if i % 2 else '01'}" for i in range(N)]
GTEX = [f"GTEX-{1117 + i // 3}F-{226 + i:04d}-SM-5GZZ7" for i in range(N)]
VITAL = ["Dead" if event else "Alive" for event in EVENT]


def write_cbioportal(folder: Path, x: pd.DataFrame) -> None:
    t = x.T.rename_axis("Hugo_Symbol")
    t.insert(0, "Entrez_Gene_Id", np.arange(G) + 100)
    tsv(t, folder / "data_mrna.txt")


@LAYOUTS
def cbioportal_with_its_table_of_samples(folder: Path):
    x = E.set_axis(PAIRED)
    write_cbioportal(folder, x)
    head = (
        "#Patient Identifier\tSample "
        "Identifier\tSubtype\n#Patient\tSample\tSubtype\n#STRING\tSTRING\tSTRING\n#1\t1\t1\n"
    )
    table = pd.DataFrame(
        {"PATIENT_ID": [name[:12] for name in PAIRED], "SAMPLE_ID": PAIRED, "SUBTYPE": LABEL}
    )
    (folder / "data_clinical_sample.txt").write_text(head + table.to_csv(sep="\t", index=False))
    right = expect(x, label=by_sample(LABEL, PAIRED), n_groups=N // 2, says=["entrez_gene_id"])
    return {"cohort": "data_mrna.txt", "obs": "data_clinical_sample.txt", "label": "SUBTYPE"}, right


@LAYOUTS
def metabric(folder: Path):
    """Patients are samples there; times are months, events have numbers and words."""
    ids = [f"MB-{i:04d}" for i in range(N)]
    x = E.set_axis(ids)
    write_cbioportal(folder, x)
    status = ["1:DECEASED" if event else "0:LIVING" for event in EVENT]
    write_obs(
        folder,
        pd.DataFrame(
            {
                "PATIENT_ID": ids,
                "OS_MONTHS": (DAYS / 30.4375).round(4),
                "OS_STATUS": status,
                "CLAUDIN_SUBTYPE": LABEL,
            }
        ),
    )
    right = expect(
        x, label=by_sample(LABEL, ids), event=by_sample(EVENT.astype(float), ids), n_groups=N
    )
    right |= {"time": by_sample(DAYS.astype(float), ids), "time_tolerance": 0.1}
    return {
        "cohort": "data_mrna.txt",
        "obs": "obs.tsv",
        "label": "CLAUDIN_SUBTYPE",
        "time": "OS_MONTHS",
        "event": "OS_STATUS",
    }, right


@LAYOUTS
def xena_with_its_table_of_survival(folder: Path):
    x = E.set_axis(TCGA)
    tsv(x.T.rename_axis("sample"), folder / "HiSeqV2")
    known = np.arange(N) >= 4
    table = pd.DataFrame(
        {
            "sample": TCGA,
            "_PATIENT": [name[:12] for name in TCGA],
            "OS": np.where(known, EVENT, np.nan),
        }
    )
    write_obs(
        folder,
        table.assign(**{"OS.time": np.where(known, DAYS, np.nan), "Redaction": ""}),
        "survival_BRCA_survival.txt",
    )
    right = expect(
        x, time=by_sample(np.where(known, DAYS, np.nan), TCGA), n_groups=N, says=["_patient"]
    )
    return {
        "cohort": "HiSeqV2",
        "obs": "survival_BRCA_survival.txt",
        "time": "OS.time",
        "event": "OS",
    }, right


@LAYOUTS
def xena_logarithms_of_counts_with_rows_of_htseq(folder: Path):
    x = np.log2(C + 1).round(6).set_axis([f"{name}A" for name in TCGA])
    t = x.T.set_axis([f"{name}.{i % 9}" for i, name in enumerate(ENSEMBL)])
    t.loc["__no_feature"] = 21.3
    t.loc["__ambiguous"] = 19.8
    tsv(t.rename_axis("Ensembl_ID"), folder / "TCGA-BRCA.htseq_counts.tsv")
    return {"cohort": "TCGA-BRCA.htseq_counts.tsv"}, expect(x, genes=ENSEMBL, says=["__no_feature"])


@LAYOUTS
def gdc_counts_with_its_clinical_table(folder: Path):
    ids = [f"{name}A" for name in TCGA]
    x = C.set_axis(ids)
    tsv(
        x.T.set_axis([f"{name}.{i % 9}" for i, name in enumerate(ENSEMBL)]).rename_axis("gene_id"),
        folder / "counts.tsv",
    )
    table = pd.DataFrame(
        {
            "case_id": [f"{i:08x}-1111-4222-8333-000000000000" for i in range(N)],
            "case_submitter_id": [name[:12] for name in ids],
            "vital_status": VITAL,
            "days_to_death": [
                days if event else "'--" for days, event in zip(DAYS, EVENT, strict=True)
            ],
            "days_to_last_follow_up": [
                "'--" if event else days for days, event in zip(DAYS, EVENT, strict=True)
            ],
            "ajcc_pathologic_stage": ["Stage I", "Stage II", "'--"] * 12,
        }
    )
    write_obs(folder, table, "clinical.tsv")
    right = expect(
        x,
        genes=ENSEMBL,
        scale="counts",
        label_counts={"Stage I": 12, "Stage II": 12},
        n_groups=N,
        says=["12 of 36"],
    )
    return {"cohort": "counts.tsv", "obs": "clinical.tsv", "label": "ajcc_pathologic_stage"}, right


@LAYOUTS
def depmap_with_its_table_of_models(folder: Path):
    ids = [f"ACH-{i:06d}" for i in range(1, N + 1)]
    x = E.set_axis(ids)
    x.set_axis([f"{gene} ({i + 1})" for i, gene in enumerate(GENES)], axis=1).to_csv(
        folder / "OmicsExpression.csv"
    )
    table = pd.DataFrame(
        {"ModelID": ids, "PatientID": [f"PT-{i // 2}" for i in range(N)], "OncotreeLineage": LABEL}
    )
    table.sample(frac=1, random_state=1).to_csv(folder / "Model.csv", index=False)
    right = expect(x, genes=GENES, label=by_sample(LABEL, ids), n_groups=N // 2, says=["patientid"])
    return {"cohort": "OmicsExpression.csv", "obs": "Model.csv", "label": "OncotreeLineage"}, right


@LAYOUTS
def gtex_with_its_attributes_of_samples(folder: Path):
    x = E.set_axis(GTEX)
    tsv(x.T.rename_axis("Name"), folder / "gtex.tsv")
    write_obs(folder, pd.DataFrame({"SAMPID": GTEX, "SMTS": LABEL}))
    right = expect(x, label=by_sample(LABEL, GTEX), n_groups=N // 3)
    return {"cohort": "gtex.tsv", "obs": "obs.tsv", "label": "SMTS"}, right


@LAYOUTS
def gtex_with_its_phenotypes_of_subjects(folder: Path):
    """A row for each subject describes three samples."""
    x = E.set_axis(GTEX)
    tsv(x.T.rename_axis("Name"), folder / "gtex.tsv")
    write_obs(
        folder,
        pd.DataFrame(
            {"SUBJID": [f"GTEX-{1117 + i}F" for i in range(N // 3)], "SEX": [1, 2] * (N // 6)}
        ),
    )
    right = expect(
        x,
        label=by_sample([f"{1 + i // 3 % 2}" for i in range(N)], GTEX),
        n_groups=N // 3,
        says=["patient"],
    )
    return {"cohort": "gtex.tsv", "obs": "obs.tsv", "label": "SEX"}, right


@LAYOUTS
def tcga_biospecimens_with_more_rows_than_samples(folder: Path):
    """Tumour and normal tissue of each patient have rows; 15 letters tell them apart."""
    x = E.set_axis(TCGA)
    x.to_csv(folder / "m.csv")
    tumours = pd.DataFrame({"barcode": [f"{name}A" for name in TCGA], "type": LABEL})
    normals = pd.DataFrame({"barcode": [f"{name[:12]}-11A" for name in TCGA], "type": "normal"})
    write_obs(folder, pd.concat([tumours, normals]).sample(frac=1, random_state=1))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        x, label=by_sample(LABEL, TCGA), says=["15"]
    )


@LAYOUTS
def tcga_patients_beside_barcodes(folder: Path):
    """A column of patients matches every sample, but one of samples matches better."""
    x = E.set_axis(PAIRED)
    x.to_csv(folder / "m.csv")
    columns = {
        "patient": [name[:12] for name in PAIRED],
        "barcode": [f"{name}A-11R-A089-07" for name in PAIRED],
        "type": LABEL,
    }
    write_obs(folder, pd.DataFrame(columns).sample(frac=1, random_state=1))
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, expect(
        x, label=by_sample(LABEL, PAIRED), n_groups=N // 2
    )


@LAYOUTS
def tcga_two_aliquots_of_each_sample(folder: Path):
    """One row of the table describes both."""
    ids = [f"TCGA-A1-{i // 2:04d}-01A-1{i % 2}R-A089-07" for i in range(N)]
    x = E.set_axis(ids)
    x.to_csv(folder / "m.csv")
    samples = [f"TCGA-A1-{i:04d}-{kind}" for kind in ("01", "11") for i in range(N // 2)]
    write_obs(
        folder,
        pd.DataFrame({"sample": samples, "type": [*LABEL[: N // 2], *["normal"] * (N // 2)]}),
    )
    right = expect(
        x, label=by_sample(np.repeat(LABEL[: N // 2], 2), ids), n_groups=N // 2, says=["15"]
    )
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type"}, right


@LAYOUTS
def geo_raw_files_with_accessions_in_the_table(folder: Path):
    ids = [f"GSM{9000 + i}_chip{i}.CEL.gz" for i in range(N)]
    x = E.set_axis(ids)
    tsv(x.T.rename_axis("ID_REF"), folder / "rma.txt")
    write_obs(
        folder,
        pd.DataFrame({"geo_accession": [f"GSM{9000 + i}" for i in range(N)], "tissue": LABEL}),
    )
    right = expect(x, scale=LOG2, label=by_sample(LABEL, ids), says=["accession"])
    return {"cohort": "rma.txt", "obs": "obs.tsv", "label": "tissue"}, right


@LAYOUTS
def nanostring_with_code_class_and_accession(folder: Path):
    t = C.T.copy()
    t.insert(0, "Code Class", np.where(np.arange(G) < 50, "Endogenous", "Housekeeping"))
    t.insert(1, "Accession", [f"NM_{i:06d}.1" for i in range(G)])
    t.rename_axis("Gene Name").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(C, scale="counts", says=["code class"])


@LAYOUTS
def maxquant_with_numbers_of_peptides(folder: Path):
    """A column of whole numbers among logarithms is no sample."""
    t = E.T.set_axis([f"{gene}_HUMAN" for gene in GENES]).rename_axis("Protein IDs")
    t.insert(0, "Gene names", GENES)
    t.insert(1, "Peptides", np.arange(G) % 30 + 1)
    tsv(t, folder / "proteinGroups.txt")
    return {"cohort": "proteinGroups.txt"}, {"refuse": ["Peptides"]}


@LAYOUTS
def counts_by_barcodes_of_cells(folder: Path):
    rng = np.random.default_rng(1)
    x = C.set_axis(["".join(rng.choice(list("ACGT"), 16)) + "-1" for _ in range(N)])
    tsv(x.T, folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x, scale="counts")


@LAYOUTS
def counts_by_wells_of_plates(folder: Path):
    x = C.set_axis([f"{row}{column}" for column in range(1, 4) for row in "ABCDEFGHIJKL"])
    tsv(x.T, folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x, scale="counts")
