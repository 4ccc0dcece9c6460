"""Signatures and encryption that forbid to change a message, in forms that are easy to overlook."""

import base64
import codecs
import email
import quopri

import pytest

from helpers.mail import METADATA, WRAPPER

HTML = '<p><a href="https://shop.test/">Shop</a></p>'
HEAD = b"Content-Type: text/html; charset=utf-8\n"
SIGNED, ENCRYPTED = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP MESSAGE-----"


def kept(raw: bytes) -> list[str | None]:
    """The reasons of a message's parts; that it comes out as it went in."""
    assert WRAPPER.wrap_message(raw, METADATA, text=True) == raw
    return [part.reason for part in WRAPPER.compile_message(raw, text=True).parts]


@pytest.mark.parametrize(
    "field",
    [
        b"DKIM-Signature : v=1; b=x",
        b"dkim-signature\t: v=1; b=x",
        b"DKIM-Signature \t :v=1;\n b=x",
        b"ARC-Message-Signature : i=1; b=x",
        b"DomainKey-Signature : a=rsa-sha1; b=x",
    ],
)
def test_signature_with_space_before_its_colon(field: bytes) -> None:
    """The obsolete form is a header that verifiers read (RFC 5322, 4.5)."""
    for raw in (field + b"\n" + HEAD, HEAD + field + b"\n", b"From: a@acme.test\n" + field + b"\nTo : b\n" + HEAD):
        assert kept(raw + b"\n" + HTML.encode()) == ["signed"]
        parsed = email.message_from_bytes(raw + b"\n" + HTML.encode())
        assert WRAPPER.wrap_message(parsed, METADATA, text=True).as_bytes() == parsed.as_bytes()


@pytest.mark.parametrize(
    "field",
    [b"Subject : x", b"X-DKIM-Signature : none", b"DKIM-Signature-X : none", b"X: y\n DKIM-Signature : folded"],
)
def test_other_headers_with_space_before_the_colon(field: bytes) -> None:
    """They end no header section, and seal nothing."""
    raw = field + b"\n" + HEAD + b"\n" + HTML.encode()
    assert [(part.content_type, part.action) for part in WRAPPER.compile_message(raw).parts] == [
        ("text/html", "wrapped")
    ]


def test_what_is_no_header_seals_nothing() -> None:
    """Neither a space in the name, nor a line of the body, makes a signature."""
    for raw in (HEAD + b"\nDKIM-Signature : v=1\n", HEAD + b"DKIM Signature : v=1\n\n"):
        assert [part.action for part in WRAPPER.compile_message(raw + HTML.encode()).parts] == ["wrapped"]


PLAIN = f"{SIGNED}\nHash: SHA512\n\nhttps://shop.test/\n"
UTF_16 = f"Grüße\r\n{ENCRYPTED}\r\n\r\nhttps://shop.test/ü\r\n"


@pytest.mark.parametrize(
    ("content", "charset", "reason"),
    [
        (codecs.BOM_UTF8 + PLAIN.encode(), "utf-8", "signed"),
        (codecs.BOM_UTF8 + PLAIN.replace(SIGNED, ENCRYPTED).encode(), "us-ascii", "encrypted"),
        (PLAIN.encode("utf-16"), "utf-16", "signed"),
        (PLAIN.encode("utf-16-be"), "utf-16be", "signed"),
        (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), "utf-8", "signed"),
        (UTF_16.encode("utf-16-le"), "utf-16le", "encrypted"),
        (UTF_16.replace("\r\n", "\r").encode(), "utf-8", "encrypted"),
        (PLAIN.encode("utf-16-le"), "x-unknown", "signed"),
    ],
)
def test_armor_in_plain_text(content: bytes, charset: str, reason: str) -> None:
    """Inline PGP begins at the start of a line, whatever the encoding, also behind a byte order mark."""
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: ".encode()
    assert kept(head + b"base64\n\n" + base64.encodebytes(content)) == [reason]
    assert kept(head + b"quoted-printable\n\n" + quopri.encodestring(content)) == [reason]


@pytest.mark.parametrize(
    "html",
    [
        f"<pre>{SIGNED}\nHash: SHA512\n\nx</pre>",
        f"<html><body><p>Hi<br>{SIGNED}<br>x",
        f"<pre>\n  {SIGNED}\n\nx</pre>",
        f'<div style="a>b">\t{SIGNED}</div>',
        f"\ufeff<PRE class=pgp >{SIGNED}",
        f"<!-- x -->{SIGNED}",
    ],
)
def test_armor_in_html(html: str) -> None:
    """Behind a tag it begins a line to the reader."""
    for charset in ("utf-8", "utf-16-le", "utf-16"):
        head = f"Content-Type: text/html; charset={charset}\nContent-Transfer-Encoding: base64\n\n".encode()
        assert kept(head + base64.encodebytes((html + HTML).encode(charset))) == ["signed"]
    assert kept(HEAD.replace(b"html", b"x-amp-html") + b"\n" + (html + HTML).encode()) == ["signed"]


@pytest.mark.parametrize(
    ("subtype", "body"),
    [
        ("html", f"<pre>a {ENCRYPTED}</pre>{HTML}"),
        ("html", f"<p>Look for {SIGNED} in it: {HTML}"),
        ("html", f"<p>&gt; {SIGNED}{HTML}"),
        ("html", f"<p>-----BEGIN PGP PUBLIC KEY BLOCK-----{HTML}"),
        ("plain", f"> {SIGNED}\nhttps://shop.test/"),
        ("plain", f"<pre>{SIGNED}\nhttps://shop.test/"),
        ("plain", f"\n {ENCRYPTED}\nhttps://shop.test/"),
        ("plain", f"\ufeffx{ENCRYPTED}\nhttps://shop.test/"),
    ],
)
def test_armor_that_is_only_quoted(subtype: str, body: str) -> None:
    """A line that holds something before it is no armor, and in plain text a tag is something."""
    raw = f"Content-Type: text/{subtype}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}".encode()
    assert [part.action for part in WRAPPER.compile_message(raw, text=True).parts] == ["wrapped"]
