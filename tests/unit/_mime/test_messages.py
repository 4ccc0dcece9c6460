"""Messages: which parts are wrapped, what is kept of them byte for byte, and what is said of each."""

import base64
import email
import email.policy
import logging
import pickle
import quopri
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from helpers.mail import (
    HOST,
    KEYS,
    METADATA,
    SENT_AT,
    URL,
    WRAPPER,
    content,
    defects,
    destinations,
    leaves,
    parse,
    put_back,
)
from linkwrap import LinkPolicy, LinkWrapper, MessageTemplate, TrackingDomain
from linkwrap._pixels import AMP_PIXEL

HTML = '<p>Grüße: <a href="https://shop.test/?a=1&amp;b=2">Laden</a></p>'
AMP = '<!doctype html><html ⚡4email><head></head><body><a href="https://shop.test/amp">x</a></body></html>'


def single(body: bytes, content_type: str = "text/html; charset=utf-8", encoding: str | None = "8bit") -> bytes:
    """A message of one part, with CRLF."""
    headers = [b"From: a@acme.test", b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", b"Content-Type: " + content_type.encode()]
    if encoding is not None:
        headers.append(b"Content-Transfer-Encoding: " + encoding.encode())
    return b"\r\n".join([*headers, b"", body])


def multipart(subtype: str, *parts: bytes, boundary: str = "b1", headers: str = "") -> bytes:
    """A multipart of these parts, each with its own headers, with LF."""
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"{headers}\n\npreamble\n'.encode()
    line = f"--{boundary}".encode()
    return head + b"".join(line + b"\n" + part + b"\n" for part in parts) + line + b"--\nepilogue\n"


def part(content_type: str, body: str = HTML, headers: str = "") -> bytes:
    """A part of 8bit UTF-8."""
    return f"Content-Type: {content_type}\nContent-Transfer-Encoding: 8bit\n{headers}\n{body}".encode()


def said(message: bytes, *, text: bool = False) -> list[tuple[str, str, str | None]]:
    """What is done to each part, and why."""
    return [
        (found.content_type, found.action, found.reason) for found in WRAPPER.compile_message(message, text=text).parts
    ]


def reasons(message: bytes) -> list[str | None]:
    """Why each part is kept."""
    return [found.reason for found in WRAPPER.compile_message(message).parts]


PLAIN_PART = part("text/plain; charset=utf-8", "Grüße: https://shop.test/text")
HTML_PART = part("text/html; charset=utf-8")
AMP_PART = part("text/x-amp-html; charset=utf-8", AMP)


def test_alternative_message_is_wrapped() -> None:
    """The links of HTML and AMP lead to the tracking domain, each with its own pixel; the text is left alone."""
    raw = multipart("alternative", PLAIN_PART, AMP_PART, HTML_PART)
    template = WRAPPER.compile_message(raw)
    assert [(found.content_type, found.action, found.reason) for found in template.parts] == [
        ("text/plain", "kept", "text-off"),
        ("text/x-amp-html", "wrapped", None),
        ("text/html", "wrapped", None),
    ]
    assert [link.url for link in template.parts[2].links] == ["https://shop.test/?a=1&b=2"]
    text, amp, html = leaves(parse(WRAPPER.render(template, METADATA)))
    assert content(text).decode() == "Grüße: https://shop.test/text"
    assert destinations(content(amp).decode()) == ["https://shop.test/amp"]
    assert content(amp).count(AMP_PIXEL.partition("{}")[0].encode()) == 1
    assert b"<img" not in content(amp)
    assert destinations(content(html).decode()) == ["https://shop.test/?a=1&b=2"]
    assert content(html).count(b"<img") == 1  # there is no <body> for the other


def test_plain_text_is_wrapped_on_request() -> None:
    """With `text=True` the plain-text body's URLs are wrapped too, and it gets no pixel."""
    raw = multipart("alternative", PLAIN_PART, HTML_PART)
    text, _ = leaves(parse(WRAPPER.wrap_message(raw, METADATA, text=True)))
    wrapped = content(text).decode()
    assert destinations(wrapped) == ["https://shop.test/text"]
    assert URL.sub("", wrapped) == "Grüße: "


def test_all_but_the_body_is_byte_identical() -> None:
    """Preamble, epilogue, odd headers and raw bytes in them come out as they went in."""
    odd = b"From a@b Mon Jan 1\nX-Odd:  \xff\xfe  \n\tfolded\nsubject:none\n"
    raw = odd + multipart("mixed", HTML_PART, b"Content-Type: application/pdf\nX: \xe9\n\n\x00\x01\r\n\xff")
    wrapped = WRAPPER.wrap_message(raw, METADATA, open_tracking=False, initial_open=False)
    assert wrapped != raw
    assert URL.sub("https://shop.test/?a=1&amp;b=2", wrapped.decode("latin-1")).encode("latin-1") == raw


@pytest.mark.parametrize("subtype", ["mixed", "alternative", "related", "report", "unheard-of"])
@pytest.mark.parametrize("depth", [1, 5])
def test_body_in_nested_multiparts(subtype: str, depth: int) -> None:
    """The body is found however deep it is."""
    inner = HTML_PART
    for level in range(depth):
        inner = multipart(subtype, inner, b"Content-Type: image/gif\n\nGIF", boundary=f"level{level}")
    assert reasons(inner) == [None] + ["not-a-body"] * depth


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Disposition: attachment\n",
        'Content-Disposition: ATTACHMENT; filename="a.html"\n',
        'Content-Disposition: inline; filename="a.html"\n',
        "Content-Disposition: inline; filename*=utf-8''a%C3%BC.html\n",
    ],
)
def test_attachment_is_kept(headers: str) -> None:
    """An HTML file that is attached is not a body, though it comes first."""
    raw = multipart("mixed", part("text/html", headers=headers), HTML_PART)
    assert said(raw) == [("text/html", "kept", "attachment"), ("text/html", "wrapped", None)]
    attached, _ = leaves(parse(WRAPPER.wrap_message(raw, METADATA)))
    assert content(attached).decode() == HTML


