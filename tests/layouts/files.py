"""How text is written: delimiters, encodings, quotes, packing, what stands above and behind."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import zipfile
from pathlib import Path

from tests.layouts.layout import Layouts
from tests.layouts.truth import (
    GENES,
    IDS,
    LABEL,
    OBS,
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
TSV = E.T.rename_axis("gene").to_csv(sep="\t")
CSV = E.to_csv()


# ---- encodings and ends of lines
# -----------------------------------------------------------------------------------
@LAYOUTS
def unicode_text_of_excel(folder: Path):
    (folder / "m.txt").write_bytes(TSV.replace("\n", "\r\n").encode("utf-16"))
    (folder / "obs.txt").write_bytes(OBS.to_csv(sep="\t", index=False).encode("utf-16"))
    return {"cohort": "m.txt", "obs": "obs.txt", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def utf_16_without_a_mark(folder: Path):
    (folder / "m.txt").write_bytes(TSV.encode("utf-16-le"))
    return {"cohort": "m.txt"}, expect()


@LAYOUTS
def latin_1_in_labels(folder: Path):
    (folder / "m.csv").write_text(CSV)
    label = ["Köln" if i % 2 else "Zürich" for i in range(N)]
    (folder / "obs.csv").write_bytes(OBS.assign(Klinik=label).to_csv(index=False).encode("latin-1"))
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "Klinik"}, expect(label=by_sample(label))


@LAYOUTS
def latin_1_in_sample_names(folder: Path):
    x = E.set_axis([f"Müller_{i}" for i in range(N)])
    (folder / "m.csv").write_bytes(x.rename_axis("Probe").to_csv().encode("latin-1"))
    return {"cohort": "m.csv", "rows": "samples"}, expect(x)


@LAYOUTS
def byte_order_mark_and_crlf(folder: Path):
    (folder / "m.csv").write_bytes(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    (folder / "obs.csv").write_bytes(
        b"\xef\xbb\xbf" + OBS.to_csv(index=False).replace("\n", "\r\n").encode()
    )
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type", "sample_id": "sample"}, expect(
        label=by_sample(LABEL)
    )


@LAYOUTS
def ends_of_lines_of_the_old_macintosh(folder: Path):
    (folder / "m.txt").write_bytes(TSV.replace("\n", "\r").encode())
    (folder / "obs.txt").write_bytes(OBS.to_csv(sep="\t", index=False).replace("\n", "\r").encode())
    return {"cohort": "m.txt", "obs": "obs.txt", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def no_end_of_the_last_line(folder: Path):
    (folder / "m.tsv").write_text(TSV.rstrip("\n"))
    return {"cohort": "m.tsv"}, expect()


# ---- delimiters and quotes
# -----------------------------------------------------------------------------------------
@LAYOUTS
def semicolons_and_decimal_commas(folder: Path):
    E.rename_axis("Probe").to_csv(folder / "m.csv", sep=";", decimal=",")
    return {"cohort": "m.csv", "rows": "samples"}, expect(says=["decimal comma"])


@LAYOUTS
def tabs_and_decimal_commas_with_quotes(folder: Path):
    E.T.rename_axis("Gen").to_csv(folder / "m.txt", sep="\t", decimal=",", quoting=csv.QUOTE_ALL)
    return {"cohort": "m.txt"}, expect(says=["decimal comma"])


@LAYOUTS
def commas_between_and_within_numbers(folder: Path):
    """A German spreadsheet saved with commas: decimal commas stand in quotes."""
    lines = [",".join(["gene", *IDS])] + [
        ",".join([gene, *(f'"{value}"'.replace(".", ",") for value in E[gene])]) for gene in GENES
    ]
    (folder / "m.csv").write_text("\n".join(lines) + "\n")
    return {"cohort": "m.csv"}, expect(says=["decimal comma"]) | {"or_refuse": ["comma"]}


@LAYOUTS
def thousands_in_quotes(folder: Path):
    """An English spreadsheet: counts such as "1,234"."""
    lines = [",".join(["gene", *IDS])] + [
        ",".join([gene, *(f'"{value:,}"' if value > 999 else str(value) for value in C[gene])])
        for gene in GENES
    ]
    (folder / "counts.csv").write_text("\n".join(lines) + "\n")
    return {"cohort": "counts.csv"}, expect(C, scale="counts") | {"or_refuse": ["thousands"]}


@LAYOUTS
def a_table_of_r_with_quotes_and_blanks(folder: Path):
    """``write.table(x)``: names in quotes, blanks between, no heading above the row names."""
    rows = [" ".join(f'"{name}"' for name in IDS)] + [
        " ".join([f'"{gene}"', *map(str, E[gene])]) for gene in GENES
    ]
    (folder / "m.txt").write_text("\n".join(rows) + "\n")
    return {"cohort": "m.txt"}, expect()


@LAYOUTS
def a_table_of_r_with_tabs_and_no_quotes(folder: Path):
    """``write.table(x, sep="\\t", quote=FALSE)``: the heading is one field shorter."""
    (folder / "m.txt").write_text(TSV.replace("gene\t", "", 1))
    return {"cohort": "m.txt"}, expect()


@LAYOUTS
def a_table_aligned_with_blanks(folder: Path):
    (folder / "m.txt").write_text(E.rename_axis(None).to_string() + "\n")
    return {"cohort": "m.txt"}, expect()


@LAYOUTS
def vertical_bars(folder: Path):
    E.to_csv(folder / "m.txt", sep="|")
    return {"cohort": "m.txt"}, expect() | {"or_refuse": ["separated"]}


@LAYOUTS
def tabs_in_a_file_called_csv(folder: Path):
    (folder / "m.csv").write_text(TSV)
    write_obs(folder, name="obs.csv")
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def descriptions_with_delimiters_and_ends_of_lines(folder: Path):
    t = E.T.copy()
    t.insert(
        0,
        "Description",
        [f'protein "{i}", alpha;\nmember' if i % 7 == 0 else f"kinase {i}" for i in range(G)],
    )
    t.rename_axis("Symbol").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(says=["description"])


@LAYOUTS
def annotations_with_ends_of_lines_in_quotes(folder: Path):
    E.to_csv(folder / "m.csv")
    OBS.assign(report=[f"biopsy,\n{i} mm, see note" for i in range(N)]).to_csv(
        folder / "obs.csv", index=False
    )
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def everything_in_quotes(folder: Path):
    E.T.rename_axis("Hugo_Symbol").to_csv(folder / "m.csv", quoting=csv.QUOTE_ALL)
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def an_apostrophe_and_a_stray_quote_in_names(folder: Path):
    """3' and 5" are no quotes."""
    x = E.rename(columns={"A1BG": "3'UTR-A", "ACTB": "5'UTR-B"})
    tsv(x.T.rename_axis("gene"), folder / "m.tsv")
    return {"cohort": "m.tsv"}, {"samples": IDS, "n_genes": G, "scale": "log2_norm_count"}


