"""One file per sample, as counting programs write them: a folder or archive of such files, or a
single file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from genexp.errors import CohortError, name_some
from genexp.files.collection import Member, is_collection, is_tar, open_collection
from genexp.files.probe import UNPACK_ERRORS, FileProbe, Request, open_stream
from genexp.files.table import DenseValues, Table
from genexp.files.tabular import read_text_annotations
from genexp.formats.format import Format
from genexp.formats.gdc import Sheet, find_sheets, name_samples, read_sheet
from genexp.formats.sample_file import SampleColumns, read_columns
from genexp.formats.sample_names import shorten_paths
from genexp.formats.tools import (
    STAR,
    STRANDS,
    TWO_COLUMNS,
    FileLayout,
    Tool,
    find_tool,
    has_heading,
    is_of_transcripts,
)

MAX_LOOKS = 200
"""Number of files that are inspected to recognise the content of a folder."""


@dataclass(frozen=True)
class _File:
    """A file of one sample."""

    member: Member
    layout: FileLayout

    @property
    def kind(self) -> tuple[str, bool]:
        """Program, and whether values are of transcripts."""
        return self.layout.tool.name, is_of_transcripts(self.layout.tool, self.member.name)


def open_folder(probe: FileProbe, request: Request) -> Table:
    """Open a folder or an archive of files of one sample each, joined by the names of genes.

    Raises
    ------
    CohortError
        The folder holds no such file, or files of several kinds or with different genes.
    """
    with open_collection(probe) as members:
        files, sheets, others = _sort_members(members)
        if not files:
            raise CohortError(
                f"{probe.name}: expected files of one sample each, as STAR, HTSeq, Salmon, "
                "kallisto, RSEM, featureCounts or "
                "StringTie write them; found "
                f"{name_some(member.name for member in members)}; unpack the folder or "
                "archive, and name the "
                "file to read"
            )
        files, notes = _choose_kind(files, probe.name)
        paths = [file.member.name for file in files]
        if others:
            notes += (
                (
                    "Other files of the folder are not read: "
                    f"{name_some(member.name for member in others)}."
                ),
            )
        samples = _read_all(files, request)
    nearby = find_sheets(probe.path.parent)
    named = name_samples([file.member.base for file in files], sheets, nearby)
    annotations = pd.DataFrame({"file": paths}, dtype=object)
    if named:
        names, of_samples, note = named
        annotations = pd.concat([of_samples, annotations], axis=1)
        notes += (note,)
    else:
        names, name_notes = shorten_paths(paths)
        notes += name_notes
    table = _join(samples, paths, files[0].layout.tool, files[0].kind[1], request)
    return replace(
        table,
        columns=names,
        column_annotations=annotations,
        notes=(f"{len(files)} files of one sample each are joined.", *notes, *table.notes),
    )


def open_file(probe: FileProbe, request: Request) -> Table:
    """Open a file of one sample."""
    layout = find_tool(probe.lines)
    assert layout is not None  # the format was recognised by it
    try:
        with open_stream(probe) as stream:
            text = stream.read()
    except UNPACK_ERRORS as error:
        raise CohortError(
            f"{probe.name} cannot be decompressed ({error}); is it complete?"
        ) from None
    names, notes = shorten_paths([probe.name])
    table = _join(
        [_read(text, layout, probe.name, request)],
        [probe.name],
        layout.tool,
        is_of_transcripts(layout.tool, probe.name),
        request,
    )
    return replace(table, columns=names, notes=("The file is of one sample.", *notes, *table.notes))


def _sort_members(members: Sequence[Member]) -> tuple[list[_File], list[Sheet], list[Member]]:
    """Sort files into files of samples, sheets that name samples, and others."""
    files, sheets, others = [], [], []
    for member in members:
        layout = find_tool(lines) if (lines := member.first_lines()) else None
        if layout is not None:
            files.append(_File(member, layout))
        elif (
            lines
            and (lines[0].startswith("File ID\t") or lines[0].lstrip().startswith("["))
            and (sheet := read_sheet(member.name, member.read()))
        ):
            sheets.append(sheet)
        else:
            others.append(member)
    return files, sheets, others


def _choose_kind(files: list[_File], name: str) -> tuple[list[_File], tuple[str, ...]]:
    """Choose files of one kind: those of genes where one program wrote genes and transcripts; else
    refuse.
    """
    kinds = sorted({file.kind for file in files})
    if len(kinds) == 1:
        return files, ()
    of_genes = [kind for kind in kinds if not kind[1]]
    if len({program.split()[0] for program, _ in kinds}) == 1 and len(of_genes) == 1:
        unread = [file.member.name for file in files if file.kind[1]]
        return [file for file in files if not file.kind[1]], (
            (
                "Files of transcripts are not read, because there are files of genes: "
                f"{name_some(unread)}."
            ),
        )
    listed = "; ".join(
        f"{program}: {name_some(file.member.name for file in files if file.kind[0] == program)}"
        for program in dict.fromkeys(k[0] for k in kinds)
    )
    raise CohortError(
        f"{name} holds files of {len(kinds)} kinds: {listed}; expected one kind: put the "
        "files of one kind in a separate folder"
    )


def _read_all(files: list[_File], request: Request) -> list[SampleColumns]:
    """Read the files; names of genes equal to those of the first file are kept once."""
    samples: list[SampleColumns] = []
    for file in files:
        sample = _read(file.member.read(), file.layout, file.member.name, request)
        if samples and sample.genes.equals(samples[0].genes):
            sample = replace(sample, genes=samples[0].genes, annotations={})
        samples.append(sample)
    return samples


def _read(text: bytes, layout: FileLayout, name: str, request: Request) -> SampleColumns:
    if request.layer and request.layer not in layout.tool.values:
        raise CohortError(
            f"layer={request.layer}: files of {layout.tool.name} have the columns "
            f"{name_some(layout.tool.values)}; name one of them"
        )
    return read_columns(text, layout, name, request.layer)


def _join(
    samples: list[SampleColumns],
    paths: Sequence[str],
    tool: Tool,
    of_transcripts: bool,
    request: Request,
) -> Table:
    """Join samples to a table, genes in the order of the first sample."""
    _check_genes(samples, paths)
    _check_ends(samples, paths)
    column = _find_column(samples, paths)
    program = (
        "HTSeq"
        if tool is TWO_COLUMNS and any(sample.n_summaries for sample in samples)
        else tool.name
    )
    scales = {sample.scale for sample in samples}
    scale = scales.pop() if len(scales) == 1 else ""
    source = program if tool is TWO_COLUMNS else f"the column {column} of {program}"
    genes = samples[0].genes.to_pylist()
    of_genes = {title: values.to_pylist() for title, values in samples[0].annotations.items()}
    return Table(
        genes,
        list(paths),
        DenseValues(_stack(samples)),
        heading=tool.genes,
        row_annotations=pd.DataFrame(of_genes, index=range(len(genes)), dtype=object),
        genes_in_rows=True,
        scale=scale,
        says_scale=source if scale else "",
        format=program,
        notes=_describe_columns(samples, tool, column, of_transcripts, request),
    )


def _find_column(samples: list[SampleColumns], paths: Sequence[str]) -> str:
    """Find the column of all values."""
    columns = sorted({sample.column for sample in samples} - {""})
    if len(columns) < 2:
        return columns[0] if columns else STRANDS[0]
    files = {
        column: [
            path for path, sample in zip(paths, samples, strict=True) if sample.column == column
        ]
        for column in columns
    }
    listed = "; ".join(f"{column}: {name_some(names)}" for column, names in files.items())
    raise CohortError(
        "By the totals of their strands, the files of STAR are from different kinds of "
        f"libraries: {listed}; name the counts to read: "
        f"layer={', layer='.join(STRANDS)}"
    )


def _stack(samples: list[SampleColumns]) -> np.ndarray:
    """Stack values (n_genes, n_samples), genes in the order of the first sample."""
    genes = samples[0].genes
    index = pd.Index([])
    X = np.empty((len(genes), len(samples)), dtype=np.float32)
    for i, sample in enumerate(samples):
        if sample.genes.equals(genes):
            X[:, i] = sample.values
        else:
            index = index if len(index) else pd.Index(genes.to_pandas())
            X[index.get_indexer(sample.genes.to_pandas()), i] = sample.values
    return X


def _check_genes(samples: list[SampleColumns], paths: Sequence[str]) -> None:
    """Check that all samples have the genes of the first, in any order."""
    genes = samples[0].genes
    wanted: pd.Index | None = None
    for sample, path in zip(samples, paths, strict=True):
        if sample.genes.equals(genes):
            continue
        wanted = pd.Index(genes.to_pandas()) if wanted is None else wanted
        others = pd.Index(sample.genes.to_pandas())
        lacking, further = wanted.difference(others), others.difference(wanted)
        if len(lacking) or len(further):
            raise CohortError(
                f"expected files with the same genes: {paths[0]} has {len(wanted):,}, {path} "
                f"has {len(others):,}; the second lacks "
                f"{name_some(lacking)} and has in addition {name_some(further)}; is each "
                "file complete, and of the same genome annotation?"
            )
        if not wanted.is_unique or not others.is_unique:
            twice = wanted[wanted.duplicated()].union(others[others.duplicated()])
            raise CohortError(
                f"{paths[0]} and {path} name genes more than once and in different orders, "
                f"so they cannot be joined: {name_some(twice)}; "
                "expected every gene once"
            )


def _check_ends(samples: list[SampleColumns], paths: Sequence[str]) -> None:
    """Check that no file ends within a line, perhaps within a number; accepted where no file ends
    its last line.
    """
    cut = [path for sample, path in zip(samples, paths, strict=True) if not sample.ends]
    if cut and (len(cut) < len(samples) or len(samples) == 1):
        raise CohortError(
            f"The last line has no line break in {name_some(cut)}, as if the file was cut; "
            "add a line break if the file is complete"
        )


def _describe_columns(
    samples: list[SampleColumns], tool: Tool, column: str, of_transcripts: bool, request: Request
) -> tuple[str, ...]:
    notes = []
    n_summaries = max(sample.n_summaries for sample in samples)
    others = [title for title in tool.values if title != column]
    if others and not request.layer:
        reason = ""
        if tool is STAR:
            reason = (
                ", because neither strand holds five times the reads of the other"
                if column == STRANDS[0]
                else ", because that strand holds more than five times the reads of the other"
            )
        notes.append(
            f"The values are the column {column!r} of {tool.name}{reason}; layer= selects "
            f"another: {', '.join(others)}."
        )
    if n_summaries:
        notes.append(
            f"Lines that count reads outside of genes are not read ({n_summaries} in a file)."
        )
    if of_transcripts:
        notes.append("The values are of transcripts; genexp does not sum them to genes.")
    return tuple(notes)


def _is_folder(probe: FileProbe) -> bool:
    """Check whether a collection holds a file of one sample; no other format reads a tar
    archive.
    """
    if not is_collection(probe):
        return False
    if is_tar(probe):
        return True
    with open_collection(probe) as members:
        return any(find_tool(member.first_lines()) is not None for member in members[:MAX_LOOKS])


def _is_file(probe: FileProbe) -> bool:
    if probe.is_folder or not probe.lines:
        return False
    layout = find_tool(probe.lines)
    return layout is not None and not has_heading(layout, probe.lines)


FOLDER = Format(
    "files of one sample each",
    "a folder or an archive (.zip, .tar, .tar.gz) of files of one sample each",
    _is_folder,
    open_folder,
    layer="the column of values",
)
FORMAT = Format(
    "file of one sample",
    "headings of Salmon, kallisto, RSEM, StringTie, Cufflinks or the Genomic Data Commons, "
    "lines N_unmapped of STAR, or two columns "
    "without headings",
    _is_file,
    open_file,
    read_text_annotations,
    layer="the column of values",
)
