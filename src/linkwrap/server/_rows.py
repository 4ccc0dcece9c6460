"""Events as rows of the store: their values, and the conditions that say which are meant."""

import json
from operator import attrgetter
from typing import Final, TypedDict

from ..events import FIELDS, Event, EventType
from ._database import Row

Pair = tuple[str, str]
"""A key of the metadata and its value as text."""

TEXT: Final = "CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"
"""The value that `json_each` has, as it is written in a `Pair`."""
_PAIR: Final = f"EXISTS (SELECT 1 FROM json_each(rcpt_meta) WHERE key = ? AND {TEXT} = ?)"  # noqa: S608


class Conditions(TypedDict, total=False):
    """The keyword arguments that say which events are meant; `Store.events` explains them."""

    since: int | None
    until: int | None
    account_id: str | None
    event_type: EventType | None
    where: Pair | None


_fields: Final = attrgetter(*FIELDS)
_META: Final = FIELDS.index("rcpt_meta")
_REASONS: Final = FIELDS.index("visitor_reasons")
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row(event: Event) -> Row:
    """Return the values of an event's row, for `Store.add_rows`."""
    values = [*_fields(event), None]
    values[_META] = _encode(values[_META])
    values[_REASONS] = _encode(values[_REASONS]) if values[_REASONS] else "[]"
    return tuple(values)


def as_sql(
    since: int | None = None,
    until: int | None = None,
    account_id: str | None = None,
    event_type: EventType | None = None,
    where: Pair | None = None,
) -> tuple[str, list[object]]:
    """Return what to write behind WHERE, beginning with AND, and its values."""
    text, values = "", list[object]()
    for condition, value in (
        ("timestamp >= ?", since),
        ("timestamp < ?", until),
        ("account_id = ?", account_id),
        ("type = ?", event_type),
    ):
        if value is not None:
            text, values = f"{text} AND {condition}", [*values, value]
    if where is not None:
        text, values = f"{text} AND {_PAIR}", [*values, *where]
    return text, values
