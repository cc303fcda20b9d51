"""HTTP/1.1 responses out of stamped reads: where the head ends, where the body ends, and what it holds (RFC 9112)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat

from inferbench.secrets.redact import excerpt

MAX_HEAD = 256 * 1024
"""Longest response head or chunk-size line, bytes."""

MORE = -1
"""What follows must be seen first."""

HEX_DIGITS = b"0123456789abcdefABCDEF"

CRLF = b"\r\n"
SIZES = {b"%x" % size: size for size in range(1, 4096)}
"""Size lines as servers write them. Looking one up costs a fraction of parsing it."""
SIZE_LINES = {len(line) + 2 + size + 2: line + CRLF for line, size in SIZES.items()}
"""The size line of a whole chunk, by the chunk's length with all that frames it."""


class NotHttpError(ValueError):
    """The bytes are no HTTP/1.1 response."""


@dataclass(frozen=True)
class Head:
    """Status line and headers; names are in lower case."""

    version: str
    status: int
    headers: dict[str, str]

    @property
    def keeps_alive(self) -> bool:
        """Whether the server will take another request on this connection."""
        options = self.headers.get("connection", "").lower()
        return "close" not in options and (self.version != "HTTP/1.0" or "keep-alive" in options)


class Response:
    """One response, fed with stamped reads. A piece of body has the stamp of the read that it came in.

    The state is the function that takes what comes next; it returns where it stopped, or MORE where it needs to see
    what follows. It is kept unbound: a bound method would be a reference cycle, and the collector is off under load.
    """

    def __init__(self) -> None:
        self.head: Head | None = None
        """The final response's head; interim (1xx) responses are dropped."""
        self.first_byte_ns: int | None = None
        """Stamp of the read that held the first byte of the final response."""
        self.body: list[bytes] = []
        """Pieces of the body; whoever takes them away leaves an empty list."""
        self.body_times: list[int] = []
        """Their stamps."""
        self.surplus = False
        """Bytes came after the end: the connection is not to be trusted with another request."""
        self._step: _Step = Response._take_head
        self._left = 0
        self._pending = b""  # the beginning of a head, a size line or a trailer that has not ended yet

    @property
    def complete(self) -> bool:
        """Whether the response has ended, by its own framing or by the end of the connection."""
        return self._step is Response._take_surplus

    @property
    def ends_with_blank_line(self) -> bool:
        """Whether only bytes that end with CR LF CR LF can end the response: the body is chunked."""
        return self._step in (
            Response._take_size,
            Response._take_chunk,
            Response._take_chunk_end,
            Response._take_trailer,
        )

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body has no length and runs to the end of the connection."""
        return self._step is Response._take_rest

    def end_of_connection(self) -> None:
        """Take note that no more bytes will come; that completes a body without a length."""
        if self.ends_with_connection:
            self._step = Response._take_surplus

    @property
    def is_ok(self) -> bool:
        """Whether there is a head, and it says that a stream follows."""
        return self.head is not None and self.head.status == 200

    @property
    def at_chunk(self) -> bool:
        """Whether the next byte begins a chunk."""
        return self._step is Response._take_size and not self._pending

    def feed(self, times: list[int], reads: list[bytes]) -> None:
        """Take reads with their stamps. Raises NotHttpError where they cannot be a response."""
        for t_ns, read in zip(times, reads, strict=True):
            self._feed(t_ns, read)

    def _feed(self, t_ns: int, data: bytes) -> None:
        buffer = self._pending + data if self._pending else data
        self._pending = b""
        position, size = 0, len(buffer)
        while position < size:
            after = self._step(self, t_ns, buffer, position)
            if after == MORE:
                if size - position > MAX_HEAD:
                    raise NotHttpError("a head or chunk size without an end")
                self._pending = buffer[position:]
                return
            position = after

    def _take_head(self, t_ns: int, buffer: bytes, position: int) -> int:
        if self.first_byte_ns is None:
            self.first_byte_ns = t_ns
        end = buffer.find(b"\r\n\r\n", position)
        if end < 0:
            if not b"HTTP/1.".startswith(buffer[position : position + 7]):
                raise NotHttpError(f"starts with {buffer[position : position + 40]!r}")
            return MORE
        head = parse_head(buffer[position:end])
        if head.status < 200:
            self.first_byte_ns = None
        else:
            self.head = head
            self._begin_body(head)
        return end + 4

    def _begin_body(self, head: Head) -> None:
        self._step = Response._take_rest
        if head.headers.get("transfer-encoding", "").lower().endswith("chunked"):
            self._step = Response._take_size
        elif head.status in (204, 304):
            self._step = Response._take_surplus
        elif "content-length" in head.headers:
            self._left = _whole_number(head.headers["content-length"].encode("latin-1"), base=10)
            self._step = Response._take_sized if self._left else Response._take_surplus

    def _take_size(self, t_ns: int, buffer: bytes, position: int) -> int:
        end = buffer.find(CRLF, position)
        if end < 0:
            return MORE
        line, begin = buffer[position:end], end + 2
        size = SIZES.get(line) or _whole_number(line.partition(b";")[0], base=16)
        if size and buffer.startswith(CRLF, begin + size):  # the whole chunk is here, as mostly
            self.body.append(buffer[begin : begin + size])
            self.body_times.append(t_ns)
            return begin + size + 2
        self._left = size
        self._step = Response._take_chunk if size else Response._take_trailer
        return begin

    def _take_chunk(self, t_ns: int, buffer: bytes, position: int) -> int:
        end = self._take_body(t_ns, buffer, position)
        if not self._left:
            self._step = Response._take_chunk_end
        return end

    def _take_chunk_end(self, _: int, buffer: bytes, position: int) -> int:
        if not b"\r\n".startswith(buffer[position : position + 2]):
            raise NotHttpError("a chunk is longer than its size")
        if len(buffer) - position < 2:
            return MORE
        self._step = Response._take_size
        return position + 2

    def _take_trailer(self, _: int, buffer: bytes, position: int) -> int:
        end = buffer.find(b"\r\n", position)
        if end == position:
            self._step = Response._take_surplus
        return MORE if end < 0 else end + 2

    def _take_sized(self, t_ns: int, buffer: bytes, position: int) -> int:
        end = self._take_body(t_ns, buffer, position)
        if not self._left:
            self._step = Response._take_surplus
        return end

    def _take_body(self, t_ns: int, buffer: bytes, position: int) -> int:
        """Take as much as is there of the `_left` bytes that are due."""
        piece = buffer[position : position + self._left]
        self._left -= len(piece)
        self.body.append(piece)
        self.body_times.append(t_ns)
        return position + len(piece)

    def _take_rest(self, t_ns: int, buffer: bytes, position: int) -> int:
        self.body.append(buffer[position:])
        self.body_times.append(t_ns)
        return len(buffer)

    def _take_surplus(self, _: int, buffer: bytes, __: int) -> int:
        self.surplus = True
        return len(buffer)


def texts_of_chunks(reads: list[bytes], prefix: bytes, suffix: bytes) -> list[bytes]:
    """Return what stands between `prefix` and `suffix` in each read, as long as each is one chunk of just these three.

    Each read is held against what it would be if it were; that is all there is to check, and the C library does it.
    """
    lines = [SIZE_LINES.get(length, b"") for length in map(len, reads)]
    start, tail = len(prefix), suffix + CRLF
    texts = [read[len(line) + start : -len(tail)] for read, line in zip(reads, lines, strict=True)]
    expected = list(map(b"".join, zip(lines, repeat(prefix), texts, repeat(tail))))
    if expected == reads:
        return texts
    return texts[: next(i for i, read in enumerate(reads) if read != expected[i])]


_Step = Callable[[Response, int, bytes, int], int]


@lru_cache(maxsize=64)
def parse_head(head: bytes) -> Head:
    """Parse a status line and headers. Raises NotHttpError. Within a second a server sends the same ones again."""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise NotHttpError(f"starts with {excerpt(status_line, 40)!r}")
    fields = (line.partition(":") for line in lines)
    return Head(version, int(code), {name.strip().lower(): value.strip() for name, _, value in fields})


def _whole_number(text: bytes, base: int) -> int:
    """Parse a length of plain digits: int() also takes signs, underscores and 0x, which RFC 9112 does not."""
    digits = text.strip()
    try:
        if not digits.strip(HEX_DIGITS):
            return int(digits, base)
    except ValueError:
        pass
    raise NotHttpError(f"a length of {excerpt(digits, 40)!r}")
