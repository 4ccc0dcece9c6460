"""The email backend: it wraps every message, then passes it to the backend that sends."""

import sys
from collections.abc import Iterable
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from . import conf
from .message import prepare


class EmailBackend(BaseEmailBackend):
    """Wraps each message as the setting `LINKWRAP` says, and sends it by its `INNER_BACKEND`.

    As with django-anymail, a message can have the attributes `track_clicks` and `track_opens` (True or False; unset or
    None is the setting's value) and `metadata`. Its attribute `linkwrap`, a mapping, holds other options of
    `LinkWrapper.render`, such as `tracking_domain`. All recipients of a message share its links.

    The inner backend gets copies, with its own tracking turned off; their `anymail_status` is copied to the message.

    Args:
        fail_silently: Passed to the inner backend.
        inner_backend: The dotted path of an inner backend in place of the setting's, for Django 6.1's `MAILERS`.
        options: Passed to the inner backend.
    """

    def __init__(self, fail_silently: bool = False, *, inner_backend: str | None = None, **options: Any) -> None:
        super().__init__(**({"alias": options["alias"]} if "alias" in options else {}))
        self.fail_silently = fail_silently
        if fail_silently:
            options["fail_silently"] = True
        self.inner: BaseEmailBackend = conf.inner_backend(inner_backend)(**options)

    def open(self) -> bool | None:
        """Open the inner backend's connection."""
        return self.inner.open()

    def close(self) -> None:
        """Close the inner backend's connection."""
        self.inner.close()

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Wrap the messages, send them, and return how many were sent; an error of one is raised before any is sent."""
        messages = list(email_messages or ())
        off = {name: _off(self.inner, name) for name in ("track_clicks", "track_opens")}
        prepared = [prepare(message, off) for message in messages]
        try:
            return self.inner.send_messages([made for copies in prepared for made in copies])
        finally:
            for message, copies in zip(messages, prepared, strict=True):
                _hand_back_status(message, copies)


def _off(inner: BaseEmailBackend, name: str) -> bool | None:
    """Return the value that turns a kind of tracking of the inner backend off: False, or None where it has no switch.

    django-anymail refuses any value but None where the mail service has no such switch.
    """
    build = getattr(inner, "build_message_payload", None)
    module = sys.modules.get(getattr(build, "__module__", ""))
    setters = [getattr(payload, f"set_{name}", None) for payload in vars(module or object).values()]
    known = [setter for setter in setters if setter is not None]
    return None if known and all(setter.__module__ == "anymail.backends.base" for setter in known) else False


def _hand_back_status(message: EmailMessage, copies: list[EmailMessage]) -> None:
    before: Any = getattr(message, "anymail_status", None)
    statuses = [getattr(made, "anymail_status", before) for made in copies]
    status, *others = [status for status in statuses if status is not before] or [before]
    for other in others:
        status.set_recipient_status(other.recipients)
    if status is not before:
        vars(message)["anymail_status"] = status