def test_part_with_a_name_is_an_attachment() -> None:
    """The name may be in the content type too; the only part of a message is its body all the same."""
    assert reasons(multipart("mixed", HTML_PART, part('text/html; name="a.html"'))) == [None, "attachment"]
    assert reasons(single(HTML.encode(), 'text/html; charset=utf-8; name="a.html"')) == [None]
    assert reasons(b"Content-Disposition: attachment\n" + HTML_PART) == ["attachment"]


def test_all_within_an_attached_multipart_is_kept() -> None:
    """A multipart that is attached as a whole holds no body."""
    attached = b"Content-Disposition: attachment\n" + multipart("alternative", PLAIN_PART, HTML_PART, boundary="b2")
    assert reasons(multipart("mixed", attached, HTML_PART)) == ["attachment", "attachment", None]


def test_forwarded_message_is_kept() -> None:
    """Nothing inside a forwarded message is touched, nor inside a digest, whose parts are messages by default."""
    forwarded = b"Content-Type: message/rfc822\n\n" + multipart("alternative", HTML_PART, boundary="b2")
    raw = multipart("mixed", HTML_PART, forwarded)
    assert said(raw) == [("text/html", "wrapped", None), ("message/rfc822", "kept", "forwarded")]
    assert forwarded in WRAPPER.wrap_message(raw, METADATA)
    assert reasons(multipart("digest", b"\n" + HTML_PART)) == ["forwarded"]


def test_related_has_one_body() -> None:
    """Of a compound object only the root is a body: the first part, or the one that `start` names."""
    frame = part("text/html", headers="Content-ID: <frame@x>\n")
    assert reasons(multipart("related", HTML_PART, frame)) == [None, "not-a-body"]
    assert reasons(multipart("related", HTML_PART, frame, headers='; start="<frame@x>"')) == ["not-a-body", None]
    assert reasons(multipart("related", HTML_PART, frame, headers='; start="<gone@x>"')) == [None, "not-a-body"]


