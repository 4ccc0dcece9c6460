"""Events as Django signals: each receiver gets `event` and `request`.

`event` is a `linkwrap.events.Event`; `sender` is None. If a receiver raises, Django logs the
exception, and the response is sent all the same. Receivers run before the response is sent, so they should leave slow
work to a task queue.
"""

from typing import Final

from django.dispatch import Signal
from django.http import HttpRequest

from ..events import Event

link_clicked: Final[Signal] = Signal()
"""A link was opened: the event's `type` is `click` or `link_unsubscribe`."""
mail_opened: Final[Signal] = Signal()
"""An open pixel was loaded: the event's `type` is `open` or `initial_open`."""
list_unsubscribed: Final[Signal] = Signal()
"""The reader's mail client unsubscribed by one click (RFC 8058): the event's `type` is `list_unsubscribe`."""

_SIGNALS = {"open": mail_opened, "initial_open": mail_opened, "list_unsubscribe": list_unsubscribed}


def announce(event: Event, request: HttpRequest) -> None:
    """Send the event's signal; never raises."""
    signal = _SIGNALS.get(event.type, link_clicked)
    signal.send_robust(sender=None, event=event, request=request)
