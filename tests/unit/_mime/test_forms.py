"""A message as bytes and as a message object is read in the same way, however odd its headers are."""

import base64
import email
import email.policy
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.mail import KEYS, METADATA, SENT_AT, WRAPPER
from linkwrap.testing import tracked_links, unwrap

POLICIES = [email.policy.default, email.policy.SMTP, email.policy.compat32]

HTML = '<p><a href="https://shop.test/?q=\xfc">Shop</a></p>'
TEXT = "Shop: https://shop.test/"
NAMES = ["Content-Type", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "DKIM-Signature", "X"]
SPACES = [":", ":", ": ", " : ", "\t:", ":\n "]
VALUES = {
    "Content-Type": [
        "text/html",
        "text/html; charset=utf-8",
        "text/html; charset=\xff",
        "text/html; name=\xff",
        "text/html\xff",
        "Text/HTML",
        "text/plain; charset=iso-8859-1",
        "multipart/mixed; boundary=b",
        'multipart/alternative; boundary="b"; x=\xff',
        "multipart/mixed; boundary=\xff",
        "multipart/mixed",
        "",
    ],
    "Content-Transfer-Encoding": ["7bit", "base64", "BASE64", "quoted-printable", "(c) base64", "", "(c)", "\xff"],
    "Content-Disposition": ["inline", "attachment", "attachment; filename=\xff", "inline; filename*=utf-8''%FC", ""],
    "DKIM-Signature": ["v=1; b=x"],
    "X": ["y", "\xff", "y\n folded", ""],
}
ODD = ["From a@acme.test Mon Jan 1", "From abcd", ">From a@acme.test Mon", ": y", " folded", "no colon", "\xff: y"]
PARTS = "--{0}\n{1}\n{2}\n--{0}\nContent-Type: text/html\n\n{2}\n--{0}--\n"

