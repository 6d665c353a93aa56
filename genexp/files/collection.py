"""Files of a folder, or of an archive: .zip, .tar, .tar.gz."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from isal import igzip

from genexp.errors import CohortError
from genexp.files.damage import report_damage
from genexp.files.probe import MAGIC, ZIP_ERRORS, FileProbe, decode, open_stream, split_lines

HEAD_BYTES = 1 << 16
MAX_FILE_BYTES = 1 << 30
"""Largest size of the unpacked file of one sample; the largest tables of transcripts have a
thirtieth of it."""


@dataclass(frozen=True)
class Member:
    """A file of a collection.

    Parameters
    ----------
    name : str
        Path within the collection, separated by ``/``.
    open : callable
        Open the file as an unpacked stream.
    """

    name: str
    open: Callable[[], BinaryIO]

    @property
    def base(self) -> str:
        """Name without folders."""
        return PurePosixPath(self.name).name

    def read(self) -> bytes:
        """Read the file; refuse it where it is too large for one sample."""
        with report_damage(self.name, "a file of one sample"), self.open() as stream:
            text = stream.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise CohortError(
                f"{self.name} unpacks to more than {MAX_FILE_BYTES:,} bytes, which no table "
                "of one sample has; leave it out"
            )
        return text

    def first_lines(self) -> list[str]:
        """Return the first whole lines; none where the file is no text."""
        with report_damage(self.name, "a file of one sample"), self.open() as stream:
            head = stream.read(HEAD_BYTES)
        if b"\x00" in head:
            return []
        lines = split_lines(decode(head)[0])
        return lines[:-1] if len(head) == HEAD_BYTES else lines


def is_tar(probe: FileProbe) -> bool:
    """Check whether a file is a tar archive, packed or not."""
    return not probe.is_folder and probe.packing != "zip" and probe.head[257:262] == b"ustar"


def is_collection(probe: FileProbe) -> bool:
    """Check whether a file is a folder, a tar archive, or a zip archive of several files."""
    if probe.is_folder or is_tar(probe):
        return True
    if probe.packing != "zip":
        return False
    try:
        with zipfile.ZipFile(probe.path) as archive:
            return len(_zip_members(archive)) > 1
    except ZIP_ERRORS:
        return False


@contextmanager
def open_collection(probe: FileProbe) -> Iterator[list[Member]]:
    """List the files of a collection and of its folders, no deeper; the files can be read inside
    the context.
    """
    if probe.is_folder:
        yield _list_folder(probe.path)
    elif probe.packing == "zip":
        with report_damage(probe.name, "a zip archive"), zipfile.ZipFile(probe.path) as archive:
            yield _shorten(
                [
                    Member(m.filename, partial(_open_zipped, archive, m))
                    for m in _zip_members(archive)
                ]
            )
    else:
        with (
            report_damage(probe.name, "a tar archive"),
            open_stream(probe) as stream,
            tarfile.open(fileobj=stream, mode="r:") as tar,
        ):
            yield _shorten(
                [
                    Member(m.name, partial(_open_tarred, tar, m))
                    for m in tar.getmembers()
                    if m.isfile() and _is_visible(m.name)
                ]
            )


def _list_folder(folder: Path) -> list[Member]:
    paths = sorted([*folder.glob("*"), *folder.glob("*/*")])
    names = [(path, path.relative_to(folder).as_posix()) for path in paths if path.is_file()]
    return [
        Member(name, partial(open_stream, FileProbe(path, name)))
        for path, name in names
        if _is_visible(name)
    ]


def _zip_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        member
        for member in archive.infolist()
        if not member.is_dir() and _is_visible(member.filename)
    ]


def _is_visible(name: str) -> bool:
    """Check whether neither a file nor one of its folders is hidden, as those that macOS and
    Jupyter add are.
    """
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _shorten(members: list[Member]) -> list[Member]:
    """Remove the folders that all files of an archive share, and files deeper than one folder below
    them.
    """
    parts = [PurePosixPath(member.name).parts for member in members]
    depth = 0
    while (
        parts
        and all(len(names) > depth + 1 for names in parts)
        and len({names[depth] for names in parts}) == 1
    ):
        depth += 1
    return [
        Member("/".join(names[depth:]), member.open)
        for names, member in zip(parts, members, strict=True)
        if len(names) - depth <= 2
    ]


def _open_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    if member.flag_bits & 1:
        raise CohortError(
            f"{member.filename} is encrypted; expected a zip archive without a password: "
            "unpack it first"
        )
    return _unpack(cast(BinaryIO, archive.open(member)))


def _open_tarred(tar: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    return _unpack(cast(BinaryIO, tar.extractfile(member)))


def _unpack(stream: BinaryIO) -> BinaryIO:
    start = stream.read(6)
    stream.seek(0)
    packing = next((name for magic, name in MAGIC.items() if start.startswith(magic)), "")
    if packing == "gzip":
        return cast(BinaryIO, igzip.open(stream, "rb"))  # type: ignore[no-untyped-call]
    if packing == "bzip2":
        return cast(BinaryIO, bz2.open(stream, "rb"))
    return cast(BinaryIO, lzma.open(stream, "rb")) if packing == "xz" else stream
