"""A mail server on loopback that keeps what it receives, and refuses lines of more than 998 octets."""

from typing import Any

from aiosmtpd.controller import Controller


class Inbox(Controller):
    """An SMTP server on a free port; `received` has the messages as they came, lines ended by CR LF."""

    def __init__(self) -> None:
        super().__init__(self, hostname="127.0.0.1", port=0)
        self.received: list[bytes] = []

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Keep a message. `line_length_limit` of aiosmtpd's SMTP class is RFC 5321's 1,000 octets, CR LF included."""
        self.received.append(envelope.content)
        return "250 OK"
