"""What parent and simulator say to each other: one JSON object a line, over a Unix socket.

Blocks of words and beats do not pass here; they lie in files in the run folder, in the bench's own format, so that
neither side copies them.
"""

import contextlib
import json

__all__ = ["SOCKET", "Line"]

SOCKET = "bridge"
"""Name of the socket in the run folder, in which both sides meet."""


class Line:
    """One end of the conversation over a connected `socket`."""

    def __init__(self, socket):
        self._socket = socket
        self._stream = socket.makefile("rwb")

    def send(self, message):
        """Send one dict."""
        self._stream.write(json.dumps(message).encode() + b"\n")
        self._stream.flush()

    def receive(self):
        """The next dict, waiting for it; None when the other side is gone."""
        line = self._stream.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def close(self):
        """Hang up; what could not be sent because the other side is gone is dropped."""
        try:
            with contextlib.suppress(OSError):
                self._stream.close()
        finally:
            self._socket.close()
