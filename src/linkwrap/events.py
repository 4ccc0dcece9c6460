"""Events: what a reader, or a machine, did with a mail. An event is made once, when the request is decided."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, Literal, get_args

from ._faults import Faults
from ._token.packing import MAX_ACCOUNT_ID, MAX_METADATA
from .errors import OptionError
from .link import MAX_DESTINATION, MAX_LINK_NAME, Part

EventType = Literal["click", "open", "initial_open", "link_unsubscribe", "list_unsubscribe"]
Visitor = Literal["person", "image-proxy", "privacy-proxy", "scanner", "prefetch", "preview", "unknown"]

SCHEMA: Final = 1
"""The version of the fields of an event."""
MACHINES: Final[tuple[Visitor, ...]] = ("privacy-proxy", "scanner", "prefetch", "preview")
"""The visitors behind whom nobody has seen or clicked anything; an image proxy loads for a person."""
MAX_TIMESTAMP: Final = 253_402_300_799
"""The last second of the year 9999."""

# Controls (C0, DEL, C1), what else ends a line in JavaScript and in logs, and lone surrogates, which are no UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One click, open or unsubscribe, with SparkPost's names for its fields. Times are whole seconds since 1970, UTC.

    All strings, those of the metadata too, are valid UTF-8 without controls and line breaks: U+FFFD stands for each
    character that was not.

    Attributes:
        schema: The version of these fields.
        event_id: Unique, made once: whoever gets an event twice knows it by this.
        type: "click", "open", "initial_open" (the pixel at the top), "link_unsubscribe" (a click on a link that is
            marked so: nobody consented to anything) or "list_unsubscribe" (a reader pressed the mail service's button).
        timestamp: When the request came.
        account_id: The account that sent the message; empty if it named none.
        tracking_domain: The host of the redirect URL.
        target_link_url: The destination; None for opens and one-click unsubscribes.
        target_link_name: The link name, or None.
        target_link_part: The body that the link or pixel is in: "html", "text", "amp", or "url" for a link made by
            `wrap_url`. None for one-click unsubscribes.
        target_link_index: The link's place among the links of that body, from 0; None if it is not known.
        rcpt_meta: The metadata of the message.
        sent_at: When the message was sent.
        expired: The message is older than the resolver's `max_age`.
        anonymous: The message was sent so that its events name no recipient.
        visitor: Who sent the request, as far as it can be told: "person", "image-proxy" (loads images when a person
            opens the mail), "privacy-proxy" (loads them without one), "scanner", "prefetch", "preview" or "unknown".
        visitor_reasons: The signs that decided on the visitor.
        ip_address: The visitor's address, as far as it is kept, or None.
        user_agent: The `User-Agent` header, or None.
        repeated: How many requests the event stands for. It is more than one where one link or pixel is requested so
            often that the redirect server counts further requests in one event; the other fields are then those of the
            first of them.
    """

    schema: int = SCHEMA
    event_id: str
    type: EventType
    timestamp: int
    account_id: str
    tracking_domain: str
    target_link_url: str | None = None
    target_link_name: str | None = None
    target_link_part: Part | None = None
    target_link_index: int | None = None
    rcpt_meta: dict[str, Any] = field(default_factory=dict)
    sent_at: int
    expired: bool = False
    anonymous: bool = False
    visitor: Visitor = "unknown"
    visitor_reasons: tuple[str, ...] = ()
    ip_address: str | None = None
    user_agent: str | None = None
    repeated: int = 1

    def __post_init__(self) -> None:
        together = "".join(filter(None, _strings(self)))
        if _clean(together) is not together:  # seldom; one look at all of them takes less time than one at each
            for name in _STRINGS:
                if text := getattr(self, name):
                    object.__setattr__(self, name, _clean(text))
        if (metadata := _clean_json(self.rcpt_meta)) is not self.rcpt_meta:
            object.__setattr__(self, "rcpt_meta", metadata)
        if self.visitor_reasons:
            object.__setattr__(self, "visitor_reasons", tuple(map(_clean, self.visitor_reasons)))

    @property
    def machine(self) -> bool:
        """Whether no person stands behind the request: a privacy proxy, a scanner, a prefetch or a preview."""
        return self.visitor in MACHINES

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and `machine`, ready for JSON."""
        values: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        return values | {"visitor_reasons": list(self.visitor_reasons), "machine": self.machine}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Event":
        """Return the event that `as_dict` made `values` of. Fields that have a default may be missing.

        Raises:
            TypeError: `values` is no mapping, or a value is of the wrong type. The message names the fields only.
            OptionError: A value cannot be an event's: a string too long, an unknown type, a newer schema.
        """
        faults = Faults()
        if not isinstance(values, Mapping):
            faults.wrong_type("an event", "a mapping", values)
            faults.raise_any()
        if "schema" in values and values["schema"] != SCHEMA:
            faults.wrong_value(f"the event's schema is not {SCHEMA}: another version of linkwrap made it")
            faults.raise_any()
        if missing := [name for name in _REQUIRED if name not in values]:
            faults.wrong_value(f"the event has no {', no '.join(missing)}")
        if unknown := len(values.keys() - {*FIELDS, "machine"}):
            faults.wrong_value(f"the event has {unknown} unknown field{'s' * (unknown > 1)}")
        for name in FIELDS:
            if name in values:
                _check_field(faults, name, values[name])
        faults.raise_any()
        known: dict[str, Any] = {name: values[name] for name in FIELDS if name in values}
        try:
            return cls(**known | {"visitor_reasons": tuple(known.get("visitor_reasons", ()))})
        except RecursionError:
            raise OptionError("rcpt_meta is nested too deep") from None

    def as_sparkpost(self) -> dict[str, Any]:
        """Return the event as an element of the list that SparkPost's webhooks post: `{"msys": {…}}`.

        Events of the AMP body are `amp_click`, `amp_open` and `amp_initial_open`. The account id is the `customer_id`;
        `message_id` and `campaign_id` of the metadata are also where SparkPost has them. A machine is `is_prefetched`.
        """
        amp = "amp_" if self.target_link_part == "amp" and self.type in ("click", "open", "initial_open") else ""
        kind = "unsubscribe_event" if self.type.endswith("unsubscribe") else "track_event"
        event: dict[str, Any] = {
            "type": f"{amp}{self.type}",
            "event_id": self.event_id,
            "timestamp": str(self.timestamp),
            "injection_time": f"{datetime.fromtimestamp(self.sent_at, UTC):%Y-%m-%dT%H:%M:%S.000Z}",
            "customer_id": self.account_id,
            "rcpt_meta": self.rcpt_meta,
            "user_agent_parsed": {
                "is_proxy": self.visitor in ("image-proxy", "privacy-proxy"),
                "is_prefetched": self.machine,
            },
        }
        optional = {
            "campaign_id": self._metadata_text("campaign_id"),
            "message_id": self._metadata_text("message_id"),
            "target_link_url": self.target_link_url,
            "target_link_name": self.target_link_name,
            "ip_address": self.ip_address,
            "user_agent": self.user_agent,
        }
        return {"msys": {kind: event | {name: text for name, text in optional.items() if text is not None}}}

    def as_anymail(self) -> Any:
        """Return the event as an `anymail.signals.AnymailTrackingEvent`, for receivers of django-anymail's `tracking`.

        Clicks are "clicked", also those on links that are marked as unsubscribe links: a scanner may have opened them.
        Only one-click unsubscribes are "unsubscribed". Opens are "opened"; initial opens are "unknown", as
        django-anymail has SparkPost's, so that one reading is not two. `message_id` and the tag `campaign_id` are those
        of the metadata; `esp_event` is `as_dict()`.

        Raises:
            ModuleNotFoundError: django-anymail is not installed; the message names the extra.
        """
        try:
            from anymail.signals import AnymailTrackingEvent  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("anymail", "django"):
                raise
            message = (
                "django-anymail is not installed: as_anymail needs pip install '.[anymail]' in a clone of linkwrap"
            )
            raise ModuleNotFoundError(message, name="anymail") from None
        campaign = self._metadata_text("campaign_id")
        return AnymailTrackingEvent(
            event_type=_ANYMAIL[self.type],
            timestamp=datetime.fromtimestamp(self.timestamp, UTC),
            event_id=self.event_id,
            message_id=self._metadata_text("message_id"),
            metadata=self.rcpt_meta,
            tags=[] if campaign is None else [campaign],
            click_url=self.target_link_url,
            user_agent=self.user_agent,
            esp_event=self.as_dict(),
        )

    def _metadata_text(self, key: str) -> str | None:
        value = self.rcpt_meta.get(key)
        return value if isinstance(value, str) else None


FIELDS: Final[tuple[str, ...]] = tuple(field.name for field in fields(Event))
"""The names of an event's fields, in their order."""

