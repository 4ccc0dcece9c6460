"""The options that can differ from message to message, and their check."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict

from ._faults import Faults
from ._markup.encodings import codec_of_caller
from ._token.packing import MAX_ACCOUNT_ID, MAX_TIME, encode_context
from .account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from .errors import DomainError, OptionError

__all__ = ["MessageOptions"]

_DAY: Final = 86_400


class MessageOptions(TypedDict, total=False):
    """The options that can differ from message to message; the others are those of the wrapper."""

    account_id: str
    """In every token, at most 100 bytes of UTF-8."""
    tracking_domain: str | TrackingDomain
    """The host of the redirect URLs: a host name, or a `TrackingDomain` that is verified."""
    click_tracking: bool
    """Whether links are wrapped."""
    open_tracking: bool
    """Whether the open pixel is added."""
    initial_open: bool
    """Whether the initial-open pixel is added."""
    sent_at: datetime
    """The time of sending, with a time zone; now by default. Tokens hold it in whole seconds."""
    anonymous: bool
    """Whether the message is anonymous: its links and pixels are the same for all recipients of a day. They carry only
    the wrapper's `campaign_metadata`, and midnight UTC for the time. Unsubscribe URLs stay the recipient's own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one message, checked."""

    account_id: str = ""
    origin: str = DEFAULT_TRACKING_DOMAIN.origin
    host: str = DEFAULT_TRACKING_DOMAIN.host
    click_tracking: bool = True
    open_tracking: bool = True
    initial_open: bool = False
    sent_at: int | None = None
    """Seconds since 1970; None for the time of the call."""
    anonymous: bool = False


class Contexts(NamedTuple):
    """The CONTEXT parts of one message's tokens."""

    shared: str
    """For links and pixels; of an anonymous message, it names no recipient."""
    own: str
    """For unsubscribe URLs and links that are marked as such: it always names the recipient."""


def text_faults(name: str, text: object, encoding: object) -> Faults | None:
    """Return the faults of a document or text and its encoding, None for none."""
    if isinstance(text, (str, bytes)) and encoding is None:
        return None
    faults = Faults()
    if not isinstance(text, (str, bytes)):
        faults.wrong_type(name, "str or bytes", text)
    if not isinstance(encoding, str | None):
        faults.wrong_type("encoding", "str or None", encoding)
    elif encoding is not None:
        try:
            codec_of_caller(encoding)
        except OptionError as error:
            faults.wrong_value(str(error))
    return faults


def plain(text: Any) -> Any:
    """Return text without the methods of a subclass: markupsafe's would escape the URLs that are put into it."""
    return str.__str__(text) if isinstance(text, str) else text


def read_keys(keys: object, faults: Faults) -> tuple[str, ...]:
    """Return the keys of campaign metadata, each once; add a fault for what is no sequence of strings."""
    if isinstance(keys, Sequence) and not isinstance(keys, str) and all(isinstance(key, str) for key in keys):
        return tuple(dict.fromkeys(keys))
    faults.wrong_type("campaign_metadata", "a sequence of strings", keys)
    return ()


def apply_options(
    settings: Settings, options: Mapping[str, object], faults: Faults, metadata: Mapping[str, object] | None = None
) -> Settings:
    """Return settings changed by some options.

    The metadata is checked only if something else is wrong: else `encode_context` checks it, once.

    Raises:
        TypeError: There is no such option, or one is of the wrong type.
        OptionError: An option cannot be used.
        DomainError: Nothing is wrong but the tracking domain, which is not a host name, or not verified.

        The message lists all these faults, and those that `faults` already holds.
    """
    changes: dict[str, Any] = {}
    domain_fault = ""
    for name, value in options.items():
        if name not in MessageOptions.__optional_keys__:
            faults.unknown_keyword(name, MessageOptions.__optional_keys__)
        elif name == "tracking_domain":
            try:
                domain = _tracking_domain(value, faults)
                changes |= {"origin": domain.origin, "host": domain.host} if domain else {}
            except DomainError as error:
                domain_fault = str(error)
        elif name == "sent_at":
            if not isinstance(value, datetime):
                faults.wrong_type(name, "datetime", value)
            elif value.tzinfo is None:
                faults.wrong_value("sent_at must have a time zone, as datetime.now(UTC) has")
            else:
                changes[name] = int(value.timestamp())
                if not 0 <= changes[name] <= MAX_TIME:
                    faults.wrong_value("the time of sending must be from 1970 to 3058")
        elif name == "account_id":
            if not isinstance(value, str):
                faults.wrong_type(name, "str", value)
            elif len(value.encode("utf-8", "surrogatepass")) > MAX_ACCOUNT_ID:
                faults.wrong_value(f"the account id is longer than {MAX_ACCOUNT_ID} bytes of UTF-8")
            changes[name] = value
        elif isinstance(value, bool):
            changes[name] = value
        else:
            faults.wrong_type(name, "bool", value)
    if (faults or domain_fault) and isinstance(metadata, Mapping):
        try:
            encode_context("", 0, metadata)
        except (TypeError, OptionError) as error:
            faults.error(error)
    if domain_fault:
        if not faults:
            raise DomainError(domain_fault)
        faults.wrong_value(domain_fault)
    faults.raise_any()
    return replace(settings, **changes)


def encode_contexts(
    settings: Settings, metadata: Mapping[str, object] | None, campaign_metadata: Sequence[str]
) -> Contexts:
    """Return the CONTEXT parts of a message.

    Args:
        settings: Its options.
        metadata: Its metadata.
        campaign_metadata: The keys of it that an anonymous message carries, in their order there.

    Raises:
        TypeError: The metadata is not a mapping, or a key of it is not a string.
        OptionError: The metadata cannot be used.
    """
    sent_at = int(time.time()) if settings.sent_at is None else settings.sent_at
    own = encode_context(settings.account_id, sent_at, metadata)
    if not settings.anonymous:
        return Contexts(own, own)
    kept = {key: metadata[key] for key in campaign_metadata if key in metadata} if metadata else {}
    return Contexts(encode_context(settings.account_id, sent_at - sent_at % _DAY, kept, anonymous=True), own)


def _tracking_domain(value: object, faults: Faults) -> TrackingDomain | None:
    if isinstance(value, str):
        return TrackingDomain(value, verified=True)
    if not isinstance(value, TrackingDomain):
        faults.wrong_type("tracking_domain", "str or TrackingDomain", value)
        return None
    if not value.verified:
        reason = value.problem or "links on it can be dead"
        raise DomainError(f"the tracking domain {value.host} is not verified: {reason}")
    return value
