"""Which way round: decided by evidence, never by which side is longer, and asked about where there
is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    ENSEMBL,
    GENES,
    IDS,
    LABEL,
    LOG2,
    OBS,
    C,
    E,
    N,
    by_sample,
    expect,
    frame,
    log2_like,
    tsv,
    words,
    write_obs,
)

LAYOUTS = Layouts()
CELL_LINES = words(
    "MCF7 T47D BT474 SKBR3 HCC1143 HCC1954 MDAMB231 MDAMB468 A549 H1299 H460 PC9 HCT116 "
    "SW480 HT29 LOVO DLD1 CACO2 "
    "U87 U251 LN229 T98G K562 HL60 JURKAT RAJI HEPG2 HUH7 PC3 DU145 LNCAP HELA SIHA A375 "
    "SKMEL28 A2780"
)
ASK = ["rows=genes", "rows=samples"]


def genes_in_rows(
    folder: Path, genes: list[str], samples: list[str], heading: str | None, seed: int = 1
) -> tuple[dict[str, str], Any]:
    """Write a table of genes in rows with given names, and its right reading."""
    x = frame(log2_like(len(samples), len(genes), seed), samples, genes)
    tsv(x.T.rename_axis(heading), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x, scale=LOG2)


def or_ask(parameters: dict[str, str], right: dict[str, Any]) -> tuple[dict[str, str], Any]:
    """The same, which may be asked about: names of these genes are no evidence that is strong
    enough.
    """
    return parameters, right | {"or_refuse": ASK}


@LAYOUTS
def as_many_samples_as_genes(folder: Path):
    """A square table: no side is longer."""
    x = E.iloc[:, :N].set_axis([f"P{i + 1}" for i in range(N)])
    x.to_csv(folder / "m.csv", index_label=False)
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def cell_lines_in_rows_that_look_like_symbols(folder: Path):
    x = E.set_axis(CELL_LINES)
    x.rename_axis(None).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x) | {"or_refuse": ASK}


@LAYOUTS
def cell_lines_in_columns_that_look_like_symbols(folder: Path):
    x = E.set_axis(CELL_LINES)
    tsv(x.T.rename_axis("Description"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x) | {"or_refuse": ASK}


@LAYOUTS
def more_samples_than_genes_with_genes_in_rows(folder: Path):
    """A panel of 40 genes over 120 samples."""
    return genes_in_rows(folder, GENES[:40], [f"V{i + 1}" for i in range(120)], "symbol")


@LAYOUTS
def rat_symbols(folder: Path):
    rat = words(
        "Actb Gapdh Alb Apoe Tp53 Egfr Myc Cyp2e1 Cyp3a23 Fgg Fgb Ttr Hp Mt1 Mt2A "
        "LOC100362298 RGD1309534 Rps6 Rpl13a "
        "Slc2a1 Slc22a8 Cd36 Cd74"
    )
    return genes_in_rows(
        folder,
        [*rat, *(f"Olr{i}" for i in range(100, 130))],
        [f"ctrl_{i}" for i in range(1, 13)] + [f"dose_{i}" for i in range(1, 13)],
        None,
    )


@LAYOUTS
def mouse_symbols_in_columns(folder: Path):
    mouse = words(
        "Actb Gapdh Xist Cd4 Cd8a Il6 Tnf Foxp3 Gm12345 4930402H24Rik Rps27 Rpl3 Col1a1 "
        "Krt14 Krt5 Sox2 Trp53 Hbb-bs H2-Aa mt-Co1"
    )
    x = frame(
        log2_like(24, 40, 2),
        [f"M{i}" for i in range(24)],
        [*mouse, *(f"Olfr{i}" for i in range(20))],
    )
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x, scale=LOG2)


@LAYOUTS
def yeast_systematic_names(folder: Path):
    genes = [
        f"Y{arm}{side}{i:03d}{strand}"
        for arm in "AB"
        for side in "LR"
        for strand in "WC"
        for i in range(1, 9)
    ]
    return genes_in_rows(folder, genes, [f"heat_{i}min" for i in range(5, 125, 5)], "ORF")


@LAYOUTS
def arabidopsis_loci(folder: Path):
    return genes_in_rows(
        folder,
        [f"AT{1 + i % 5}G{1010 + 10 * i:05d}" for i in range(50)],
        [f"Col0_rep{i}" for i in range(24)],
        "",
    )


@LAYOUTS
def fly_symbols(folder: Path):
    """Symbols of fly genes are words: among them ``os``, ``arm``, ``y`` and ``time`` are genes."""
    genes = words(
        "dpp wg hh arm y w os en eve ftz hb Kr kni gt tll bcd nos osk vas piwi aub dl Tl spz "
        "cact Rel pnr GATAe tin twi "
        "sna ac sc ase l(1)sc da emc h"
    )
    return genes_in_rows(
        folder, genes, [f"wt.{i}" for i in range(12)] + [f"mut.{i}" for i in range(12)], "gene"
    )


@LAYOUTS
def worm_sequence_names(folder: Path):
    genes = [
        f"{a}{10 + i}{b}{i % 9 + 1}.{i % 14 + 1}"
        for a, b in (("F", "A"), ("ZK", "C"), ("Y", "D"))
        for i in range(15)
    ]
    return or_ask(*genes_in_rows(folder, genes, [f"N2_{i}" for i in range(24)], "Sequence name"))


@LAYOUTS
def rice_loci(folder: Path):
    return genes_in_rows(
        folder,
        [f"LOC_Os{i % 12 + 1:02d}g{10000 + 13 * i}" for i in range(50)],
        [f"leaf {i}" for i in range(24)],
        "",
    )


@LAYOUTS
def uniprot_accessions(folder: Path):
    genes = [f"P{i:05d}" for i in range(1017, 1047)] + [f"Q9Y{i:03d}"[:6] for i in range(230, 250)]
    return genes_in_rows(
        folder, genes, [f"Sample {i:02d}" for i in range(1, 25)], "Protein accession"
    )


@LAYOUTS
def mirnas(folder: Path):
    genes = [f"hsa-miR-{i}-{arm}p" for i in range(20, 45) for arm in (3, 5)]
    return genes_in_rows(folder, genes, [f"S{i}" for i in range(1, 25)], "")


@LAYOUTS
def refseq_transcripts_in_columns(folder: Path):
    x = frame(
        log2_like(60, 40, 3),
        [f"N{i}" if i % 2 else f"T{i}" for i in range(60)],
        [f"NM_{i:06d}" for i in range(546, 586)],
    )
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x, scale=LOG2)


@LAYOUTS
def affymetrix_probe_sets(folder: Path):
    genes = [
        *(f"{200000 + 7 * i}_{'x' if i % 5 else 's'}_at" for i in range(40)),
        *(f"{i}_at" for i in range(1007, 1017)),
        "AFFX-BioB-5_at",
    ]
    return genes_in_rows(folder, genes, [f"{name}.CEL" for name in IDS], "")


@LAYOUTS
def agilent_probes(folder: Path):
    return genes_in_rows(
        folder,
        [f"A_23_P{100000 + 11 * i}" for i in range(50)],
        [f"{i}" for i in range(1, 25)],
        "ProbeName",
    )


@LAYOUTS
def entrez_numbers_under_their_heading(folder: Path):
    return genes_in_rows(
        folder,
        [f"{i}" for i in range(1000, 1050)],
        [f"{i}" for i in range(1, 25)],
        "ENTREZ_GENE_ID",
    )


@LAYOUTS
def entrez_numbers_without_heading_and_run_accessions(folder: Path):
    return genes_in_rows(
        folder, [f"{1000 + 3 * i}" for i in range(50)], [f"SRR{8000000 + i}" for i in range(24)], ""
    )


@LAYOUTS
def numbers_along_both_sides_are_asked_about(folder: Path):
    tsv(
        frame(
            log2_like(30, 50),
            [f"{2001 + i}" for i in range(30)],
            [f"{5000 + 7 * i}" for i in range(50)],
        ),
        folder / "m.tsv",
    )
    return {"cohort": "m.tsv"}, {"refuse": ASK}


@LAYOUTS
def names_that_say_nothing_are_asked_about(folder: Path):
    tsv(
        frame(log2_like(30, 50), [f"row{i}x" for i in range(30)], [f"col{i}y" for i in range(50)]),
        folder / "m.tsv",
    )
    return {"cohort": "m.tsv"}, {"refuse": ASK}


@LAYOUTS
def names_that_say_nothing_with_rows_stated(folder: Path):
    x = frame(log2_like(30, 50), [f"row{i}x" for i in range(30)], [f"col{i}y" for i in range(50)])
    tsv(x, folder / "m.tsv")
    return {"cohort": "m.tsv", "rows": "samples"}, expect(x, scale=LOG2, says=["rows=samples"])


@LAYOUTS
def heading_id_over_genes_in_rows(folder: Path):
    tsv(E.T.rename_axis("ID"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def heading_sample_over_ensembl_ids_with_annotations(folder: Path):
    x = E.set_axis([f"TCGA.A7.{i:04d}.01" for i in range(N)]).set_axis(
        [f"{name}.{i % 12}" for i, name in enumerate(ENSEMBL)], axis=1
    )
    tsv(x.T.rename_axis("sample"), folder / "HiSeqV2")
    write_obs(folder, OBS.assign(sample=[name.replace(".", "-") for name in x.index]))
    return {"cohort": "HiSeqV2", "obs": "obs.tsv", "label": "type"}, expect(
        x, genes=ENSEMBL, label=by_sample(LABEL, x.index)
    )


@LAYOUTS
def samples_named_after_the_gene_that_was_silenced(folder: Path):
    """A knock-down screen: samples carry symbols, genes carry Ensembl ids."""
    x = E.set_axis(GENES[:N]).set_axis(ENSEMBL, axis=1)
    x.rename_axis("sirna").to_csv(folder / "screen.csv")
    return {"cohort": "screen.csv"}, expect(x) | {"or_refuse": ASK}


@LAYOUTS
def samples_named_after_genes_that_the_annotations_know(folder: Path):
    x = E.set_axis(GENES[:N]).set_axis(ENSEMBL, axis=1)
    tsv(x.T.rename_axis(""), folder / "screen.tsv")
    write_obs(folder, OBS.assign(sample=GENES[:N]))
    return {"cohort": "screen.tsv", "obs": "obs.tsv", "label": "type"}, expect(
        x, label=by_sample(LABEL, x.index)
    )


@LAYOUTS
def annotations_decide_where_names_say_nothing(folder: Path):
    x = frame(log2_like(N, 50), [f"row{i}x" for i in range(N)], [f"col{i}y" for i in range(50)])
    tsv(x.T, folder / "m.tsv")
    write_obs(folder, OBS.assign(sample=x.index))
    return {"cohort": "m.tsv", "obs": "obs.tsv", "label": "type"}, expect(
        x, scale=LOG2, label=by_sample(LABEL, x.index), says=["annotations"]
    )


@LAYOUTS
def rows_stated_against_the_annotations(folder: Path):
    E.to_csv(folder / "m.csv")
    write_obs(folder)
    return {"cohort": "m.csv", "obs": "obs.tsv", "label": "type", "rows": "genes"}, {
        "refuse": ["rows=", "match no sample"]
    }


@LAYOUTS
def a_table_of_a_table_transposed_by_pandas(folder: Path):
    """``df.T.to_csv`` of a frame with a default index: the columns are 0, 1, 2 ..."""
    x = E.set_axis([f"{i}" for i in range(N)])
    x.T.rename_axis(None).to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def drugs_in_rows(folder: Path):
    drugs = [
        f"{name}-{dose}uM"
        for name in ("vorinostat", "trichostatin-a", "sirolimus", "wortmannin")
        for dose in range(1, 10)
    ]
    x = E.set_axis(drugs)
    x.rename_axis("compound").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def lower_case_symbols_of_zebrafish(folder: Path):
    genes = words(
        "actb1 actb2 tp53 sox2 sox10 mitfa tyr pax6a pax6b gata1a gata2a myod1 myog cdh1 "
        "cdh2 vim krt4 krt5 col1a1a "
        "col2a1a hbae1 mki67 rps6 rpl13"
    )
    return or_ask(
        *genes_in_rows(
            folder,
            [*genes, *(f"si:dkey-{i}a{i % 9}.{i % 4 + 1}" for i in range(10, 40))],
            [f"hpf{6 + i}" for i in range(24)],
            "",
        )
    )


@LAYOUTS
def transcripts_under_target_id(folder: Path):
    """Kallisto's and Salmon's matrices of transcripts."""
    names = [f"ENST{383_000 + 17 * i:011d}.{i % 5 + 1}" for i in range(50)]
    parameters, _ = genes_in_rows(folder, names, [f"lib{i}" for i in range(24)], "target_id")
    return parameters, {"n_samples": 24, "n_genes": 50, "scale": LOG2}


@LAYOUTS
def illumina_methylation_like_probes_by_sentrix_position(folder: Path):
    samples = [f"{200000000000 + i // 8}_R{i % 8 + 1:02d}C01" for i in range(24)]
    x = frame(
        np.random.default_rng(4).beta(0.6, 0.6, (24, 50)).round(4),
        samples,
        [f"cg{i:08d}" for i in range(29, 79)],
    )
    tsv(x.T.rename_axis("TargetID"), folder / "beta.txt")
    return {"cohort": "beta.txt"}, expect(x, scale="zero_one")


@LAYOUTS
def a_heading_of_genes_over_samples(folder: Path):
    """Headings are copied from table to table: names weigh more."""
    x = E.set_axis([f"TCGA-AB-{i:04d}-03" for i in range(N)])
    x.rename_axis("Hugo_Symbol").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def samples_named_after_interfering_rna(folder: Path):
    x = E.set_axis([f"si{gene}_{i % 3 + 1}" for i, gene in enumerate(GENES[:N])])
    tsv(x.T.rename_axis(""), folder / "m.tsv")
    return {"cohort": "m.tsv"}, expect(x) | {"or_refuse": ASK}


@LAYOUTS
def numbers_for_samples_and_no_heading_above_genes(folder: Path):
    x = E.set_axis([f"{i + 1}" for i in range(N)])
    (folder / "m.tsv").write_text(x.T.to_csv(sep="\t", index_label=False))
    return {"cohort": "m.tsv"}, expect(x)


@LAYOUTS
def entrez_numbers_along_columns(folder: Path):
    x = E.set_axis([f"P{i + 1}" for i in range(N)]).set_axis(
        [f"{1000 + i}" for i in range(60)], axis=1
    )
    x.to_csv(folder / "m.csv")
    return or_ask({"cohort": "m.csv"}, expect(x))


@LAYOUTS
def counts_beside_entrez_numbers_without_heading(folder: Path):
    """The numbers of genes are as large as counts."""
    x = C.set_axis([f"P{i + 1}" for i in range(N)]).set_axis(
        [f"{1000 + i}" for i in range(60)], axis=1
    )
    tsv(x.T, folder / "m.tsv")
    return or_ask({"cohort": "m.tsv"}, expect(x, scale="counts"))


@LAYOUTS
def no_heading_at_all(folder: Path):
    """The first line holds values: what it would name is not known."""
    tsv(E.T, folder / "m.tsv", header=False)
    return {"cohort": "m.tsv"}, {"refuse": ["heading"]}


@LAYOUTS
def counts_without_heading(folder: Path):
    tsv(C.T, folder / "m.tsv", header=False)
    return {"cohort": "m.tsv"}, {"refuse": ["heading"]}


@LAYOUTS
def numbers_alone(folder: Path):
    """``numpy.savetxt``: neither heading nor names."""
    np.savetxt(folder / "m.csv", E.to_numpy(), delimiter=",", fmt="%.3f")
    return {"cohort": "m.csv"}, {"refuse": ["heading"]}


@LAYOUTS
def genes_in_rows_without_their_names(folder: Path):
    x = E.set_axis([f"TCGA-AB-{i:04d}-03" for i in range(N)])
    tsv(x.T, folder / "m.tsv", index=False)
    return {"cohort": "m.tsv"}, {"refuse": ["rows=", "names"]}
