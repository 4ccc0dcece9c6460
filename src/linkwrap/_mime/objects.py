"""`email` message objects: copies, the octets of their text, and headers that the standard library took for a body.

From a header with a space before its colon on (RFC 5322, 4.5), its parser takes all headers for the start of the body.
Other mail software reads them, and so the same message as bytes has them.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from email.errors import MissingHeaderBodySeparatorDefect
from email.message import Message
from email.parser import Parser
from itertools import islice
from typing import Any, Final

from .unsubscribe import ListUnsubscribe

MAX_DEPTH: Final = 50
"""How deep multiparts can be nested."""

_CONSTANT_MODULES = frozenset(("builtins", "email.headerregistry", ListUnsubscribe.__module__))

_SPACE = re.compile(r"^([!-9;-~]++)[\t ]++(?=:)", re.ASCII | re.MULTILINE)
_BEHIND_SPACE = re.compile(r"(?:From [^\r\n]*+(?:\r\n|\n|\r))?+[!-9;-~]++[\t ]++:", re.ASCII)
_MULTIPART = re.compile("multipart/", re.ASCII | re.IGNORECASE)
_LINE_END = re.compile(r"\A(?:\r\n|\n|\r)")
_HEADERS = re.compile(r"(?:(?:From |[!-9;-~]*+[\t ]*+:|[\t ])[^\r\n]*+(?:\r\n|\n|\r|\Z))*+", re.ASCII)


def octets(text: str) -> tuple[bytes, bool]:
    """Return the bytes of a text in which surrogates stand for bytes that are not ASCII, and False.

    For a text of other characters, which mail has in UTF-8 only (RFC 6532), return it in UTF-8, and True.
    """
    try:
        return text.encode("ascii", "surrogateescape"), False
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass"), True


def copy_message(message: "Message[Any, Any]") -> "Message[Any, Any]":
    """Return a copy of a message that shares nothing with it that can be changed, but for the policies of its parts.

    It is what `deepcopy` makes, in a fraction of the time: the values of headers can be large objects, and are shared.
    """
    found = [part for part, _ in _walk(message)]
    memo: dict[int, Any] = {id(part.policy): part.policy for part in found}
    for part in found:
        for field in vars(part).get("_headers", ()):
            if type(field) is tuple and all(type(text) is str or _is_constant(type(text)) for text in field):
                memo[id(field)] = field
    # From the innermost part on, so that the depth of a copy is not that of the message.
    for part in reversed(found):
        if id(part) in memo or not type(part).__module__.startswith("email."):
            deepcopy(part, memo)
            continue
        # A class of the standard library has no ways of its own to be copied.
        memo[id(part)] = copied = object.__new__(type(part))
        for name, value in vars(part).items():
            vars(copied)[name] = value if value is None or type(value) is str else deepcopy(value, memo)
    return deepcopy(message, memo)


def _is_constant(kind: type) -> bool:
    """Tell whether a header's value of this type, which the standard library makes for each header, cannot change."""
    return issubclass(kind, str) and all(base.__module__ in _CONSTANT_MODULES for base in kind.__mro__)


def with_headers(message: "Message[Any, Any]") -> "Message[Any, Any]":
    """Return the message, or where the standard library took headers for a body, a copy that has them as headers."""
    if not any(misses_headers(part) for part, _ in _walk(message)):
        return message
    message = copy_message(message)
    for part, depth in _walk(message):
        if depth < MAX_DEPTH and misses_headers(part):
            _move_headers(part)
    return message


def misses_headers(part: "Message[Any, Any]") -> bool:
    """Tell whether the standard library took headers for the start of the body."""
    missing = any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in part.defects)
    return missing and _BEHIND_SPACE.match(_body(part)) is not None


def _move_headers(part: "Message[Any, Any]") -> None:
    body = _body(part)
    end = _HEADERS.match(body).end()  # type: ignore[union-attr]  # it matches anything
    before = [f"{name}: {value}\n" for name, value in part.raw_items()]
    head, rest = "".join([*before, _SPACE.sub(r"\1", body[:end])]), body[end:]
    if not isinstance(vars(part)["_payload"], str):
        parsed = Parser(policy=part.policy).parsestr(head, headersonly=True)
        part.preamble = (rest and _LINE_END.sub("", rest, count=1)) or None
        names = ["_headers", "defects"]
    else:
        # The parser takes quadratic time for multiparts in one another.
        if sum(1 for _ in islice(_MULTIPART.finditer(rest), MAX_DEPTH)) == MAX_DEPTH:
            return
        try:
            parsed = Parser(policy=part.policy).parsestr(head + rest)
        except RecursionError:
            return
        names = ["_headers", "_payload", "preamble", "epilogue", "defects"]
    for name in names:
        setattr(part, name, getattr(parsed, name))


def _body(part: "Message[Any, Any]") -> str:
    """Return the payload of a part, or what is before the parts that it has."""
    payload = vars(part).get("_payload")
    return payload if isinstance(payload, str) else part.preamble or ""


def _walk(message: Any) -> Iterator[tuple[Any, int]]:
    """Yield a message and each part below once, the outer before the inner ones, with its depth."""
    found: set[int] = set()
    parts = [(message, 0)]
    while parts:
        part, depth = parts.pop()
        if hasattr(part, "policy") and id(part) not in found:
            found.add(id(part))
            yield part, depth
            payload = vars(part).get("_payload")
            parts += [(child, depth + 1) for child in payload] if isinstance(payload, list) else []
