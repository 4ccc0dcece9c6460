"""Messages that cost more than their size: each bound, and sizes that would take minutes in quadratic time."""

import tracemalloc
from collections.abc import Callable
from email.message import EmailMessage, Message
from typing import Any

import pytest

from helpers.mail import METADATA, WRAPPER
from linkwrap._mime.structure import MAX_PARTS

HTML = b'Content-Type: text/html; charset=utf-8\n\n<a href="https://shop.test/">Shop</a>\n'
MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"


def handed_back(raw: bytes) -> list[str | None]:
    """The reasons of a message's parts, which comes out as it went in."""
    assert WRAPPER.wrap_message(raw, METADATA) == raw
    return [part.reason for part in WRAPPER.compile_message(raw).parts]


@pytest.mark.parametrize(
    "part",
    [
        b"--b\n\n",
        b"--b\n",
        b"--b\nX: y\n\nx\n",
        b"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--\n",
        b"--b\nContent-Type: message/rfc822\n\nSubject: x\n\n",
        b"--b\r\n\r\n\r\n",
    ],
)
def test_very_many_parts(part: bytes) -> None:
    """No more of them are read than any message has, which bounds time and memory."""
    raw = MIXED + b"--b\n" + HTML + part * 200_000
    tracemalloc.start()
    try:
        WRAPPER.compile_message(raw)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    assert handed_back(raw) == ["malformed"]


def test_parts_with_other_headers_each() -> None:
    """The same for parts that do not share what is read of their headers."""
    parts = b"".join([b"--b\nContent-Type: text/x%d\nX-%d: y\n\nx\n" % (number, number) for number in range(50_000)])
    assert handed_back(MIXED + parts) == ["malformed"]


@pytest.mark.parametrize("count", [MAX_PARTS // 2, MAX_PARTS - 3])
def test_as_many_parts_as_may_be(count: int) -> None:
    """A message up to the bound is wrapped."""
    raw = MIXED + b"--b\n" + HTML + b"--b\n\nx\n" * count + b"--b--\n"
    assert WRAPPER.compile_message(raw).parts[0].reason is None
    assert len(WRAPPER.compile_message(raw).parts) == count + 1


def parts(make: Callable[[], Message], count: int, kind: str = "mixed") -> EmailMessage:
    """A message object of that many parts."""
    message = EmailMessage()
    message["Content-Type"] = f"multipart/{kind}; boundary=b"
    message.set_payload([make() for _ in range(count)])
    return message


def html_object() -> EmailMessage:
    """A message object with a link."""
    message = EmailMessage()
    message.set_content('<a href="https://shop.test/">Shop</a>', subtype="html")
    return message


@pytest.mark.parametrize(
    ("make", "kind"), [(EmailMessage, "mixed"), (Message, "mixed"), (Message, "related"), (Message, "digest")]
)
def test_very_many_parts_of_an_object(make: Callable[[], Message], kind: str) -> None:
    """Objects have the same bound; what comes back is a copy."""
    message = parts(make, 14_000, kind)
    wrapped = WRAPPER.wrap_message(message, METADATA)
    assert wrapped is not message
    assert len(wrapped.get_payload()) == 14_000
    assert [part.reason for part in WRAPPER.compile_message(message).parts] == ["malformed"]


def test_object_of_many_parts_is_wrapped() -> None:
    """Each part below the bound is looked at once."""
    message = parts(Message, MAX_PARTS - 1)
    message._payload[0] = html_object()  # type: ignore[attr-defined]  # its list of parts
    found = WRAPPER.compile_message(message).parts
    assert [part.reason for part in found] == [None] + ["empty"] + ["further-body"] * (MAX_PARTS - 3)
    assert b"click.acme.test" in WRAPPER.wrap_message(message, METADATA).as_bytes()


def test_object_of_very_deep_parts() -> None:
    """However deep they are, a message object is copied and handed back."""
    message: Message = html_object()
    for _ in range(2_000):
        around = EmailMessage()
        around["Content-Type"] = "multipart/mixed"
        around.set_payload([message])
        message = around
    wrapped = WRAPPER.wrap_message(message, METADATA)
    innermost: Any = wrapped
    while innermost.is_multipart():
        innermost = innermost.get_payload(0)
    assert "https://shop.test/" in innermost.get_payload()
    assert wrapped.get_payload(0) is not message.get_payload(0)


def test_object_whose_parts_are_one_and_the_same() -> None:
    """An object that is in its multipart twice, that one in another twice, and so on, is not read 2 ** 40 times."""
    message: Message = html_object()
    for _ in range(40):
        around = EmailMessage()
        around["Content-Type"] = "multipart/mixed"
        around.set_payload([message, message])
        message = around
    wrapped = WRAPPER.wrap_message(message, METADATA)
    assert wrapped.get_payload(0) is wrapped.get_payload(1)
    assert wrapped.get_payload(0) is not message.get_payload(0)


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Type: text/html" + b";" * 4000,
        b"Content-Type: text/html" + b"; a=b" * 800,
        b"Content-Disposition: inline" + b";\n " * 1300,
        b"Content-Disposition: inline" + b'; filename="' * 300,
        b"Content-Type: text/html; " + b"".join([b"charset*%d*=a; " % number for number in range(250)]),
    ],
)
def test_very_many_parameters(field: bytes) -> None:
    """The standard library takes quadratic time to read them, several times a part; no mail has a hundred."""
    part = b"--b\n" + field + b"\n\n<p>x\n"
    found = WRAPPER.compile_message(MIXED + part * 900 + b"--b\n" + HTML + b"--b--\n").parts
    assert [found.reason for found in found] == ["malformed"] * 900 + [None]
    message = parts(EmailMessage, 900)
    for child in message.iter_parts():
        name, _, value = field.decode().partition(": ")
        child._headers.append((name, value))  # type: ignore[attr-defined]  # as a parser leaves it
    assert {part.reason for part in WRAPPER.compile_message(message).parts} == {"malformed"}


