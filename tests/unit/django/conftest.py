"""A Django project for the tests, whose database is down: nothing here may need one."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.conf import settings
from django.core import mail
from django.test import override_settings

from linkwrap import Resolver, SigningKeys
from linkwrap.events import Event

KEY = "a key for the tests of Django"
HOST = "click.acme.test"
INNER = "django.core.mail.backends.locmem.EmailBackend"
LINKWRAP = {"KEYS": [KEY], "ACCOUNT_ID": "acme", "TRACKING_DOMAIN": HOST, "INNER_BACKEND": INNER}

Configure = Callable[..., None]

# Since Django 6.1 mailers replace the one backend.
BACKEND = "linkwrap.django.backend.EmailBackend"
MAILERS: dict[str, Any] = {"MAILERS": {"default": {"BACKEND": BACKEND}}}
MAIL = MAILERS if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": BACKEND}

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=[".acme.test"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "/nonexistent/folder/database.sqlite3",
                "ATOMIC_REQUESTS": True,
            }
        },
        DEFAULT_FROM_EMAIL="shop@acme.test",
        INSTALLED_APPS=["linkwrap.django"],
        LINKWRAP=LINKWRAP,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF="linkwrap.django.urls",
        SECRET_KEY="a key of Django's own",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {})]},
            }
        ],
        USE_TZ=True,
        **MAIL,
    )
    django.setup()


@pytest.fixture(autouse=True)
def outbox() -> list[Any]:
    """What the inner backend was given during a test."""
    mail.outbox = []
    return mail.outbox


@pytest.fixture
def resolver() -> Resolver:
    """What redeems the links."""
    return Resolver(SigningKeys(KEY))


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Change entries of the setting LINKWRAP until the test ends; None takes an entry out."""
    overrides: list[override_settings] = []

    def call(**entries: Any) -> None:
        values = {name: value for name, value in (LINKWRAP | entries).items() if value is not None}
        overrides.append(override_settings(LINKWRAP=values))
        overrides[-1].enable()

    yield call
    for override in reversed(overrides):
        override.disable()


@pytest.fixture
def linkwrap_log(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged by linkwrap, exceptions included."""
    caplog.set_level(logging.DEBUG, "linkwrap")
    return lambda: "\n".join(
        logging.Formatter().format(record) for record in caplog.records if record.name.startswith("linkwrap")
    )


@contextmanager
def received(signal: Any) -> Iterator[list[dict[str, Any]]]:
    """The events that a signal brings."""
    events: list[dict[str, Any]] = []

    def receive(event: Event, **rest: object) -> None:
        events.append(event.as_dict())

    signal.connect(receive)
    try:
        yield events
    finally:
        signal.disconnect(receive)


@pytest.fixture
def listen() -> Callable[[Any], Any]:
    """Collect the events of a signal within a `with` block."""
    return received