_ANYMAIL: Final[dict[EventType, str]] = {
    "click": "clicked",
    "open": "opened",
    "initial_open": "unknown",
    "link_unsubscribe": "clicked",
    "list_unsubscribe": "unsubscribed",
}
_REQUIRED: Final = ("event_id", "type", "timestamp", "account_id", "tracking_domain", "sent_at")
# Bytes of UTF-8 that the strings of an event can have; a replaced control may take three in place of one.
_LIMITS: Final[dict[str, int]] = {
    "event_id": 64,
    "account_id": 3 * MAX_ACCOUNT_ID,
    "tracking_domain": 300,
    "target_link_url": 3 * MAX_DESTINATION,
    "target_link_name": 3 * MAX_LINK_NAME,
    "ip_address": 192,
    "user_agent": 4 * 512,
}
_STRINGS: Final = tuple(_LIMITS)
_strings: Final = attrgetter(*_STRINGS)
_OPTIONAL: Final = ("target_link_url", "target_link_name", "ip_address", "user_agent")
_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "type": get_args(EventType),
    "target_link_part": (*get_args(Part), None),
    "visitor": get_args(Visitor),
}
_TIMES: Final = ("timestamp", "sent_at")
_MAX_INDEX: Final = 1_000_000
_MAX_REPEATED: Final = 1_000_000_000
_MAX_REASONS: Final = 32
_MAX_REASON: Final = 200


