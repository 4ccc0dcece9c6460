"""Message objects for recipients: the same as deep copies, and independent of the template and of one another."""

import copy
import email
from email import policy
from email.charset import Charset
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.mail import METADATA, SENT_AT, WRAPPER
from linkwrap._mime.objects import copy_message

HTML = '<body><a href="https://shop.test/?a=1&amp;b=2">x</a></body>'


class Own(EmailMessage):
    """A message of a class with an attribute of its own."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.tags = ["a"]


class Slotted(EmailMessage):
    """A message whose attribute is in a slot."""

    __slots__ = ("tags",)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.tags = ["a"]


class Careful(EmailMessage):
    """A message that copies itself."""

    def __deepcopy__(self, memo: dict[int, object]) -> "Careful":
        copied = Careful()
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        copied["X-Copied"] = "yes"
        return copied


def modern(kind: type[EmailMessage] = EmailMessage) -> EmailMessage:
    """A message with headers of several kinds, two bodies and an attachment."""
    message = kind()
    message["Subject"] = "Grüße"
    message["From"] = "Shop <shop@acme.test>"
    message["To"] = "Ada <ada@example.test>, Bob <bob@example.test>"
    message["Date"] = SENT_AT
    message.set_content("Hello: https://shop.test/text\n")
    message.add_alternative(HTML, subtype="html")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="ü.pdf")
    return message


def legacy() -> Message:
    """A message of the older classes, with headers that can be changed."""
    message = MIMEMultipart("alternative")
    message["Subject"] = Header("Grüße", "utf-8")
    message.attach(MIMEText("Hello", "plain", Charset("utf-8")))  # type: ignore[arg-type]
    message.attach(MIMEText(HTML, "html", "utf-8"))
    message.preamble = "Not shown"
    message.tags = ["a"]  # type: ignore[attr-defined]
    return message


def parsed() -> Message:
    """A message from bytes, with a defect."""
    raw = modern().as_bytes().replace(b"\n\n", b"\nX-Long: " + b"x " * 60 + b"\n\n", 1)
    return email.message_from_bytes(raw[: raw.rindex(b"\n--")], policy=policy.default)


MESSAGES: dict[str, Any] = {
    "EmailMessage": modern,
    "legacy": legacy,
    "parsed": parsed,
    "subclass": lambda: modern(Own),
    "slots": lambda: modern(Slotted),
    "deepcopy of its own": lambda: modern(Careful),
}


def state(message: Any) -> object:
    """All that a message and its parts hold."""
    parts = list(message.walk())
    return (
        message.as_bytes(),
        [
            (
                type(part),
                part.items(),
                [repr(defect) for defect in part.defects],
                part.preamble,
                part.get_default_type(),
            )
            for part in parts
        ],
        [getattr(part, "tags", None) for part in parts],
    )


def change(message: Any) -> None:
    """Change all of a message that a caller can."""
    for part in message.walk():
        part["X-Changed"] = "yes"
        part.defects.append("changed")
        part.preamble = "changed"
        part.set_param("changed", "yes")
        if hasattr(part, "tags"):
            part.tags.append("changed")
        for value in part.values():
            if isinstance(value, Header):
                value.append("changed")
        if not part.is_multipart():
            part.set_payload("changed")
    message.get_payload().append(MIMEText("changed"))
    message.policy = policy.SMTP


@pytest.mark.parametrize("make", MESSAGES.values(), ids=MESSAGES)
def test_copy_is_a_deep_copy(make: Any) -> None:
    """A copy holds what a deep copy holds, and neither changes with the other."""
    message = make()
    before, deep = state(message), copy.deepcopy(message)
    copied = copy_message(message)
    assert state(copied) == state(deep)
    change(copied)
    assert state(message) == before
    again = copy_message(message)
    change(message)
    assert state(again) == state(deep)


@pytest.mark.parametrize("make", MESSAGES.values(), ids=MESSAGES)
def test_recipients_share_nothing(make: Any) -> None:
    """Who changes one result changes no other one, nor the template, nor the message that was compiled."""
    message = make()
    before = state(message)
    template = WRAPPER.compile_message(message)
    source = state(template.source)
    first, second = (WRAPPER.render(template, METADATA, sent_at=SENT_AT) for _ in range(2))
    expected = state(second)
    assert state(first) == expected
    change(first)
    assert state(second) == expected
    assert state(template.source) == source
    assert state(message) == before
    assert state(WRAPPER.render(template, METADATA, sent_at=SENT_AT)) == expected


def test_part_that_is_in_a_message_twice() -> None:
    """It is one object in a copy too, as in a deep copy."""
    message, part = MIMEMultipart(), MIMEText("x")
    message.attach(part)
    message.attach(part)
    message.first = part  # type: ignore[attr-defined]
    copied: Any = copy_message(message)
    one, two = copied.get_payload()
    assert one is two is copied.first
    assert one is not part


def test_large_attachment_is_not_copied() -> None:
    """The text of an attachment cannot be changed, so all recipients share it."""
    template = WRAPPER.compile_message(modern())
    one, two = (WRAPPER.render(template, METADATA).get_payload()[1].get_payload() for _ in range(2))
    assert one is two


names = st.sampled_from(["Subject", "To", "Date", "X-Any", "Content-Language", "Message-ID"])
headers = st.lists(st.tuples(names, st.text(st.characters(codec="latin-1"), max_size=30)), max_size=4)


@given(headers, st.booleans(), st.lists(st.booleans(), max_size=3))
def test_any_copy_is_a_deep_copy(fields: list[tuple[str, str]], modern_policy: bool, nested: list[bool]) -> None:
    """Of messages with any headers and nesting, each as `email` reads it."""
    lines = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in fields)
    body = f"Content-Type: text/html\n{lines}\n{HTML}\n"
    for number, alternative in enumerate(nested):
        kind = "alternative" if alternative else "mixed"
        body = f"{lines}Content-Type: multipart/{kind}; boundary=b{number}\n\n--b{number}\n{body}\n--b{number}--\n"
    read_by = policy.default if modern_policy else policy.compat32
    message = email.message_from_bytes(body.encode("latin-1"), policy=read_by)
    copied = copy_message(message)
    assert copied.as_bytes() == copy.deepcopy(message).as_bytes()
    copied["X-Changed"] = "yes"
    assert "X-Changed" not in message
