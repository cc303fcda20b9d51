"""The hot path over TLS.

The encryption runs here, on memory buffers, and not in the event loop's own TLS transport: only so does the
connection see when the last encrypted byte has gone to the kernel, and the stamp of a read is that of the socket.
"""

from __future__ import annotations

import contextlib
import ssl

from typing_extensions import override

from inferbench.loadgen.clock import LoopClock
from inferbench.loadgen.health.stamp_bounds import StampBounds
from inferbench.loadgen.http.connection import Connection, Owner

READ_SIZE = 256 * 1024


class TlsConnection(Connection):
    """A connection that speaks TLS; `ready` waits for the handshake and the check of the certificate."""

    def __init__(self, owner: Owner, clock: LoopClock, turns: StampBounds, context: ssl.SSLContext, host: str) -> None:
        super().__init__(owner, clock, turns)
        self.data_received = self._take_encrypted
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    @override
    def _start(self) -> None:
        self._shake_hands()

    @override
    def _write(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def _take_encrypted(self, data: bytes) -> None:
        self._incoming.write(data)
        if not self.ready.done():
            self._shake_hands()
        if self.ready.done() and self.is_open and (plain := self._decrypt()):
            self._take(plain)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the server why
            self.ready.set_exception(error)
            self._transport.close()
            return
        else:
            self.ready.set_result(None)
        self._flush()

    def _decrypt(self) -> bytes:
        """Return all plain text that has come. A TLS error ends the connection, and so does the server's goodbye."""
        pieces = []
        try:
            while piece := self._tls.read(READ_SIZE):
                pieces.append(piece)
            self._say_goodbye()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._flush()
            self._transport.close()
        return b"".join(pieces)

    def _say_goodbye(self) -> None:
        """Answer the server's close_notify with ours: it may wait for that before it closes the connection."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())
