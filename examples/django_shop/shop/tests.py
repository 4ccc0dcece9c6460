"""A receipt is ordered, sent over SMTP, read and clicked."""

import email
import email.policy
import json
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import SimpleTestCase, override_settings


class Inbox(Controller):
    """An SMTP server on a free port that keeps the messages."""

    def __init__(self) -> None:
        super().__init__(self, hostname="127.0.0.1", port=0)
        self.messages: list[Any] = []

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Keep a message."""
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


# Django's test runner replaces EMAIL_BACKEND, so the test sets it back.
@override_settings(EMAIL_BACKEND="linkwrap.django.backend.EmailBackend")
class ReceiptTest(SimpleTestCase):
    """The receipt that the customer gets, and the events that the shop gets."""

    def setUp(self) -> None:
        """Start the mail server."""
        self.inbox = Inbox()
        self.inbox.start()
        self.addCleanup(self.inbox.stop)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(
            override_settings(
                EMAIL_HOST=self.inbox.hostname, EMAIL_PORT=self.inbox.port, EVENTS=Path(folder) / "events.jsonl"
            )
        )

    def open(self, url: str) -> Any:
        """Open a link of the mail as its reader does, and follow redirects."""
        parts = urlsplit(url)
        return self.client.get(parts.path, SERVER_NAME=parts.hostname, secure=parts.scheme == "https", follow=True)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that were stored."""
        return [json.loads(line) for line in settings.EVENTS.read_text("utf-8").splitlines()]

    def test_link_of_a_receipt_leads_to_the_sale(self) -> None:
        """The customer orders, opens the receipt, clicks and reaches the sale; the shop knows which order it was."""
        self.client.post("/order/", {"email": "ada@example.com"}, SERVER_NAME="shop.example")
        (message,) = self.inbox.messages
        html = BeautifulSoup(html_of(message), "html.parser")

        page = self.open(html.a["href"])
        assert page.redirect_chain == [("https://shop.example/sale/?from=receipt&order=o-1", 302)]
        assert page.content == b"The sale is on."
        assert self.open(html.find_all("img")[-1]["src"]).headers["Content-Type"] == "image/gif"

        click, opened = self.events()
        assert (click["type"], click["target_link_name"]) == ("click", "Sale")
        assert opened["type"] == "open"
        assert click["rcpt_meta"] == opened["rcpt_meta"] == {"order": "o-1"}


def html_of(message: EmailMessage) -> str:
    """Return the message's HTML body."""
    body = message.get_body(["html"])
    assert body is not None
    return str(body.get_content())
