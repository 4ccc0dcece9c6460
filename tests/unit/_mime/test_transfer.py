"""The value of `Content-Transfer-Encoding`: comments in it, and what is done where it names nothing."""

import base64
import email
import email.policy
from email.message import Message

import pytest

from helpers.mail import METADATA, WRAPPER, destinations
from linkwrap._mime.transfer import read_mechanism

HTML = '<p><a href="https://shop.test/">Shop</a></p>'
BASE64 = base64.encodebytes(HTML.encode())


def message(encoding: bytes, body: bytes = BASE64, separator: bytes = b": ") -> bytes:
    """A message whose HTML body has this transfer encoding."""
    head = b"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding" + separator + encoding
    return head + b"\n\n" + body


@pytest.mark.parametrize(
    "encoding",
    [
        b"(c) base64",
        b"base64 (c)",
        b"(one) (two) BASE64",
        b"(a (nested (one))) base64 (and another)",
        rb"(a \) and a \() base64",
        b"(folded\n comment)\n base64",
        b"(8bit) base64; x=(y",
    ],
)
def test_comments_do_not_count(encoding: bytes) -> None:
    """The encoding that is named beside comments is that of the body (RFC 2045, 6.1; RFC 5322, 3.2.2)."""
    raw = message(encoding)
    assert [part.transfer_encoding for part in WRAPPER.compile_message(raw).parts] == ["base64"]
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    assert wrapped.startswith(raw[: raw.index(b"\n\n")])
    content = base64.b64decode(wrapped.partition(b"\n\n")[2], validate=False).decode()
    assert destinations(content) == ["https://shop.test/"]
    assert destinations(email.message_from_bytes(wrapped, policy=email.policy.SMTP).as_bytes().decode()) == []


@pytest.mark.parametrize("encoding", [b"(c) quoted-printable", b"quoted-printable(c)", b"(=) Quoted (x) Printable"])
def test_comments_beside_quoted_printable(encoding: bytes) -> None:
    """The same for another encoding."""
    wrapped = WRAPPER.wrap_message(message(encoding, HTML.replace("=", "=3D").encode()), METADATA, open_tracking=False)
    assert b"href=3D" in wrapped
    assert b"shop.test" not in wrapped


@pytest.mark.parametrize(
    "encoding",
    [
        *(b"", b" \t", b"\n ", b"(c)", b"(base64)", b"(c", b"(a) (b)", b"(a (b) base64", rb"(c\) base64", b"()", b"("),
        *(b";", b"?", b"(c) base65"),
    ],
)
def test_header_that_names_nothing_known_is_kept(encoding: bytes) -> None:
    """Such a body may be encoded in any way, so that nothing is added to it."""
    raw = message(encoding)
    assert [part.reason for part in WRAPPER.compile_message(raw).parts] == ["transfer-encoding"]
    assert WRAPPER.wrap_message(raw, METADATA) == raw
    parsed = email.message_from_bytes(raw)
    assert WRAPPER.wrap_message(parsed, METADATA).as_bytes() == parsed.as_bytes()


@pytest.mark.parametrize("value", [None, "7bit", "(c) 7 Bit"])
def test_no_header_means_7bit(value: str | None) -> None:
    """Nothing is encoded then (RFC 2045, 6.1)."""
    assert read_mechanism(value) == "7bit"


def test_message_object_with_a_comment() -> None:
    """The header of a message object is read in the same way."""
    legacy = Message()
    legacy["Content-Type"] = "text/html"
    legacy["Content-Transfer-Encoding"] = "(c) base64"
    legacy.set_payload(BASE64.decode())
    wrapped = WRAPPER.wrap_message(legacy, METADATA)
    assert destinations(base64.b64decode(str(wrapped.get_payload())).decode()) == ["https://shop.test/"]


def test_header_with_a_space_before_its_colon_is_changed_in_its_place() -> None:
    """The obsolete form (RFC 5322, 4.5) is the same header: no second one is added."""
    raw = message(b"8bit", HTML.encode() * 30, separator=b" : ")
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    assert wrapped.count(b"Content-Transfer-Encoding") == 1
    assert b"Content-Transfer-Encoding : quoted-printable\n\n" in wrapped