def test_as_many_parameters_as_names_have() -> None:
    """A file name of many pieces (RFC 2231, 3) is read."""
    pieces = b"".join([b";\n filename*%d*=%%41%%42%%43" % number for number in range(90)])
    raw = MIXED + b"--b\nContent-Disposition: inline" + pieces + b"\n" + HTML + b"--b\n" + HTML + b"--b--\n"
    assert [part.reason for part in WRAPPER.compile_message(raw).parts] == ["attachment", None]


@pytest.mark.parametrize("text", ["-" * 300_000, "\n--" * 100_000, f"\n--{'-' * 1000} x" * 300, "\n--" + "-" * 300_000])
def test_text_like_a_long_boundary(text: str) -> None:
    """A boundary is looked for at the starts of lines only."""
    boundary = "-" * 1000
    raw = f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n".encode() + HTML + text.encode()
    assert [part.action for part in WRAPPER.compile_message(raw).parts] == ["wrapped"]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", b"P\nG\nE\n+\n" * 50_000),
        ("quoted-printable", b"=\n" * 200_000 + b"<p>"),
        ("quoted-printable", b"<p>" + b"\r" * 200_000),
        ("quoted-printable", b"<a href=3Dhttp://a.b/>\n" * 3000),
        ("quoted-printable", b"= \t" * 150_000 + b"<p>"),
    ],
)
def test_bodies_of_short_lines(encoding: str, content: bytes) -> None:
    """Lines of one octet do not take fifty times their size in memory."""
    raw = f"Content-Type: text/html\nContent-Transfer-Encoding: {encoding}\n\n".encode() + content
    tracemalloc.start()
    try:
        wrapped = WRAPPER.wrap_message(raw, METADATA)
        assert tracemalloc.get_traced_memory()[1] < 8 * (len(raw) + len(wrapped))
    finally:
        tracemalloc.stop()
    assert wrapped != raw


@pytest.mark.parametrize(
    "value", ["(" * 4000, "(" * 2000 + ")" * 2000 + "base64", "\\(" * 2000, "(a)" * 1300 + "base64", "(\\)" * 1300]
)
def test_comments_without_end(value: str) -> None:
    """Comments are read once, from the left to the right."""
    raw = f"Content-Type: text/html\nContent-Transfer-Encoding: {value}\n\nPHA+\n".encode()
    reason = None if value.endswith(")base64") else "transfer-encoding"
    assert [part.reason for part in WRAPPER.compile_message(raw).parts] == [reason]


@pytest.mark.parametrize("armor", ["x-----BEGIN PGP MESSAGE-----", "\t" * 500 + "-----BEGIN PGP MESSAGE-----", "-----"])
def test_armor_that_is_none_many_times(armor: str) -> None:
    """What is before an armor is read up to a bound."""
    raw = b"Content-Type: text/html\n\n<p>" + armor.encode() * 1000
    assert [part.reason for part in WRAPPER.compile_message(raw).parts] == [None]