def _clean(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def _clean_json(value: Any) -> Any:
    """Return a value of JSON with its strings cleaned: itself if there is nothing to clean.

    Loops, in place of comprehensions, take one frame a level: the deepest metadata that fits into a token has 500.
    """
    if isinstance(value, str):
        return _clean(value)
    same = True
    if isinstance(value, list):
        items = []
        for inner in value:
            items.append(item := _clean_json(inner))
            same = same and item is inner
        return value if same else items
    if isinstance(value, dict):
        pairs = {}
        for key, inner in value.items():
            pairs[name := _clean(key)] = item = _clean_json(inner)
            same = same and item is inner and name is key
        return value if same else pairs
    return value


def _check_field(faults: Faults, name: str, value: object) -> None:
    """Add what is wrong with a field of an event that was read, without its value."""
    if name in _LIMITS:
        if value is None and name in _OPTIONAL:
            return
        if not isinstance(value, str):
            faults.wrong_type(name, "str or None" if name in _OPTIONAL else "str", value)
        elif len(value.encode("utf-8", "replace")) > _LIMITS[name] or (name == "event_id" and not value):
            faults.wrong_value(f"{name} must have at most {_LIMITS[name]} bytes" + " and one" * (name == "event_id"))
    elif name in _CHOICES:
        if not isinstance(value, (str, type(None))) or value not in _CHOICES[name]:
            faults.wrong_value(f"{name} must be one of {', '.join(map(str, _CHOICES[name]))}")
    elif name in _TIMES:
        _check_int(faults, name, value, MAX_TIMESTAMP)
    elif name == "target_link_index":
        if value is not None:
            _check_int(faults, name, value, _MAX_INDEX)
    elif name == "repeated":
        _check_int(faults, name, value, _MAX_REPEATED, least=1)
    elif name in ("expired", "anonymous"):
        if not isinstance(value, bool):
            faults.wrong_type(name, "bool", value)
    elif name == "visitor_reasons":
        if not isinstance(value, (list, tuple)) or not all(isinstance(reason, str) for reason in value):
            faults.wrong_type(name, "a list of strings", value, "another value")
        elif len(value) > _MAX_REASONS or any(len(reason) > _MAX_REASON for reason in value):
            faults.wrong_value(f"{name} must be at most {_MAX_REASONS} strings of at most {_MAX_REASON} characters")
    elif name == "rcpt_meta":
        _check_metadata(faults, value)


def _check_int(faults: Faults, name: str, value: object, limit: int, least: int = 0) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        faults.wrong_type(name, "int", value)
    elif not least <= value <= limit:
        faults.wrong_value(f"{name} must be {least} to {limit}")


def _check_metadata(faults: Faults, value: object) -> None:
    limit = 3 * MAX_METADATA
    if not isinstance(value, dict):
        faults.wrong_type("rcpt_meta", "a dict", value)
        return
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except TypeError:
        faults.wrong_type("rcpt_meta", "a dict of what JSON has", value, "one with another value")
        return
    except (ValueError, RecursionError):
        faults.wrong_value("rcpt_meta must be a dict of what JSON has, not too deep, without NaN")
        return
    if len(text) > limit or len(text.encode("utf-8", "replace")) > limit:
        faults.wrong_value(f"rcpt_meta must have at most {limit} bytes as JSON")
    elif not all(isinstance(key, str) for key in value):
        faults.wrong_type("each key of rcpt_meta", "str", value, "another value")