def test_first_of_each_type_is_the_body() -> None:
    """A further HTML part, such as a mailing list's footer, is kept: a message has one pixel of a kind."""
    raw = multipart("mixed", PLAIN_PART, HTML_PART, PLAIN_PART, HTML_PART)
    assert [reason for _, _, reason in said(raw, text=True)] == [None, None, "further-body", "further-body"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"DKIM-Signature: v=1; a=rsa-sha256; b=\n" + HTML_PART, "signed"),
        (b"ARC-Message-Signature: i=1; b=\n" + HTML_PART, "signed"),
        (b"DomainKey-Signature: a=rsa-sha1; b=\n" + HTML_PART, "signed"),
        (multipart("signed", HTML_PART, b"Content-Type: application/pgp-signature\n\nx"), "signed"),
        (multipart("mixed", multipart("signed", HTML_PART, b"\nx", boundary="b2"), HTML_PART), "signed"),
        (multipart("encrypted", b"Content-Type: application/pgp-encrypted\n\nVersion: 1", b"\nx"), "encrypted"),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nAAAA", "encrypted"),
        (b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\nAAAA", "signed"),
        (part("text/plain", "-----BEGIN PGP MESSAGE-----\n\nx"), "encrypted"),
        (multipart("alternative", part("text/plain", "Hi\n-----BEGIN PGP SIGNED MESSAGE-----\n"), HTML_PART), "signed"),
        (single(base64.encodebytes(b"-----BEGIN PGP SIGNED MESSAGE-----\r\n"), "text/plain", "base64"), "signed"),
    ],
)
def test_signed_or_encrypted_message_is_handed_back(raw: bytes, reason: str) -> None:
    """What a signature covers, or encryption hides, is not touched, and each part says why."""
    template = WRAPPER.compile_message(raw, text=True)
    assert {(found.action, found.reason) for found in template.parts} == {("kept", reason)}
    assert WRAPPER.render(template, METADATA) == raw


@pytest.mark.parametrize(
    "raw",
    [
        multipart("mixed", HTML_PART, b"Content-Type: message/rfc822\n\nDKIM-Signature: x\n\n"),
        multipart("mixed", HTML_PART, b"Content-Type: application/pkcs7-mime; name=contract.p7m\n\nAAAA"),
        part("text/html", HTML + "<pre>a -----BEGIN PGP MESSAGE-----</pre>"),
        b"X-DKIM-Signature: none\n" + HTML_PART,
    ],
)
def test_what_only_looks_sealed_is_wrapped(raw: bytes) -> None:
    """A signature inside a forwarded message or an attachment, or a quoted line, seals nothing."""
    assert reasons(raw)[0] is None


def test_long_lines_become_quoted_printable(caplog: pytest.LogCaptureFixture) -> None:
    """A line that would pass 998 octets makes its part quoted-printable, which the header and the log say."""
    caplog.set_level(logging.INFO, "linkwrap")
    body = (HTML.replace("\n", "") * 7 + "\r\n.\r\n-- \r\nend ").encode()
    assert max(map(len, body.splitlines())) < 998
    raw = single(body)
    template = WRAPPER.compile_message(raw)
    wrapped = WRAPPER.render(template, METADATA)
    assert template.parts[0].transfer_encoding == "8bit"
    message = parse(wrapped)
    assert message["content-transfer-encoding"] == "quoted-printable"
    assert WRAPPER.compile_message(wrapped).parts[0].transfer_encoding == "quoted-printable"
    assert caplog.messages == ["a 8bit body became quoted-printable: a line of it would pass 998 octets"]
    assert put_back(content(message), template.parts[0]) == body
    assert max(map(len, wrapped.splitlines())) <= 76
    assert b"\n" not in wrapped.replace(b"\r\n", b"")
    assert not any(line.startswith((b"-", b".")) for line in wrapped.splitlines())
    assert wrapped.replace(b"quoted-printable", b"8bit")[: raw.index(b"\r\n\r\n")] == raw[: raw.index(b"\r\n\r\n")]


@pytest.mark.parametrize("encoding", [None, "7bit", "8BIT", "8bits", "8bit; x"])
def test_the_header_that_says_quoted_printable(encoding: str | None) -> None:
    """The value is replaced where the header is, and the header is added where it is missing."""
    raw = single((HTML * 7).encode(), encoding=encoding)
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    head = raw[: raw.index(b"\r\n\r\n")]
    if encoding is None:
        expected = head + b"\r\nContent-Transfer-Encoding: quoted-printable"
    else:
        expected = head[: len(head) - len(encoding)] + b"quoted-printable"
    assert wrapped[: wrapped.index(b"\r\n\r\n")] == expected
    assert WRAPPER.wrap_message(wrapped, METADATA) == wrapped


def test_lines_up_to_998_octets_stay() -> None:
    """The limit is 998 octets without the line end, and holds for neither base64 nor binary."""
    line = b"<p>{}</body>"
    frame = len(WRAPPER.wrap_message(single(line), METADATA)) - len(single(b"{}"))
    for length, encoding in ((998, "8bit"), (999, "quoted-printable")):
        raw = single(line.replace(b"{}", b"x" * (length - frame)) + b"\r\n\r\n")
        wrapped = parse(WRAPPER.wrap_message(raw, METADATA))
        assert wrapped["content-transfer-encoding"] == encoding
    raw = single(HTML.encode() * 9, encoding="binary")
    assert parse(WRAPPER.wrap_message(raw, METADATA))["content-transfer-encoding"] == "binary"


