"""Text whose first lines are read one by one, before a matrix is read from the remaining lines."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from genexp.errors import CohortError
from genexp.files.probe import UNPACK_ERRORS, FileProbe, decode, open_stream
from genexp.formats.delimited import recode

CHUNK_BYTES = 1 << 16


class TextStream(io.RawIOBase):
    """Bytes of a text file, with UTF-16 recoded as UTF-8.

    Parameters
    ----------
    probe : FileProbe
    stop : bytes
        Start of the line at which :meth:`read` ends; empty: it ends with the file.

    Attributes
    ----------
    stopped : bool
        Whether :meth:`read` reached the line that starts with ``stop``.
    encoding : str
        ``UTF-8``, ``UTF-16`` or ``Latin-1``.
    """

    def __init__(self, probe: FileProbe, stop: bytes = b"") -> None:
        self.name, self.stop, self.stopped = probe.name, stop, False
        self._held = b""
        self._file = open_stream(probe)
        try:
            self.encoding, self._stream = recode(self._file)
        except UNPACK_ERRORS as error:
            raise self._report(error) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _report(self, error: Exception) -> CohortError:
        return CohortError(f"{self.name} cannot be decompressed ({error}); is it complete?")

    def next_line(self) -> bytes:
        """Read the next line with its line break; empty at the end of the file."""
        try:
            while b"\n" not in self._held and (text := self._stream.read(CHUNK_BYTES)):
                self._held += text
        except UNPACK_ERRORS as error:
            raise self._report(error) from None
        end = self._held.find(b"\n") + 1 or len(self._held)
        line, self._held = self._held[:end], self._held[end:]
        return line

    def put_back(self, text: bytes) -> None:
        """Put lines back, to be read again."""
        self._held = text + self._held

    def read(self, size: int = -1) -> bytes:
        """Read about ``size`` bytes, whole lines where ``stop`` is set; empty at the end."""
        if not self.stop:
            held, self._held = self._held, b""
            return held + self._stream.read(size)
        if self.stopped:
            return b""
        while text := self._stream.read(size):
            self._held += text
            if size < 0 or b"\n" in self._held:
                break
        at = 0 if self._held.startswith(self.stop) else self._held.find(b"\n" + self.stop) + 1
        self.stopped = self._held.startswith(self.stop, at)
        end = at if self.stopped else self._held.rfind(b"\n") + 1 if text else len(self._held)
        lines, self._held = self._held[:end], self._held[end:]
        return lines

    def has_more(self) -> bool:
        """Check whether anything other than blanks follows the line at which :meth:`read`
        stopped.
        """
        self.next_line()
        while line := self.next_line():
            if line.strip():
                return True
        return False


def split_fields(line: bytes, delimiter: str = "\t") -> list[str]:
    """Split a whole line into fields, without enclosing quotes and surrounding blanks."""
    return [_unquote(field.strip()) for field in decode(line)[0].rstrip("\r\n").split(delimiter)]


def _unquote(field: str) -> str:
    quoted = len(field) > 1 and field[0] == field[-1] == '"'
    return field[1:-1].replace('""', '"').strip() if quoted else field


class LineFilter(io.RawIOBase):
    """A stream that changes each line.

    Parameters
    ----------
    stream : TextStream
    heading : bytes
        Heading above these lines, with its line break.
    change : callable
        Function from a line to a line, both with line breaks.
    """

    def __init__(
        self, stream: TextStream, heading: bytes, change: Callable[[bytes], bytes]
    ) -> None:
        self.stream, self.heading, self.change, self._rest = stream, heading, change, b""

    def read(self, size: int = -1) -> bytes:
        """Read about ``size`` bytes of whole lines; empty at the end."""
        heading, self.heading = self.heading, b""
        while text := self.stream.read(size):
            self._rest += text
            if b"\n" in text:
                break
        end = self._rest.rfind(b"\n") + 1 if text else len(self._rest)
        lines, self._rest = self._rest[:end], self._rest[end:]
        return heading + b"".join(map(self.change, lines.splitlines(keepends=True)))


def as_binary(stream: io.RawIOBase) -> BinaryIO:
    """Present a stream as a binary file."""
    return cast(BinaryIO, stream)
