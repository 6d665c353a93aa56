"""Names of samples from the names of their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from genexp.errors import CohortError, name_some

ENDINGS = re.compile(
    r"""( \.(gz|bz2|xz|zip|txt|tsv|csv|tab|sf|out|results|bam|sam|cram|fpkm_tracking)
        | [._-]?(ReadsPerGene|Aligned(\.sortedByCoord|\.toTranscriptome)?)
        | [._-](counts?|htseq|htseq[-_.]?counts?|feature_?counts?|quant|genes?|isoforms?|abundances?|gene_abund(ances?)?|t_data|rsem|salmon
               |kallisto|star|star_gene_counts|augmented_star_gene_counts|rna_seq|fpkm|fpkm[-_]uq|tpm|normalized|mirnas|quantification|mirbase21
               |sorted|dedup|rmdup|markdup|markdups|umi_dedup|sorted_by_coord|sortedByCoord|unstranded) )$""",  # noqa: E501
    re.VERBOSE | re.IGNORECASE,
)
"""Endings that programs append to the name of a sample."""
ALIKE = re.compile(
    r"(quant|abundance|readspergene|genes|isoforms|gene_abund(ance)?|counts?|htseq|t_data|rsem|results|output|out|aligned)?",
    re.IGNORECASE,
)
"""Names of files that do not name the sample; the folder does."""
GEO_SAMPLE = re.compile(r"(GSM\d{3,})[_.-].*")


def shorten_paths(paths: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    r"""Shorten paths of files to names of samples, with notes; keep the paths where nothing shorter
    is unique.

    Parameters
    ----------
    paths : sequence of str
        Separated by ``/`` or ``\``.
    """
    plain = [PurePosixPath(path.replace("\\", "/")) for path in paths]
    for names in (
        [_strip_endings(path.name) for path in plain],
        [path.parent.name for path in plain],
        [path.name for path in plain],
    ):
        if len(set(names)) == len(names) and not any(ALIKE.fullmatch(name) for name in names):
            return _shorten_accessions(names, paths)
    return list(paths), ()


def _strip_endings(name: str) -> str:
    while (match := ENDINGS.search(name)) and match.start() > 0:
        name = name[: match.start()]
    return name


def _shorten_accessions(
    names: list[str], paths: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Shorten names to GEO's accessions, which precede the names of files and identify samples in
    annotations.
    """
    matches = [GEO_SAMPLE.fullmatch(name) for name in names]
    accessions = [match[1] for match in matches if match]
    if len(set(accessions)) == len(names):
        names = accessions
    changed = [(path, name) for path, name in zip(paths, names, strict=True) if path != name]
    if not changed:
        return names, ()
    path, name = changed[0]
    short_path = path if len(path) <= 80 else f"...{path[-77:]}"
    return names, (f"Samples are named after their files: {short_path!r} is {name!r}.",)


def check_unique(names: Sequence[str], source: str) -> None:
    """Check that no two samples have the same name."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise CohortError(
            f"{source}: found more than one file of the samples {name_some(twice)}; keep one "
            "file of each"
        )