def test_quoted_printable_changes_where_it_must() -> None:
    """Lines without a link stay as they were encoded, odd as they may be."""
    lines = [
        b"<p>=C3=BC=c3=bc un=63oded =20",
        b'<a href=3D"https://shop.t=',
        b'est/?a=3D1&amp;b=3D2">x</a> long =3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D=3D',
        b"=2E= ",
        b"trailing\t",
    ]
    raw = single(b"\r\n".join(lines), encoding="quoted-printable")
    wrapped = WRAPPER.wrap_message(raw, METADATA, open_tracking=False, initial_open=False)
    result = wrapped.split(b"\r\n\r\n", 1)[1].split(b"\r\n")
    assert [result[0], *result[-3:]] == [lines[0], b'">x</a>' + lines[2].partition(b"</a>")[2], *lines[3:]]
    assert result[1:3] == [b'<a href=3D"=', result[2]]
    assert destinations(content(parse(wrapped)).decode()) == ["https://shop.test/?a=1&b=2"]
    assert max(map(len, result)) <= 76


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("width", [60, 76])
def test_base64_keeps_line_length_and_ends(end: bytes, width: int) -> None:
    """Base64 comes out with the lines that it had."""
    encoded = base64.b64encode((HTML * 5).encode())
    body = end + end.join(encoded[at : at + width] for at in range(0, len(encoded), width)) + end + end
    raw = single(body, encoding="base64")
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    lines = wrapped[raw.index(body) :].split(end)
    assert [len(line) for line in lines[1:-3]] == [width] * len(lines[1:-3])
    assert lines[0] == lines[-1] == lines[-2] == b""
    assert put_back(content(parse(wrapped)), WRAPPER.compile_message(raw).parts[0]) == (HTML * 5).encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (single(b"!!!", encoding="base64"), "transfer-encoding"),
        (single(b"PHA+A", encoding="base64"), "transfer-encoding"),
        (single(b"PHA+eDwvcD4=\r\n_____\r\nfooter", encoding="base64"), "transfer-encoding"),
        (single(b"begin 644 x\r\n", encoding="x-uuencode"), "transfer-encoding"),
        (single(b"+ADw-p+AD4-", "text/html; charset=utf-7"), "charset"),
        (single("<p>".encode("utf-32"), "text/html; charset=UTF-32"), "charset"),
        (single(b""), "empty"),
        (single(b" \r\n\r\n"), "empty"),
        (b"Content-Type: text/html", "empty"),
        (b"", "empty"),
        (b"Content-Type: text/html; x=" + b"y" * 5000 + b"\n\n<p>", "malformed"),
        (b"Content-Type: text/html; x*99999999999999999999*=y\n\n<p>", None),
        (b"Content-Type: multipart/mixed\n\n--b\n\n<p>\n--b--", "malformed"),
        (b"Content-Type: multipart/mixed; boundary=b\n\nno boundary", "malformed"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "malformed"),
        (
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\nContent-Type: text/html\n\n<p>\n--b--\n",
            "malformed",
        ),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\r\rx\r--b--\r", "malformed"),
        (b"Content-Type: text/html\rX: y\n\n<p>", "malformed"),
    ],
)
def test_what_cannot_be_wrapped_is_handed_back(raw: bytes, reason: str | None) -> None:
    """Mail that nobody can read for certain comes out byte for byte, and says why."""
    template = WRAPPER.compile_message(raw, text=True)
    assert template.parts[0].reason == reason
    if reason is not None:
        assert WRAPPER.render(template, METADATA) == raw


