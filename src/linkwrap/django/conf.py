"""The setting `LINKWRAP`: what may stand in it, and what is made of it, once.

Every fault is told at once, by Django's system checks; what needs the setting raises `ImproperlyConfigured` for it.
"""

import difflib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from ..account import DEFAULT_TRACKING_DOMAIN
from ..errors import LinkWrapError, OptionError
from ..keys import SigningKeys
from ..policy import LinkPolicy
from ..resolver import Resolver
from ..wrapper import LinkWrapper

DEFAULTS: Final[dict[str, Any]] = {
    "KEYS": None,  # a list, the current key first; None: as the environment's LINKWRAP_KEYS says
    "ACCOUNT_ID": "",
    "TRACKING_DOMAIN": DEFAULT_TRACKING_DOMAIN,
    "INNER_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "TRACK_CLICKS": True,
    "TRACK_OPENS": True,
    "INITIAL_OPEN": False,
    "TEXT": False,  # whether links in plain text are wrapped
    "SPLIT": False,  # whether a message with merge_metadata becomes one for each recipient
    "RAISE_ERRORS": False,  # whether a message that cannot be wrapped is not sent
    "POLICY": LinkPolicy(),
    "MAX_AGE": timedelta(days=365),
    "REFUSE": None,  # a callable, or where to import it from
}
_FLAGS = [name for name, default in DEFAULTS.items() if isinstance(default, bool)]

Made = TypeVar("Made")


class Fault(NamedTuple):
    """What is wrong with the setting; `id` is the system check's."""

    id: str
    message: str
    hint: str


class Config(NamedTuple):
    """What the setting makes."""

    wrapper: LinkWrapper
    resolver: Resolver
    text: bool


def value(name: str) -> Any:
    """Return one entry of `LINKWRAP`, unchecked, or its default."""
    given = getattr(settings, "LINKWRAP", None)
    return given.get(name, DEFAULTS[name]) if isinstance(given, dict) else DEFAULTS[name]


@cache
def load() -> Config:
    """Return what `LINKWRAP` makes, made at the first call; raises `ImproperlyConfigured` that tells every fault."""
    config, faults = read()
    if config is None:
        raise ImproperlyConfigured("LINKWRAP: " + "; ".join(fault.message for fault in faults))
    return config


@sensitive_variables()
def read() -> tuple[Config | None, list[Fault]]:
    """Return what `LINKWRAP` makes, or None and its faults; no message holds a key."""
    given = getattr(settings, "LINKWRAP", {})
    if not isinstance(given, dict):
        return None, [Fault("linkwrap.E001", "LINKWRAP is no dict", 'use LINKWRAP = {"TRACKING_DOMAIN": "…", …}')]
    faults = [_unknown(name) for name in given if name not in DEFAULTS]
    values = DEFAULTS | given
    for flag in _FLAGS:
        if not isinstance(values[flag], bool):
            faults.append(_invalid(flag, f"{flag} takes True or False"))
            values[flag] = DEFAULTS[flag]
    keys = _made("KEYS", lambda: _keys(values["KEYS"]), faults)
    # One fault must not hide another: what else is wrong does not depend on the keys.
    known = keys or SigningKeys(SigningKeys.generate())
    wrapper = _made("ACCOUNT_ID, TRACKING_DOMAIN or POLICY", lambda: _wrapper(known, values), faults)
    resolver = _made("MAX_AGE or REFUSE", lambda: _resolver(known, values), faults)
    if faults or wrapper is None or resolver is None:
        return None, faults
    return Config(wrapper, resolver, values["TEXT"]), []


def inner_backend(path: str | None = None) -> type[BaseEmailBackend]:
    """Return the email backend that sends what was wrapped, by `path` or by `INNER_BACKEND`.

    Raises `ImproperlyConfigured` where there is none.
    """
    try:
        backend = import_string(path or value("INNER_BACKEND"))
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(f"LINKWRAP['INNER_BACKEND'] cannot be imported: {error}") from error
    if isinstance(backend, type) and backend.__module__.startswith("linkwrap."):
        raise ImproperlyConfigured("LINKWRAP['INNER_BACKEND'] is linkwrap's own backend: name the one that sends")
    return cast("type[BaseEmailBackend]", backend)


def _keys(listed: Any) -> SigningKeys:
    if listed is None:
        return SigningKeys.from_env()
    if not isinstance(listed, list | tuple) or not listed:
        raise OptionError("KEYS takes a list of keys, the current one first")
    return SigningKeys(listed[0], retired=listed[1:])


def _wrapper(keys: SigningKeys, values: dict[str, Any]) -> LinkWrapper:
    return LinkWrapper(
        keys,
        account_id=values["ACCOUNT_ID"],
        tracking_domain=values["TRACKING_DOMAIN"],
        click_tracking=values["TRACK_CLICKS"],
        open_tracking=values["TRACK_OPENS"],
        initial_open=values["INITIAL_OPEN"],
        policy=values["POLICY"],
    )


def _resolver(keys: SigningKeys, values: dict[str, Any]) -> Resolver:
    refuse = values["REFUSE"]
    return Resolver(
        keys, max_age=values["MAX_AGE"], refuse=import_string(refuse) if isinstance(refuse, str) else refuse
    )


def _made(names: str, make: Callable[[], Made], faults: list[Fault]) -> Made | None:
    try:
        return make()
    except (LinkWrapError, ImportError) as error:
        faults.append(_invalid(names, str(error)))
    return None


def _invalid(names: str, message: str) -> Fault:
    return Fault("linkwrap.E003", message, f"mend {names} in LINKWRAP")


def _unknown(name: object) -> Fault:
    close = difflib.get_close_matches(str(name).upper(), DEFAULTS, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(DEFAULTS)}"
    return Fault("linkwrap.E002", f"LINKWRAP has no setting {name!r}", hint)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "LINKWRAP":
        load.cache_clear()


setting_changed.connect(_forget)