@LAYOUTS
def blanks_around_numbers(folder: Path):
    (folder / "m.csv").write_text(CSV.replace(",", ", "))
    return {"cohort": "m.csv"}, expect()


# ---- what stands around the table
# ----------------------------------------------------------------------------------
@LAYOUTS
def trailing_tabs_on_all_lines(folder: Path):
    (folder / "m.tsv").write_text("".join(f"{line}\t\n" for line in TSV.splitlines()))
    return {"cohort": "m.tsv", "missing": "impute_mean"}, expect()


@LAYOUTS
def trailing_commas_on_rows_alone(folder: Path):
    lines = CSV.splitlines()
    (folder / "m.csv").write_text("\n".join([lines[0], *(f"{line}," for line in lines[1:])]) + "\n")
    return {"cohort": "m.csv", "missing": "drop_gene"}, expect()


@LAYOUTS
def a_title_and_an_empty_line_above(folder: Path):
    (folder / "m.csv").write_text("Expression of 60 genes, batch 3\n\n" + CSV)
    return {"cohort": "m.csv"}, expect(says=["skipped"])


@LAYOUTS
def comments_above_and_below(folder: Path):
    (folder / "m.tsv").write_text(
        "## made by pipeline 1.4\n## genome\tGRCh38\n" + TSV + "# end of table\n"
    )
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def a_heading_that_starts_with_a_hash(folder: Path):
    (folder / "m.tsv").write_text("#" + TSV.replace("gene", "gene_id", 1))
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def a_hash_and_a_blank_before_the_heading(folder: Path):
    (folder / "m.tsv").write_text("# version 3\n# " + TSV.replace("gene", "Gene", 1))
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def an_empty_line_amid_the_table(folder: Path):
    lines = TSV.splitlines()
    (folder / "m.tsv").write_text("\n".join([*lines[:20], "", *lines[20:], "", ""]))
    return {"cohort": "m.tsv"}, expect()


@LAYOUTS
def a_second_heading_of_labels(folder: Path):
    """A line of classes below the names of the samples."""
    lines = TSV.splitlines()
    (folder / "m.tsv").write_text(
        "\n".join([lines[0], "class\t" + "\t".join(LABEL), *lines[1:]]) + "\n"
    )
    return {"cohort": "m.tsv", "label": "class"}, expect(label=by_sample(LABEL))


