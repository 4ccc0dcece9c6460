"""Sends a welcome mail and a newsletter with wrapped links by SMTP.

    LINKWRAP_KEYS=$(linkwrap keygen) python newsletter.py localhost 25

`welcome.html` is made for one reader at a time: its base template wraps the result of Jinja2. `autumn.html` goes to
many readers: its links are found once, and Jinja2 fills in redirect URLs and its own variables together.
"""

import json
import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from linkwrap import LinkWrapper, SigningKeys

HERE = Path(__file__).parent

wrapper = LinkWrapper(SigningKeys.from_env(), account_id="alder", tracking_domain="click.alder.example")
mails = Environment(
    loader=FileSystemLoader(HERE / "templates"), extensions=["linkwrap.jinja.LinkWrapExtension"], autoescape=True
)
mails.extend(linkwrap=wrapper)


def welcome(reader: dict[str, Any]) -> str:
    """Return the welcome mail of one reader; the variable `linkwrap` holds the metadata for its events."""
    metadata = {"mail": "welcome", "rcpt": reader["id"]}
    return mails.get_template("welcome.html").render(reader=reader, linkwrap={"metadata": metadata})


def newsletter(readers: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Return each reader with their newsletter."""
    source = (HERE / "templates" / "autumn.html").read_text("utf-8")
    template = wrapper.compile(source)
    engine = mails.from_string(template.slotted(lambda i: f"{{{{ urls[{i}] }}}}"))
    for reader in readers:
        metadata = {"mail": "autumn", "rcpt": reader["id"]}
        urls = wrapper.urls(template, metadata)
        # The reader's own link has no slot: the filter `wrap_url` in the template wraps it.
        yield reader, engine.render(reader=reader, urls=urls, linkwrap={"metadata": metadata})


def send(smtp: smtplib.SMTP, reader: dict[str, Any], subject: str, html: str) -> None:
    """Send one mail."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "news@alder.example", reader["email"]
    message.set_content("This mail is in HTML.")
    message.add_alternative(html, subtype="html")
    smtp.send_message(message)


def main(host: str, port: str) -> None:
    """Welcome the newest reader, then send the newsletter to all."""
    readers = json.loads((HERE / "readers.json").read_text("utf-8"))
    with smtplib.SMTP(host, int(port)) as smtp:
        send(smtp, readers[-1], "Welcome", welcome(readers[-1]))
        for reader, html in newsletter(readers):
            send(smtp, reader, "Autumn at Alder", html)


if __name__ == "__main__":
    main(*sys.argv[1:])
