"""Packed files for libraries that open a path: an unpacked copy, and the members of a zip
archive.
"""

from __future__ import annotations

import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import IO

from genexp.errors import CohortError
from genexp.files.damage import report_damage
from genexp.files.probe import MAX_UNPACKED, ZIP_ERRORS, FileProbe, open_stream

COPY_BYTES = 16 << 20


def list_members(probe: FileProbe) -> list[str]:
    """List the files in a zip archive, without those that macOS adds; none where the file is no
    archive.
    """
    if not probe.raw.startswith(b"PK\x03\x04"):
        return []
    try:
        with zipfile.ZipFile(probe.path) as archive:
            return [
                name
                for name in archive.namelist()
                if not name.endswith("/") and not name.startswith("__MACOSX/")
            ]
    except ZIP_ERRORS:
        return []


def unpack(probe: FileProbe) -> Path:
    """Return the path of the unpacked file; a copy lasts until another file is unpacked, or longer
    while it is open.
    """
    if not probe.packing:
        return probe.path
    status = probe.path.stat()
    return Path(_unpack(probe, status.st_size, status.st_mtime_ns).name)


@lru_cache(maxsize=1)  # several formats inspect a packed file before one of them reads it
def _unpack(probe: FileProbe, _size: int, _changed: int) -> IO[bytes]:
    copy = tempfile.NamedTemporaryFile(prefix="genexp-")  # noqa: SIM115
    with (
        report_damage(probe.name, f"a file packed by {probe.packing}"),
        open_stream(probe) as stream,
    ):
        while piece := stream.read(COPY_BYTES):
            copy.write(piece)
            if copy.tell() > MAX_UNPACKED:
                raise CohortError(
                    f"{probe.name} unpacks to more than {MAX_UNPACKED:,} bytes; unpack it "
                    "yourself if you trust it"
                )
    copy.flush()
    return copy