def test_empty_part_cannot_break_a_boundary() -> None:
    """A part whose blank line is also the boundary's has no place for a pixel."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n--b\n" + HTML_PART + b"\n--b--\n"
    )
    assert reasons(raw) == ["empty", "further-body"] or reasons(raw) == ["empty", None]
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    assert len(list(leaves(parse(wrapped)))) == 2


def test_missing_close_boundary_is_no_obstacle() -> None:
    """A multipart that ends with the message is wrapped, with the same defect as before."""
    raw = multipart("alternative", PLAIN_PART, HTML_PART).removesuffix(b"--b1--\nepilogue\n")
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    assert reasons(raw) == ["text-off", None]
    assert defects(parse(wrapped)) == defects(parse(raw)) != []


def test_boundaries_that_begin_alike() -> None:
    """A boundary is a whole line: one that only begins like it is none."""
    inner = multipart("alternative", PLAIN_PART, part("text/html", HTML + "\n--b1 x\n --b1\n--b10\n"), boundary="b1x")
    raw = multipart("mixed", inner, b"Content-Type: image/gif\n\nGIF")
    assert [kind for kind, _, _ in said(raw)] == ["text/plain", "text/html", "image/gif"]


def test_deep_nesting_is_handed_back() -> None:
    """Nesting beyond all reason neither overflows the stack nor takes for ever."""
    raw = HTML_PART
    for level in range(200):
        raw = f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n".encode() + raw
    assert reasons(raw) == ["malformed"]
    assert WRAPPER.wrap_message(raw, METADATA) == raw


CHARSETS = {
    "utf-8": "Grüße, 東京, Привет",
    "iso-8859-1": "Grüße à tous",
    "iso-8859-15": "Preis: 10 € für Œuvre",
    "windows-1252": "„Preis“: 10 € – gut",
    "shift_jis": "表示ソ能十 東京へ",
    "iso-2022-jp": "表示 東京へようこそ",
    "gb2312": "欢迎光临北京",
    "gb18030": "欢迎光临 ü €",
    "big5": "歡迎光臨 許功蓋",
    "euc-kr": "안녕하세요",
    "koi8-r": "Привет, мир",
    "utf-16": "Grüße, 東京",
    "utf-16le": "Grüße, 東京",
}
BODY = '<html><body>\r\n<p>{0}<a href="https://shop.test/?q={1}&amp;x=1" title="{0}">{0}</a></p>\r\n</body></html>\r\n'


def encoded(content: bytes, encoding: str) -> bytes:
    """Content in a transfer encoding, as the standard library writes it."""
    if encoding == "base64":
        return base64.encodebytes(content)
    if encoding == "quoted-printable":
        return quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return content


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "quoted-printable", "base64", "binary"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_charset_and_transfer_encoding(charset: str, encoding: str) -> None:
    """Text that is not ASCII, beside a link, in it and in its destination, is kept in every charset and encoding."""
    text = CHARSETS[charset]
    query = text.replace(" ", "")
    body = BODY.format(text, query).encode(charset)
    if charset.startswith("utf-16") and encoding == "quoted-printable":
        carried = quopri.encodestring(body).replace(b"\r", b"=0D")
        carried = (
            b"".join(b"=%02X" % octet for octet in body[:20]) + b"=\n" + quopri.encodestring(body[20:], quotetabs=True)
        )
        carried = (
            carried
            if quopri.decodestring(carried) == body
            else b"=\n".join(
                b"".join(b"=%02X" % octet for octet in body[at : at + 24]) for at in range(0, len(body), 24)
            )
        )
    else:
        carried = encoded(body, encoding)
    raw = single(carried, f"text/html; charset={charset}", encoding)
    template = WRAPPER.compile_message(raw)
    wrapped = WRAPPER.render(template, METADATA)
    (found,) = template.parts
    assert (found.action, len(found.links)) == ("wrapped", 1)
    link = found.links[0]
    assert link.href == f"https://shop.test/?q={query}&x=1"
    message = parse(wrapped)
    assert message["content-transfer-encoding"] == encoding
    assert put_back(content(message), found) == body
    assert destinations(content(message).decode(charset)) == [link.url]
    assert WRAPPER.wrap_message(wrapped, METADATA) == wrapped


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        (None, "utf-8"),
        (None, "windows-1252"),
        (None, "shift_jis"),
        (None, "iso-2022-jp"),
        (None, "utf-16"),
        ("us-ascii", "utf-8"),
        ("us-ascii", "koi8-r"),
        ('"charset=us-ascii"', "utf-8"),
        ("utf-8", "windows-1252"),
        ("iso-8859-1", "utf-8"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-8"),
        ("x-unknown", "utf-8"),
        ("", "utf-8"),
        ("ISO-8859-1*", "iso-8859-1"),
        ("gb2312", "gb18030"),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_charset_undeclared_or_wrong(declared: str | None, actual: str, encoding: str) -> None:
    """Whatever is declared, no byte of the text is changed."""
    body = BODY.format(CHARSETS[actual], "sale").encode(actual)
    content_type = "text/html" if declared is None else f"text/html; charset={declared}"
    carried = (
        b"".join(b"=%02X" % octet for octet in body) if encoding == "quoted-printable" else encoded(body, encoding)
    )
    template = WRAPPER.compile_message(single(carried, content_type, encoding))
    wrapped = WRAPPER.render(template, METADATA)
    assert put_back(content(parse(wrapped)), template.parts[0]) == body
    assert template.parts[0].links[0].url == "https://shop.test/?q=sale&x=1"


@pytest.mark.parametrize(
    ("declared", "expected"), [("us-ascii", "%C3%BC"), (None, "%C3%BC"), ("iso-8859-1", "%C3%83%C2%BC")]
)
def test_destination_in_a_charset_that_is_not_declared(declared: str | None, expected: str) -> None:
    """UTF-8 in mail that is declared as ASCII, or not at all, is read as UTF-8; any other declaration counts."""
    content_type = "text/html" + (f"; charset={declared}" if declared else "")
    raw = single('<a href="https://shop.test/ü">x</a>'.encode(), content_type)
    assert WRAPPER.compile_message(raw).parts[0].links[0].url == f"https://shop.test/{expected}"


def modern() -> EmailMessage:
    """A message as the standard library makes it."""
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["To"] = "r@reader.test"
    message.set_content("Grüße: https://shop.test/text\n")
    message.add_alternative(f"<html><body>{HTML}</body></html>", subtype="html")
    message.add_attachment(HTML, subtype="html", filename="a.html")
    message.as_bytes()  # sets the boundaries
    return message


def legacy() -> Message:
    """A message of the legacy API."""
    message = MIMEMultipart("alternative")
    message["Subject"] = "=?utf-8?q?Gr=C3=BC=C3=9Fe?="
    message.attach(MIMEText("Grüße: https://shop.test/text\n", "plain", "utf-8"))
    message.attach(MIMEText(HTML, "html", "iso-8859-1"))
    return message


@pytest.mark.parametrize("make", [modern, legacy])
def test_message_object(make: type[Message]) -> None:
    """A message object gives a new one of its type, with its policy; it stays as it was."""
    message = make()
    before = message.as_bytes()
    wrapped = WRAPPER.wrap_message(message, METADATA, text=True)
    assert message.as_bytes() == before
    assert type(wrapped) is type(message)
    assert wrapped.policy is message.policy
    assert wrapped.items() == message.items()
    found = list(leaves(wrapped))
    assert destinations(content(found[0]).decode()) == ["https://shop.test/text"]
    assert destinations(content(found[1]).decode("latin-1")) == ["https://shop.test/?a=1&b=2"]
    assert [part.as_bytes() for part in found[2:]] == [part.as_bytes() for part in list(leaves(message))[2:]]
    assert wrapped.as_bytes() == WRAPPER.wrap_message(wrapped, METADATA, text=True).as_bytes()


def test_message_objects_do_not_share() -> None:
    """Each rendering is a message of its own, and a change to the one that was compiled comes too late."""
    message = modern()
    template = WRAPPER.compile_message(message)
    message.replace_header("Subject", "changed")
    message.set_payload([])
    one, other = WRAPPER.render(template, METADATA), WRAPPER.render(template, METADATA)
    one["X-Recipient"] = "one"
    next(iter(one.iter_parts()))["X-Part"] = "one"
    assert str(other["Subject"]) == "Grüße"
    assert "X-Recipient" not in other
    assert "X-Part" not in next(iter(other.iter_parts()))


def test_signed_message_object_is_copied_too() -> None:
    """What is handed back untouched is still a message of its own."""
    message = modern()
    message["DKIM-Signature"] = "v=1"
    wrapped = WRAPPER.wrap_message(message, METADATA)
    assert wrapped is not message
    assert wrapped.as_bytes() == message.as_bytes()


def test_message_object_with_long_lines() -> None:
    """The header of a message object is changed, or added, where a line gets too long."""
    message = EmailMessage()
    message.set_content("x" * 900 + "</body>", subtype="html", cte="7bit")
    assert WRAPPER.wrap_message(message, METADATA)["Content-Transfer-Encoding"] == "quoted-printable"
    bare = Message()
    bare["Content-Type"] = "text/html"
    bare.set_payload("x" * 900)
    wrapped = WRAPPER.wrap_message(bare, METADATA)
    assert wrapped["Content-Transfer-Encoding"] == "quoted-printable"
    assert wrapped.get_payload(decode=True).startswith(b"x" * 900 + b"<img")  # type: ignore[union-attr]
    assert bare.items() == [("Content-Type", "text/html")]


def test_payload_of_characters() -> None:
    """A legacy message that was given text which no charset was set for keeps it as text."""
    message = Message()
    message["Content-Type"] = "text/html"
    message.set_payload('<a href="https://shop.test/ü">Грüße</a>')
    wrapped = WRAPPER.wrap_message(message, METADATA, open_tracking=False)
    payload = wrapped.get_payload()
    assert isinstance(payload, str)
    assert payload.endswith('">Грüße</a>')
    assert destinations(payload) == ["https://shop.test/%C3%BC"]
    message["Content-Transfer-Encoding"] = "quoted-printable"
    message.set_payload("<p>ü=3D")
    assert WRAPPER.compile_message(message).parts[0].reason == "transfer-encoding"


def test_message_objects_that_make_no_sense() -> None:
    """A payload that is no text, or parts that are no parts, are handed back."""
    for content_type, payload, reason in (
        ("text/html", None, "empty"),
        ("text/html", [Message()], "malformed"),
        ("multipart/mixed", "text", "malformed"),
        ("multipart/mixed", ["text"], "malformed"),
    ):
        message = Message()
        message["Content-Type"] = content_type
        message.set_payload(payload)
        template = WRAPPER.compile_message(message)
        assert [part.reason for part in template.parts] == [reason]
        assert WRAPPER.render(template, METADATA).get_payload() is not None or payload is None


def test_wrapping_twice_changes_nothing() -> None:
    """A message that passes a second wrapper is the same, whatever its encoding."""
    for encoding in ("8bit", "quoted-printable", "base64"):
        raw = single(encoded(HTML.encode(), encoding), encoding=encoding)
        once = WRAPPER.wrap_message(raw, METADATA)
        assert once != raw
        assert WRAPPER.wrap_message(once, METADATA) == once


def test_template_is_data() -> None:
    """A template can be pickled, holds no keys, and one serves every account and recipient."""
    raw = multipart("alternative", PLAIN_PART, AMP_PART, HTML_PART)
    for message in (raw, modern()):
        template = WRAPPER.compile_message(message, text=True)
        copy: MessageTemplate[object] = pickle.loads(pickle.dumps(template))  # noqa: S301
        assert copy.parts[0].links == template.parts[0].links
        assert repr(copy) == repr(template)
        assert "text/html" in repr(template)
        one, other = (
            wrapped if isinstance(wrapped, bytes) else wrapped.as_bytes()
            for wrapped in (WRAPPER.render(each, METADATA, sent_at=SENT_AT) for each in (template, copy))
        )
        assert one == other
        with pytest.raises(AttributeError):
            template.parts = ()  # type: ignore[misc]
    other_account = LinkWrapper(KEYS, account_id="other", tracking_domain="go.other.test")
    assert b"go.other.test" in other_account.render(WRAPPER.compile_message(raw), METADATA)


def test_message_shares_one_context() -> None:
    """All bodies of a message carry the same time and metadata."""
    raw = multipart("alternative", PLAIN_PART, AMP_PART, HTML_PART)
    wrapped = WRAPPER.wrap_message(raw, METADATA, text=True).decode("latin-1")
    assert len({url.split(".")[-2] for url in URL.findall(wrapped)}) == 1


def test_options_of_a_message() -> None:
    """The options of `render` hold for messages too."""
    raw = multipart("alternative", PLAIN_PART, AMP_PART, HTML_PART)
    template = WRAPPER.compile_message(raw, text=True)
    untracked = {"click_tracking": False, "open_tracking": False, "initial_open": False}
    assert WRAPPER.render(template, METADATA, **untracked) == raw  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no option 'tracking'"):
        WRAPPER.render(template, METADATA, tracking=False)  # type: ignore[call-overload]


def test_no_pixel_in_amp_over_http() -> None:
    """AMP loads from https only: on another domain its links are wrapped, and it gets no pixel."""
    wrapped = WRAPPER.wrap_message(
        AMP_PART, METADATA, tracking_domain=TrackingDomain(HOST, secure=False, verified=True)
    )
    assert f'href="http://{HOST}/f/'.encode() in wrapped
    assert AMP_PIXEL.partition("{}")[0].encode() not in wrapped


def test_policy_applies() -> None:
    """A message's links are decided about like any other document's."""
    wrapper = LinkWrapper(KEYS, policy=LinkPolicy(skip_hosts=["shop.test"]))
    (found,) = wrapper.compile_message(HTML_PART).parts
    assert [link.reason for link in found.links] == ["policy"]


@pytest.mark.parametrize("message", ["Content-Type: text/html\n\n<p>", None, bytearray(b"x"), 1])
def test_no_message(message: object) -> None:
    """Another object than a message is refused, and text with a reason; one message lists all faults."""
    with pytest.raises(TypeError, match="message must be bytes, an EmailMessage or a Message") as caught:
        WRAPPER.compile_message(message)  # type: ignore[type-var]
    assert ("lost its bytes" in str(caught.value)) == isinstance(message, str)
    with pytest.raises(
        TypeError, match=r"message must be .*; text must be bool, not int; .*open_tracking must be bool"
    ):
        WRAPPER.wrap_message(message, text=1, open_tracking="no")  # type: ignore[type-var, arg-type]


def test_smtp_policy_round_trip() -> None:
    """A message that was parsed with CRLF is wrapped with CRLF."""
    raw = multipart("alternative", PLAIN_PART, HTML_PART).replace(b"\n", b"\r\n")
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    wrapped = WRAPPER.wrap_message(message, METADATA, sent_at=SENT_AT)
    assert wrapped.as_bytes() == WRAPPER.wrap_message(raw, METADATA, sent_at=SENT_AT)


def test_brackets_in_quoted_printable_text() -> None:
    """The control brackets behind a URL go from the text, tracked or not, and the rest stays as it was encoded."""
    rest = b" un=63oded=20\r\nhttps://shop.test/2[[data-msys-linkname=3D=\r\n'two']] end\r\n"
    raw = single(b"https://shop.test/1" + rest, "text/plain; charset=utf-8", "quoted-printable")
    left = rest.replace(b"[[data-msys-linkname=3D=\r\n'two']]", b"=\r\n")
    untracked = WRAPPER.wrap_message(raw, text=True, click_tracking=False)
    assert untracked == raw.replace(rest, left)
    wrapped = WRAPPER.wrap_message(raw, text=True)
    assert destinations(content(parse(wrapped)).decode()) == ["https://shop.test/1", "https://shop.test/2"]
    assert b" un=63oded=20\r\n" in wrapped


def test_full_line_of_quoted_printable() -> None:
    """A pixel behind a line of 76 octets makes no longer one."""
    raw = single(b"=C3=BC" + b"x" * 64 + b"<body>\r\n<p>text", encoding="quoted-printable")
    assert max(map(len, raw.split(b"\r\n")[-2:])) == 76
    assert (
        WRAPPER.wrap_message(raw.replace(b"<body>\r\n", b"<body>-.-=\r\n")).count(b"=\r\n=2D=\r\n=2E=\r\n=2D=\r\n") == 1
    )
    wrapped = WRAPPER.wrap_message(raw, METADATA)
    assert max(map(len, wrapped.split(b"\r\n"))) <= 76
    assert put_back(content(parse(wrapped)), WRAPPER.compile_message(raw).parts[0]) == content(parse(raw))


def test_very_many_parts_are_handed_back() -> None:
    """A message of more parts than any has is not taken apart."""
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_001 + b"--b--\n"
    assert reasons(raw) == ["malformed"]


def test_charset_that_the_standard_library_cannot_read() -> None:
    """A parameter that makes the standard library raise is as none."""
    raw = single(b"<p>", "text/html; charset*=\0''x")
    assert reasons(raw) == [None]


def test_text_whose_urls_may_continue_is_kept() -> None:
    """In format=flowed text with DelSp=yes a URL may go on in the next line (RFC 3676 4.1): half of it is no link."""
    head = b"Content-Type: text/plain; format=flowed; DelSp=%s\r\n\r\n"
    body = b"Sale: https://shop.test/a-very- \r\nlong-path\r\n"
    kept = WRAPPER.compile_message(head % b"Yes" + body, text=True)
    assert [(part.action, part.reason) for part in kept.parts] == [("kept", "delsp")]
    assert WRAPPER.wrap_message(head % b"Yes" + body, METADATA, text=True) == head % b"Yes" + body
    assert WRAPPER.compile_message(head % b"no" + body, text=True).parts[0].action == "wrapped"
