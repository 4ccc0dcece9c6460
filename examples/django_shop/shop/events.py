"""Stores clicks and opens, each as a line of JSON."""

import json

from django.conf import settings
from django.dispatch import receiver

from linkwrap.django.signals import link_clicked, mail_opened
from linkwrap.events import Event


@receiver([link_clicked, mail_opened])
def store(event: Event, **kwargs: object) -> None:
    """Store an event; if this raises, the reader gets the page all the same."""
    settings.EVENTS.parent.mkdir(exist_ok=True)
    with settings.EVENTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(event.as_dict()) + "\n")