fields = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(SPACES), st.sampled_from(VALUES[name]), st.just("\n"))
)
blocks = st.lists(st.one_of(fields.map("".join), st.sampled_from(ODD).map("{}\n".format)), max_size=5).map("".join)
bodies = st.sampled_from(
    [HTML, TEXT, HTML.replace("=", "=3D"), base64.b64encode(HTML.encode()).decode(), "From abcd\n" + HTML]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message of a random header block, or of two parts, of which the first has one too."""
    body = draw(bodies)
    if draw(st.booleans()):
        body = PARTS.format(draw(st.sampled_from(["b", "\xff"])), draw(blocks), body)
    text = draw(blocks) + "\n" + body
    return (text.replace("\n", "\r\n") if draw(st.booleans()) else text).encode("latin-1")


def said(message: bytes | Message) -> list[object]:
    """What is found in a message, and done to it."""
    return [
        (
            part.content_type,
            part.action,
            part.reason,
            part.transfer_encoding,
            [(link.href, link.url, link.reason) for link in part.links],
        )
        for part in WRAPPER.compile_message(message, text=True).parts
    ]


@given(messages())
def test_every_form_of_a_message_is_read_in_one_way(raw: bytes) -> None:
    """Parts, actions, reasons and links are those of the bytes."""
    expected = said(raw)
    for policy in POLICIES:
        assert said(email.message_from_bytes(raw, policy=policy)) == expected


def reasons(raw: bytes) -> set[str | None]:
    """Why the parts of a message are kept, in all its forms, which come out as they went in if all are kept."""
    parsed = [email.message_from_bytes(raw, policy=policy) for policy in POLICIES]
    found = {part.reason for form in (raw, *parsed) for part in WRAPPER.compile_message(form).parts}
    if None not in found:
        assert WRAPPER.wrap_message(raw, METADATA) == raw
        for message in parsed:
            wrapped = WRAPPER.wrap_message(message, METADATA)
            assert [*wrapped.raw_items()] == [*message.raw_items()]
            assert wrapped.get_payload() == message.get_payload()
    return found


BODY = b"\n" + HTML.encode("latin-1")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"Content-Type: text/html\nContent-Type: text/html\n", None),
        (b"Content-Type: text/html\nContent-Type: text/plain\n", "malformed"),
        (b"Content-Type: text/plain\nContent-Type: text/html\n", "malformed"),
        (b"Content-Type: text/html; charset=utf-8\ncontent-type : text/html; charset=utf-7\n", "malformed"),
        (b"Content-Type: multipart/mixed; boundary=b\nContent-Type: text/html\n", "malformed"),
        (b"Content-Type: text/html\n" + b"Content-Transfer-Encoding: 8bit\n" * 3, None),
        (
            b"Content-Type: text/html\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n",
            "malformed",
        ),
        (b"Content-Type: text/html\nContent-Transfer-Encoding:\nContent-Transfer-Encoding: 7bit\n", "malformed"),
        (b"Content-Type: text/html\nContent-Disposition: inline\nContent-Disposition: attachment\n", "malformed"),
        (b"Content-Type: text/html\nSubject: a\nSubject: b\n", None),
        (b"Content-Type: text/html; charset=\xff\n", None),
        (b"Content-Type: text/html\nContent-Disposition: attachment; filename=\xff\n", "attachment"),
        (b"Content-Type: multipart/mixed; boundary=\xff\n", "malformed"),
        (b"From a@acme.test Mon Jan 1\nContent-Type: text/html\n", None),
        (b"Content-Type: text/html\nFrom a@acme.test Mon Jan 1\n", None),
        (b"Content-Type: text/html\nContent-Transfer-Encoding: base64\nFrom abcd\n", "transfer-encoding"),
        (b"Content-Type : text/html\n", None),
        (b"X : y\nContent-Type\t: text/html\nY : z\n", None),
        (b"DKIM-Signature : v=1; b=x\nContent-Type: text/html\n", "signed"),
        (b"Content-Type : text/html\nContent-Disposition : attachment\n", "attachment"),
    ],
)
def test_headers_that_mail_software_differs_about(headers: bytes, reason: str | None) -> None:
    """What most of it reads counts; where a change could damage what another one reads, the part is kept."""
    assert reasons(headers + BODY) == {reason}


def test_mbox_line_before_the_headers_is_kept() -> None:
    """It is neither a header nor text (RFC 4155)."""
    line = b"From a@acme.test Mon Jan 1\n"
    raw = b"Content-Type: text/html\n" + BODY
    wrapped = WRAPPER.wrap_message(raw, METADATA, sent_at=SENT_AT)
    assert WRAPPER.wrap_message(line + raw, METADATA, sent_at=SENT_AT) == line + wrapped
    parsed = WRAPPER.wrap_message(email.message_from_bytes(line + raw), METADATA, sent_at=SENT_AT)
    assert parsed.as_bytes(unixfrom=True) == line + wrapped


@pytest.mark.parametrize("separator", [b": ", b" : "])
def test_transfer_encoding_that_is_there_twice_is_changed_in_both_places(separator: bytes) -> None:
    """So that it does not matter which of them is read."""
    field = b"Content-Transfer-Encoding" + separator
    raw = field + b"7bit\nContent-Type: text/html\n" + field + b"7bit\nX: y\n\n" + b"<a href=http://shop.test/>" * 20
    wrapped = WRAPPER.wrap_message(raw, METADATA, sent_at=SENT_AT)
    head = wrapped.partition(b"\n\n")[0]
    assert head == raw.partition(b"\n\n")[0].replace(b"7bit", b"quoted-printable")
    again = WRAPPER.wrap_message(email.message_from_bytes(raw), METADATA, sent_at=SENT_AT)
    assert again.get_all("Content-Transfer-Encoding") == ["quoted-printable"]
    assert again.get_payload(decode=True) == email.message_from_bytes(wrapped).get_payload(decode=True) or b" :" in raw


MULTIPART = (
    b"X : y\nContent-Type: multipart/alternative; boundary=b\nSubject: x\n\n"
    b"--b\nContent-Type : text/plain\n\nShop\n--b\nContent-Type : text/html\n" + BODY + b"\n--b--\n"
)


@pytest.mark.parametrize("raw", [b"Content-Type : text/html\n" + BODY, MULTIPART])
@pytest.mark.parametrize("policy", POLICIES)
def test_headers_behind_a_space_are_headers_again(raw: bytes, policy: email.policy.Policy) -> None:
    """The standard library takes them for text; the message that comes out is that of the bytes, without the spaces."""
    parsed = email.message_from_bytes(raw, policy=policy)
    before = parsed.as_bytes()
    wrapped = WRAPPER.wrap_message(parsed, METADATA, sent_at=SENT_AT)
    assert parsed.as_bytes() == before
    assert type(wrapped) is type(parsed)
    expected = WRAPPER.wrap_message(raw.replace(b" :", b":"), METADATA, sent_at=SENT_AT)
    assert wrapped.as_bytes() == email.message_from_bytes(expected, policy=policy).as_bytes()
    received = email.message_from_bytes(WRAPPER.wrap_message(raw, METADATA), policy=policy)
    assert [link.click.url for link in tracked_links(received, KEYS)] == ["https://shop.test/?q=%C3%BC"]
    assert b"shop.test" in unwrap(received, KEYS).as_bytes()


def test_headers_behind_a_space_in_very_deep_parts() -> None:
    """Neither depth nor number of such headers makes it slow, or fails."""
    level = "X : y\nContent-Type: multipart/mixed; boundary=b{0}\n\n--b{0}\n"
    for heads in ("".join(map(level.format, range(3000))), "X : y\n" + level[6:].format(0) * 3000):
        parsed = email.message_from_string(heads + "Content-Type: text/html\n\n" + HTML)
        assert {part.action for part in WRAPPER.compile_message(parsed).parts} == {"kept"}


def test_unwrap_where_headers_of_another_part_stay_a_body() -> None:
    """A part that is too deep to be read does not keep redirect URLs in the other parts."""
    level = "X : y\nContent-Type: multipart/mixed; boundary=b{0}\n\n--b{0}\n"
    deep = "".join(map(level.format, range(60)))
    raw = f"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n{HTML}\n--b\n{deep}\n--b--\n"
    received = email.message_from_bytes(WRAPPER.wrap_message(raw.encode("latin-1"), METADATA))
    assert [link.click.url for link in tracked_links(received, KEYS)] == ["https://shop.test/?q=%C3%BC"]
    unwrapped = unwrap(received, KEYS)
    assert tracked_links(unwrapped, KEYS) == []
    assert "https://shop.test/" in unwrapped.as_string()
