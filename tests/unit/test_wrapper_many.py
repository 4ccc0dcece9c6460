"""`LinkWrapper.render_many`: the documents of many recipients are those of `render`."""

import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from helpers.paths import TESTS
from linkwrap import LinkTemplate, LinkWrapper, MessageTemplate, OptionError, Resolver, SigningKeys, TrackingDomain
from linkwrap.options import MessageOptions

KEYS = SigningKeys("a key for the tests of many recipients")
RESOLVER = Resolver(KEYS)
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
SENT_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS: list[Mapping[str, Any] | None] = [{"rcpt": "r-1"}, {"rcpt": "Ünï", "n": [1, None]}, {}, None, {"rcpt": "r-1"}]
MAIL = '<body><p><a href="https://shop.test/sale">Sale</a> <a href="#top">Top</a></p></body>'
LEAVE = '<a href="https://shop.test/">Shop</a> <a data-msys-unsubscribe="1" href="https://shop.test/leave">Leave</a>'
OPTIONS: list[MessageOptions] = [
    {},
    {"click_tracking": False},
    {"open_tracking": False},
    {"initial_open": True},
    {"click_tracking": False, "initial_open": True},
    {"click_tracking": False, "open_tracking": False},
    {"anonymous": True, "initial_open": True},
    {"account_id": "another", "tracking_domain": TrackingDomain("t.test", secure=False, verified=True)},
]
MESSAGE = (
    b"From: a@acme.test\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
    b"--b\nContent-Type: text/plain\n\nsee https://shop.test/\n"
    b"--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    b'<p><a href=3D"https://shop.test/sale">Sale =E2=9C=93</a>\n'
    b"--b--\n"
)


def templates() -> Iterator[LinkTemplate[Any]]:
    """A template of each kind, and of the tests' emails."""
    for path in sorted(TESTS.glob("emails/*/input.html")):
        yield WRAPPER.compile(path.read_bytes())
    yield WRAPPER.compile(MAIL)
    yield WRAPPER.compile(LEAVE)
    yield WRAPPER.compile(MAIL.encode("utf-16"))
    yield WRAPPER.compile(WRAPPER.wrap(MAIL))  # has a pixel of the account already
    yield WRAPPER.compile("<html amp4email><body><a href=https://shop.test>Shop</a></body></html>")
    yield WRAPPER.compile_text("see https://shop.test/[[data-msys-sublink=x]] and https://b.test")
    yield WRAPPER.compile_text(b"no link")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_documents_are_those_of_render(options: MessageOptions) -> None:
    """Whatever the document and the options, each recipient gets the same bytes as by `render`."""
    for template in templates():
        expected = [WRAPPER.render(template, row, sent_at=SENT_AT, **options) for row in ROWS]
        assert list(WRAPPER.render_many(template, ROWS, sent_at=SENT_AT, **options)) == expected


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_messages_are_those_of_render(options: MessageOptions) -> None:
    """The same for messages, as bytes and as objects."""
    template = WRAPPER.compile_message(MESSAGE, text=True)
    expected = [WRAPPER.render(template, row, sent_at=SENT_AT, **options) for row in ROWS]
    assert list(WRAPPER.render_many(template, ROWS, sent_at=SENT_AT, **options)) == expected
    message = message_from_bytes(MESSAGE, policy=policy.default)
    assert isinstance(message, EmailMessage)
    objects: MessageTemplate[EmailMessage] = WRAPPER.compile_message(message, text=True)
    found = [*WRAPPER.render_many(objects, ROWS, sent_at=SENT_AT, **options)]
    assert len({id(one) for one in found}) == len(ROWS)
    assert [one.as_bytes() for one in found] == [
        WRAPPER.render(objects, row, sent_at=SENT_AT, **options).as_bytes() for row in ROWS
    ]


def test_rows_are_read_when_their_documents_are_asked_for() -> None:
    """Recipients may come from a stream without an end, and without `sent_at` each has a time of its own."""
    read = []

    def rows() -> Iterator[dict[str, str]]:
        while True:
            read.append(f"r-{len(read)}")
            yield {"rcpt": read[-1]}

    documents = WRAPPER.render_many(WRAPPER.compile(MAIL), rows())
    assert read == []
    before = int(datetime.now(UTC).timestamp())
    (url,) = re.findall('href="(https://click.*?)"', next(documents))
    assert read == ["r-0"]
    found = RESOLVER.resolve_click(url)
    assert found.metadata == {"rcpt": "r-0"}
    assert before <= found.sent_at.timestamp() <= datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (["rcpt", "secret-7"], TypeError),
        ({"rcpt": object()}, OptionError),
        ({7: "secret-7"}, TypeError),
        ({"rcpt": "secret-7" * 200}, OptionError),
    ],
    ids=["a list", "no JSON", "a key that is no string", "too long"],
)
def test_bad_row_is_named_and_the_next_one_follows(row: Any, error: type[Exception]) -> None:
    """An error of a row comes at that row, with its number and without what it holds; the others are not lost."""
    documents = WRAPPER.render_many(WRAPPER.compile(MAIL), [{"rcpt": "r-0"}, row, {"rcpt": "r-2"}], sent_at=SENT_AT)
    next(documents)
    with pytest.raises(error, match=r"^rows\[1\]: ") as caught:
        next(documents)
    assert "secret-7" not in "".join(traceback.format_exception(caught.value))
    assert [*documents] == [WRAPPER.wrap(MAIL, {"rcpt": "r-2"}, sent_at=SENT_AT)]


def test_wrong_arguments_are_told_at_once() -> None:
    """No row is read for them, and one message lists all."""
    template: Any = WRAPPER.compile(MAIL)
    with pytest.raises(TypeError, match=r"template must be .*; rows must be an iterable of mappings, not dict"):
        WRAPPER.render_many(MAIL, {"rcpt": "r-1"})  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="there is no option 'sent'"):
        WRAPPER.render_many(template, [], sent=SENT_AT)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="time zone"):
        WRAPPER.render_many(template, [], sent_at=datetime(2026, 1, 2))  # noqa: DTZ001
