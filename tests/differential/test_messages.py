"""Real messages, wrapped: only the bodies' links and pixels differ, and the standard library reads them as before."""

import base64
import email
import email.policy
import quopri
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.mail import METADATA, SENT_AT, WRAPPER, content, defects, leaves, parse, put_back
from linkwrap._mime.structure import read_bytes

SIGNATURES = (b"DKIM-Signature:", b"dkim-signature:", b"ARC-Message-Signature:", b"DomainKey-Signature:")
# Kept as they are: four are signed, in one a mailing list's footer stands behind the base64, and in one the transfer
# encoding has no name.
SIGNED = {"1366671050@github.com.eml", "issue-412.eml", "ctype-bug.raw.eml", "issue230.eml"}
KEPT = {"big5-base64.1.eml", "content_transfer_encoding_empty.eml"}
QUOTED = {"1366671050@github.com.eml", "m0015.eml"}


def messages(corpus: Path) -> Iterator[tuple[str, bytes]]:
    """Every message, by its name."""
    for path in sorted(corpus.rglob("*.eml")):
        yield path.name, path.read_bytes()


def unsigned(raw: bytes) -> bytes:
    """The message as it was before it was signed, so that it can be wrapped."""
    for name in SIGNATURES:
        raw = raw.replace(name, b"X-" + name)
    return raw


def test_signed_mail_is_kept_and_said_to_be(corpus: Path) -> None:
    """Mail with a signature comes out byte for byte, and each part says why."""
    found = set()
    for name, raw in messages(corpus):
        template = WRAPPER.compile_message(raw, text=True)
        if any(part.reason == "signed" for part in template.parts):
            found.add(name)
            assert all((part.action, part.reason) == ("kept", "signed") for part in template.parts)
            assert WRAPPER.render(template, METADATA) == raw
    assert found == SIGNED


def test_every_message(corpus: Path) -> None:
    """Bodies are the same with their URLs put back; all else is byte-identical; no defect is new; twice is once."""
    kept, quoted = set(), set()
    for name, signed in messages(corpus):
        raw = unsigned(signed)
        template = WRAPPER.compile_message(raw, text=True)
        wrapped = WRAPPER.render(template, METADATA)
        before, after = parse(raw), parse(wrapped)
        assert defects(after) == defects(before), name
        pairs = list(zip(template.parts, leaves(before), leaves(after), strict=True))
        rest, wrapped_rest = raw, wrapped
        for part, old, new in pairs:
            assert part.content_type == old.get_content_type() == new.get_content_type()
            old_body, new_body = (str(side.get_payload()).encode("latin-1") for side in (old, new))
            if part.action == "kept":
                assert part.links == ()
                assert new.as_string() == old.as_string(), name
                continue
            assert put_back(content(new), part) == content(old), (name, part)
            around, _, rest = rest.partition(old_body)
            wrapped_around, _, wrapped_rest = wrapped_rest.partition(new_body)
            if new["content-transfer-encoding"] != old["content-transfer-encoding"]:
                quoted.add(name)
                around = around.replace(
                    f"Encoding: {part.transfer_encoding}\n".encode(), b"Encoding: quoted-printable\n"
                )
                assert old["content-transfer-encoding"] in ("7bit", "8bit")
            assert around == wrapped_around, name
        assert rest == wrapped_rest, name
        if all(part.action == "kept" for part in template.parts):
            kept.add(name)
        assert WRAPPER.wrap_message(wrapped, METADATA, text=True) == wrapped, name
    assert (kept, quoted) == (KEPT, QUOTED)


@pytest.mark.parametrize("policy", [email.policy.compat32, email.policy.default], ids=["legacy", "modern"])
def test_message_objects_are_wrapped_alike(corpus: Path, policy: email.policy.Policy) -> None:
    """An `EmailMessage` and a legacy `Message` become what their bytes become, and stay as they were themselves."""
    compared = 0
    for name, signed in messages(corpus):
        raw = unsigned(signed)
        message = email.message_from_bytes(raw, policy=policy)
        if [part.get_content_type() for part in message.walk()] != [
            part.content_type for part in read_bytes(raw).walk()
        ]:
            continue  # a parser that finds other parts in two of them
        wrapped = WRAPPER.wrap_message(message, METADATA, text=True, sent_at=SENT_AT)
        expected = WRAPPER.wrap_message(raw, METADATA, text=True, sent_at=SENT_AT)
        assert type(wrapped) is type(message)
        assert wrapped.policy is message.policy
        assert wrapped.as_bytes() == email.message_from_bytes(expected, policy=policy).as_bytes(), name
        assert message.as_bytes() == email.message_from_bytes(raw, policy=policy).as_bytes(), name
        assert WRAPPER.wrap_message(wrapped, METADATA, text=True).as_bytes() == wrapped.as_bytes(), name
        compared += 1
    assert compared >= 20


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_every_body_of_the_corpus_as_a_message(
    corpus_bodies: list[tuple[str, bytes, str | None]], encoding: str
) -> None:
    """However a body is encoded, it keeps its content, and no line gets longer than mail allows."""
    quoted = 0
    for name, body, charset in corpus_bodies:
        encoded = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}.get(encoding, bytes)(body)
        head = f'Content-Type: text/html; charset="{charset or "utf-8"}"\nContent-Transfer-Encoding: {encoding}\n\n'
        raw = head.encode() + encoded
        template = WRAPPER.compile_message(raw)
        wrapped = WRAPPER.render(template, METADATA)
        (part,), new = template.parts, parse(wrapped)
        assert put_back(content(new), part) == content(parse(raw)), name
        assert max(map(len, wrapped.splitlines())) <= (998 if encoding == "8bit" else 78), name
        assert WRAPPER.wrap_message(wrapped, METADATA) == wrapped, name
        if new["content-transfer-encoding"] != encoding:
            quoted += 1
            assert encoding == "8bit"
    assert (quoted > 0) is (encoding == "8bit")