@LAYOUTS
def numbers_in_exponential_form(folder: Path):
    E.to_csv(folder / "m.csv", float_format="%.5E")
    return {"cohort": "m.csv"}, expect()


# ---- packing
# -------------------------------------------------------------------------------------------------------  # noqa: E501
@LAYOUTS
def bzip2(folder: Path):
    (folder / "m.tsv.bz2").write_bytes(bz2.compress(TSV.encode()))
    return {"cohort": "m.tsv.bz2"}, expect()


@LAYOUTS
def xz(folder: Path):
    (folder / "m.tsv.xz").write_bytes(lzma.compress(TSV.encode()))
    return {"cohort": "m.tsv.xz"}, expect()


@LAYOUTS
def zip_of_one_file(folder: Path):
    with zipfile.ZipFile(folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/m.tsv", TSV)
        archive.writestr("__MACOSX/data/._m.tsv", b"\0\5\26\7")
    return {"cohort": "m.zip"}, expect()


@LAYOUTS
def gzip_without_an_ending(folder: Path):
    (folder / "HiSeqV2").write_bytes(gzip.compress(TSV.encode()))
    write_obs(folder, name="clinicalMatrix")
    (folder / "clinical").write_bytes(gzip.compress((folder / "clinicalMatrix").read_bytes()))
    return {"cohort": "HiSeqV2", "obs": "clinical", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def an_ending_gz_on_plain_text(folder: Path):
    """Browsers unpack what they download and keep the name."""
    (folder / "m.tsv.gz").write_text(TSV)
    return {"cohort": "m.tsv.gz"}, expect()


@LAYOUTS
def gzip_of_several_parts(folder: Path):
    """``cat a.gz b.gz``, and bgzip, make a file of several members."""
    half = TSV.index("\n", len(TSV) // 2) + 1
    (folder / "m.tsv.gz").write_bytes(
        gzip.compress(TSV[:half].encode()) + gzip.compress(TSV[half:].encode())
    )
    return {"cohort": "m.tsv.gz"}, expect()


@LAYOUTS
def the_line_sep_of_excel(folder: Path):
    """``sep=;`` above the heading tells Excel the delimiter."""
    (folder / "m.csv").write_text("sep=;\n" + E.to_csv(sep=";"))
    (folder / "obs.csv").write_text("sep=;\n" + OBS.to_csv(sep=";", index=False))
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def empty_lines_above(folder: Path):
    (folder / "m.csv").write_text("\n\n" + CSV)
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def carriage_returns_twice(folder: Path):
    """A text of Windows that was written as text again."""
    (folder / "m.csv").write_bytes(CSV.replace("\n", "\r\r\n").encode())
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def names_with_commas_in_quotes(folder: Path):
    x = E.set_axis([f"Smith, J{i}" for i in range(N)])
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def names_with_commas_in_the_heading(folder: Path):
    x = E.set_axis([f"Smith, J{i}" for i in range(N)])
    x.T.rename_axis("gene").to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x)


@LAYOUTS
def names_that_start_with_a_hash(folder: Path):
    """#1, #2 ... are samples, not comments."""
    x = E.set_axis([f"#{i + 1}" for i in range(N)])
    x.to_csv(folder / "m.csv")
    return {"cohort": "m.csv"}, expect(x) | {"or_refuse": ["#"]}


@LAYOUTS
def annotations_in_utf_16(folder: Path):
    (folder / "m.csv").write_text(CSV)
    (folder / "obs.csv").write_bytes(OBS.to_csv(index=False).encode("utf-16-be"))
    return {"cohort": "m.csv", "obs": "obs.csv", "label": "type"}, expect(label=by_sample(LABEL))


@LAYOUTS
def zip_with_a_note_beside_the_table(folder: Path):
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr("m.tsv", TSV)
        archive.writestr("README.txt", "Expression of 60 genes.")
    return {"cohort": "m.zip"}, expect() | {"or_refuse": ["README.txt"]}


@LAYOUTS
def a_mark_and_quotes_before_the_heading(folder: Path):
    (folder / "m.csv").write_bytes(
        b"\xef\xbb\xbf" + E.T.rename_axis("gene").to_csv(quoting=csv.QUOTE_ALL).encode()
    )
    return {"cohort": "m.csv"}, expect()


@LAYOUTS
def thousands_with_apostrophes(folder: Path):
    """Switzerland writes 1'234."""
    rows = [
        "\t".join([gene, *(f"{value:,}".replace(",", "'") for value in C[gene])]) for gene in GENES
    ]
    (folder / "m.tsv").write_text("\n".join(["\t".join(["gene", *IDS]), *rows]) + "\n")
    return {"cohort": "m.tsv"}, expect(C, scale="counts") | {"or_refuse": ["text"]}
