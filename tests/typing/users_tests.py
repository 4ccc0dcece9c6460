"""`linkwrap.testing`, as users' tests use it. Type checkers read this file; nothing runs it."""

from email.message import EmailMessage, Message
from typing import assert_type

from linkwrap import Click, SigningKeys
from linkwrap.testing import TrackedLink, tracked_links, unwrap

keys = SigningKeys("a key for the tests only")


def unwrapping(html: str, raw: bytes, either: str | bytes, message: EmailMessage, legacy: Message) -> None:
    """The mail comes out as what it is."""
    assert_type(unwrap(html, keys), str)
    assert_type(unwrap(raw, keys), bytes)
    assert_type(unwrap(either, keys), str | bytes)
    assert_type(unwrap(message, keys), EmailMessage)
    assert_type(unwrap(legacy, keys), Message[str, str])
    unwrap(html, "a key")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    unwrap(5, keys)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def links(either: str | bytes, message: EmailMessage) -> None:
    """Links have a text and a click."""
    assert_type(tracked_links(either, keys), list[TrackedLink])
    (link,) = tracked_links(message, keys)
    assert_type(link.text, str)
    assert_type(link.element, str)
    assert_type(link.click, Click)
    tracked_links(None, keys)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
