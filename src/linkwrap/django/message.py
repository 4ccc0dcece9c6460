"""From a message to wrapped copies of it for the inner backend; the caller's own message is not changed.

HTML bodies and alternatives are wrapped, AMP ones without pixels, plain text where the setting `TEXT` is on.
Attachments and headers stay as they are.
"""

import logging
import traceback
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMessage

from .._blocks import message_options
from ..errors import OptionError
from . import conf

_log = logging.getLogger("linkwrap")


def prepare(message: EmailMessage, tracking_off: Mapping[str, object]) -> list[EmailMessage]:
    """Return the copies that the inner backend sends in place of `message`.

    A message whose content is a template of the mail service (`template_id`) has no content to wrap, and is returned
    as it is. A message with `merge_metadata` becomes one copy for each recipient where the setting `SPLIT` is on. Where
    wrapping fails, the copy stays unwrapped and the failure is logged.

    Args:
        message: The message; it is not changed.
        tracking_off: The attributes that each copy gets, so that the mail service does not track it too.

    Raises:
        OptionError: It has `merge_metadata` and several recipients, and `SPLIT` is off.
        Exception: The error of a failed wrap, where the setting `RAISE_ERRORS` is on.
    """
    if _given(message, "template_id") is not None:
        return [message]
    merge_metadata = _given(message, "merge_metadata")
    if not merge_metadata or len(_recipients(message)) < 2:
        copies = [_copy(message)]
    elif conf.value("SPLIT"):
        copies = list(_split(message))
    else:
        raise OptionError(
            "merge_metadata with several recipients: links of one message have one metadata. Send a message to each "
            "recipient, or set LINKWRAP['SPLIT'] = True"
        )
    for made in copies:
        try:
            _wrap(made, merge_metadata or {})
        except Exception as error:
            if conf.value("RAISE_ERRORS"):
                raise
            # Not the exception's text: it may quote a URL or metadata.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "a message goes out unwrapped: %s at %s:%s; with LINKWRAP['RAISE_ERRORS'] it is raised instead",
                type(error).__name__,
                place.filename,
                place.lineno,
            )
        vars(made).update(tracking_off)
    return copies


def _given(message: EmailMessage, name: str) -> Any:
    """Return an attribute, or None where there is none; django-anymail's UNSET is a class."""
    value = getattr(message, name, None)
    return None if isinstance(value, type) else value


def _copy(message: EmailMessage) -> EmailMessage:
    """Return a copy that can be changed without changing the message."""
    made = copy(message)
    for name, value in vars(made).items():
        if isinstance(value, list | dict):
            setattr(made, name, copy(value))
    return made


def _recipients(message: EmailMessage) -> list[str]:
    return [*message.to, *message.cc, *message.bcc]


def _split(message: EmailMessage) -> Iterator[EmailMessage]:
    for field in ("to", "cc", "bcc"):
        for recipient in getattr(message, field):
            made = _copy(message)
            made.to, made.cc, made.bcc = [], [], []
            setattr(made, field, [recipient])
            yield made


def _wrap(message: EmailMessage, merge_metadata: Mapping[str, Mapping[str, Any]]) -> None:
    config = conf.load()
    wrapper, text = config.wrapper, config.text
    options = {"sent_at": datetime.now(UTC), **message_options(_given(message, "linkwrap"), "the message's linkwrap")}
    metadata = options.pop("metadata", None)
    if (own := _given(message, "metadata")) is not None:
        metadata = own
    options = conf.with_tracking_domain(options, parseaddr(message.from_email)[1])
    recipients = _recipients(message)
    if merge_metadata and len(recipients) == 1:
        merged = {address.lower(): own for address, own in merge_metadata.items()}
        metadata = {**(metadata or {}), **merged.get(parseaddr(recipients[0])[1].lower(), {})}
    for attribute, option in (("track_clicks", "click_tracking"), ("track_opens", "open_tracking")):
        if (wanted := _given(message, attribute)) is not None:
            options[option] = bool(wanted)
    if options.get("open_tracking") is False:
        options["initial_open"] = False

    def wrapped(content: Any, mimetype: str) -> Any:
        kind = mimetype.partition(";")[0].strip().lower()
        if not isinstance(content, bytes):
            content = str.__str__(str(content))
        if not content:
            return content
        if kind == "text/html":
            return wrapper.wrap(content, metadata, **options)
        if kind == "text/x-amp-html":
            return wrapper.wrap(content, metadata, **{**options, "open_tracking": False, "initial_open": False})
        if kind == "text/plain" and text:
            return wrapper.wrap_text(content, metadata, **options)
        return content

    # All or nothing: a failure halfway must leave the message as it was.
    body = wrapped(message.body, f"text/{message.content_subtype}")
    alternatives = [_with_content(one, wrapped(*one)) for one in getattr(message, "alternatives", ())]
    message.body = body
    if alternatives:
        vars(message)["alternatives"] = alternatives


def _with_content(alternative: Any, content: Any) -> Any:
    """Return the alternative with another content: a plain tuple before Django 5.2, a named one since."""
    return alternative._replace(content=content) if hasattr(alternative, "_replace") else (content, alternative[1])
