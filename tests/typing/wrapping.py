"""Wrapping, as users write it. Type checkers read this file; nothing runs it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from typing import Any, assert_type

from linkwrap import (
    Account,
    Link,
    LinkPolicy,
    LinkTemplate,
    LinkWrapper,
    MessageTemplate,
    SigningKeys,
    TrackingDomain,
)
from linkwrap.options import MessageOptions
from linkwrap.policy import utm

keys = SigningKeys(SigningKeys.generate(), retired=[b"a key of last year's, in bytes"])
assert_type(SigningKeys.from_env("MAIL_KEYS"), SigningKeys)
assert_type(keys.for_hosts({"click.acme.com"}), list[str])
wrapper = LinkWrapper(keys, account_id="acme", tracking_domain="click.acme.com", policy=LinkPolicy(skip_hosts=["a.b"]))


def text_and_bytes(html: str, raw: bytes) -> None:
    """What goes in comes out."""
    assert_type(wrapper.wrap(html, {"rcpt": "r-42"}), str)
    assert_type(wrapper.wrap(raw, {"rcpt": "r-42"}, encoding="utf-8"), bytes)
    assert_type(wrapper.wrap_text(html), str)
    assert_type(wrapper.wrap_text(raw, None, encoding="latin1"), bytes)
    assert_type(wrapper.wrap_url("https://acme.com/", {"n": 1}, link_name="Shop", unsubscribe=True, sublink="app"), str)


def either(document: str | bytes) -> None:
    """A document of either type gives either type."""
    assert_type(wrapper.wrap(document, {"rcpt": "r-42"}), str | bytes)
    assert_type(wrapper.wrap_text(document, encoding="utf-8"), str | bytes)
    template = wrapper.compile(document)
    assert_type(template, LinkTemplate[str] | LinkTemplate[bytes])
    assert_type(wrapper.compile_text(document), LinkTemplate[str] | LinkTemplate[bytes])
    assert_type(wrapper.render(template, {"rcpt": "r-42"}), str | bytes)


def templates(html: str, raw: bytes) -> None:
    """A template remembers what it was compiled from."""
    template = wrapper.compile(html)
    assert_type(template, LinkTemplate[str])
    assert_type(wrapper.compile_text(raw, encoding="utf-8"), LinkTemplate[bytes])
    assert_type(wrapper.render(template, {"rcpt": "r-42"}), str)
    assert_type(wrapper.render(wrapper.compile(raw)), bytes)
    rows: list[dict[str, int | str]] = [{"rcpt": "r-42"}, {"rcpt": "r-43", "n": 1}]
    assert_type(wrapper.render_many(template, rows), Iterator[str])
    assert_type(wrapper.render_many(wrapper.compile(raw), iter(rows), initial_open=True), Iterator[bytes])
    assert_type(template.source, str)
    assert_type(template.encoding, str | None)
    assert_type(template.links, tuple[Link, ...])
    assert_type(template.slotted(lambda number: f"{{{{ urls[{number}] }}}}", open_tracking=False), str)
    assert_type(wrapper.urls(template, {"rcpt": "r-42"}), list[str])
    for link in template.links:
        if not link.wrapped and link.reason != "opted-out":
            print(link.href, link.url or "nowhere", link.warning)  # noqa: T201


def messages(message: EmailMessage, legacy: Message, raw: bytes) -> None:
    """A message comes out as what it is."""
    assert_type(wrapper.wrap_message(message, {"rcpt": "r-42"}, text=True), EmailMessage)
    assert_type(wrapper.wrap_message(legacy), Message[str, str])
    assert_type(wrapper.wrap_message(raw), bytes)
    template = wrapper.compile_message(message)
    assert_type(template, MessageTemplate[EmailMessage])
    assert_type(wrapper.render(template, {"rcpt": "r-42"}, sent_at=datetime.now(UTC)), EmailMessage)
    assert_type(wrapper.render_many(template, [{"rcpt": "r-42"}, None]), Iterator[EmailMessage])
    for part in template.parts:
        assert_type(part.content_type, str)
        assert_type(part.links, tuple[Link, ...])


def options(html: str, account: Account) -> None:
    """Options are keywords, or a dict of them that is checked as such."""
    domain = account.tracking_domain(sending_domain="acme.com")
    assert_type(domain, TrackingDomain)
    wrapper.wrap(html, tracking_domain=domain, account_id=account.id, click_tracking=False, initial_open=True)
    said: MessageOptions = {"tracking_domain": "click.acme.com", "open_tracking": False, "anonymous": True}
    assert_type(wrapper.wrap(html, {"rcpt": "r-42"}, **said), str)
    wrapper.wrap(html, colour="red")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    wrapper.wrap(html, click_tracking="no")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def unsubscribing(message: EmailMessage) -> None:
    """The headers are set on any message."""
    headers = wrapper.unsubscribe_headers({"rcpt": "r-42"}, mailto="leave@acme.com", account_id="acme")
    assert_type(headers, dict[str, str])
    for name, value in headers.items():
        message[name] = value
    assert_type(wrapper.unsubscribe_url({"rcpt": "r-42"}), str)


def policies(link: Link) -> LinkPolicy:
    """A policy's destination sees a link and returns a URL or nothing."""

    def destination(link: Link) -> str | None:
        return f"{link.url}?utm_source=mail" if link.element == "a" else None

    assert_type(link.start, int | None)
    assert_type(link.placeholder, str | None)
    assert_type(link.one_time, bool)
    return LinkPolicy(honour={"sparkpost"}, skip_hosts=("*.acme.com",), destination=destination)


def own_rules() -> tuple[LinkPolicy, ...]:
    """A pattern or None for placeholders, own opt-outs, and campaign parameters."""
    return (
        LinkPolicy(opt_outs=("data-no-track", ".mktNoTrack"), placeholders=None, one_time="leave"),
        LinkPolicy(placeholders=re.compile(r"\{\w+\}"), destination=utm(source="mail", hosts=["shop.acme.com"])),
        LinkPolicy(one_time="keep"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )


def wrong_types(raw: bytearray, any_keys: Any) -> None:
    """What cannot work is an error before it runs."""
    LinkWrapper("a key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LinkWrapper(keys, "acme")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SigningKeys(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(LinkWrapper(any_keys), LinkWrapper)
