"""The setting `LINKWRAP`: its entries, their defaults, and the objects that are made of them, once.

Django's system checks list all faults at once; code that needs the setting raises `ImproperlyConfigured` for them.
"""

import difflib
import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast, get_args

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..account import DEFAULT_TRACKING_DOMAIN
from ..endpoint import Ip
from ..errors import LinkWrapError, OptionError
from ..keys import SigningKeys
from ..policy import LinkPolicy
from ..resolver import Resolver
from ..server.recorder import Recorder
from ..wrapper import LinkWrapper

if TYPE_CHECKING:
    from ..domains import DomainRegistry

DEFAULTS: Final[dict[str, Any]] = {
    "KEYS": None,  # a list, the current key first; None: the keys in the environment variable LINKWRAP_KEYS
    "ACCOUNT_ID": "",
    "TRACKING_DOMAIN": DEFAULT_TRACKING_DOMAIN,
    "INNER_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "TRACK_CLICKS": True,
    "TRACK_OPENS": True,
    "INITIAL_OPEN": False,
    "ANONYMOUS": False,  # whether messages are anonymous
    "CAMPAIGN_METADATA": ("campaign_id",),  # the keys of the metadata that anonymous messages carry
    "TEXT": False,  # whether links in plain text are wrapped
    "SPLIT": False,  # whether a message with merge_metadata becomes one for each recipient
    "RAISE_ERRORS": False,  # whether a message that cannot be wrapped is not sent
    "POLICY": LinkPolicy(),
    "MAX_AGE": timedelta(days=365),
    "REFUSE": None,  # a callable, or where to import it from
    "IP": "cut",  # what events hold of the reader's address: "full", "cut" or "none"
    "STORE": None,  # the file of the store of events; None: there are only signals
    "FALLBACK": None,  # the file for events that cannot be stored; None: standard error
    "REGISTRY": None,  # the URL of the registry of custom tracking domains
}
_FLAGS = [name for name, default in DEFAULTS.items() if isinstance(default, bool)]

Made = TypeVar("Made")


class Fault(NamedTuple):
    """A fault of the setting; `id` is the system check's."""

    id: str
    message: str
    hint: str


class Config(NamedTuple):
    """The objects that the setting makes."""

    wrapper: LinkWrapper
    resolver: Resolver
    text: bool
    ip: Ip
    recorder: Recorder | None


def value(name: str) -> Any:
    """Return one entry of `LINKWRAP`, unchecked, or its default."""
    given = getattr(settings, "LINKWRAP", None)
    return given.get(name, DEFAULTS[name]) if isinstance(given, dict) else DEFAULTS[name]


@cache
def load() -> Config:
    """Return the objects that `LINKWRAP` makes; they are made at the first call.

    Raises:
        ImproperlyConfigured: The setting has faults; the message lists all of them.
    """
    config, faults = read()
    if config is None:
        raise ImproperlyConfigured("LINKWRAP: " + "; ".join(fault.message for fault in faults))
    return config


def read() -> tuple[Config | None, list[Fault]]:
    """Return the objects that `LINKWRAP` makes, or None and its faults; no message and no variable here holds a key."""
    given = _without_keys()
    if given is None:
        return None, [Fault("linkwrap.E001", "LINKWRAP must be a dict", 'use LINKWRAP = {"TRACKING_DOMAIN": "…", …}')]
    faults = [_unknown(name) for name in given if name not in DEFAULTS]
    values = DEFAULTS | given
    for flag in _FLAGS:
        if not isinstance(values[flag], bool):
            faults.append(_invalid(flag, f"{flag} must be True or False, not {type(values[flag]).__name__}"))
            values[flag] = DEFAULTS[flag]
    if values["IP"] not in get_args(Ip):
        faults.append(_invalid("IP", "IP must be 'full', 'cut' or 'none'"))
    if not isinstance(values["REGISTRY"], str | None):
        faults.append(_invalid("REGISTRY", f"REGISTRY must be a URL, not {type(values['REGISTRY']).__name__}"))
    recorder = _made("STORE or FALLBACK", lambda: _recorder(values), faults)
    keys = _made("KEYS", _keys, faults)
    # One fault must not hide another: the others do not depend on the keys.
    stand_in = keys or SigningKeys(SigningKeys.generate())
    names = "ACCOUNT_ID, TRACKING_DOMAIN, POLICY or CAMPAIGN_METADATA"
    wrapper = _made(names, lambda: _wrapper(stand_in, values), faults)
    resolver = _made("MAX_AGE or REFUSE", lambda: _resolver(stand_in, values), faults)
    if faults or wrapper is None or resolver is None:
        return None, faults
    return Config(wrapper, resolver, values["TEXT"], values["IP"], recorder), []


@cache
def registry() -> "DomainRegistry | None":
    """Return the registry that `REGISTRY` names, or None; it is opened at the first call that needs it.

    It is apart from `load`, so that readers are answered whatever is wrong with the registry.

    Raises:
        ImproperlyConfigured: The packages of the extra `domains` are missing.
        LinkWrapError: There is no registry, or its URL cannot be used.
    """
    url = value("REGISTRY")
    if url is None:
        return None
    try:
        from ..domains import DomainRegistry
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(f"LINKWRAP['REGISTRY']: {error}") from error
    domain = value("TRACKING_DOMAIN")
    cname_target = None if domain is DEFAULTS["TRACKING_DOMAIN"] else domain
    return DomainRegistry(url, cname_target=cname_target, create=False)


def with_tracking_domain(options: dict[str, Any], from_address: str | None = None) -> dict[str, Any]:
    """Return a message's options with the tracking domain that its account has in the registry, if one is named.

    An option `tracking_domain` is the host that the account requests; without an account it is left as it is.

    Args:
        options: The message's options.
        from_address: Its From address, whose domain the tracking domain may be assigned to.

    Raises:
        LinkWrapError: The registry cannot be read, or the requested host is not the account's.
    """
    account_id, requested = options.get("account_id", value("ACCOUNT_ID")), options.get("tracking_domain")
    if not account_id or not isinstance(requested, str | None) or (found := registry()) is None:
        return options
    sending_domain = from_address.rpartition("@")[2] if from_address else None
    return options | {"tracking_domain": found.account(account_id).tracking_domain(requested, sending_domain)}


def _without_keys() -> dict[Any, Any] | None:
    """Return the setting without the keys, which may stand under a misspelt name too; None where it is not a dict."""
    given = getattr(settings, "LINKWRAP", {})
    if not isinstance(given, dict):
        return None
    return {name: entry if name in DEFAULTS else None for name, entry in given.items() if name != "KEYS"}


def inner_backend(path: str | None = None) -> type[BaseEmailBackend]:
    """Return the email backend that sends the wrapped messages, by `path` or by `INNER_BACKEND`.

    Raises:
        ImproperlyConfigured: It cannot be imported, or is linkwrap's own.
    """
    path = path or value("INNER_BACKEND")
    if not isinstance(path, str):
        raise ImproperlyConfigured(f"LINKWRAP['INNER_BACKEND'] must be a dotted path, not {type(path).__name__}")
    try:
        backend = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"LINKWRAP['INNER_BACKEND'] cannot be imported: {error}") from error
    if isinstance(backend, type) and backend.__module__.startswith("linkwrap."):
        raise ImproperlyConfigured("LINKWRAP['INNER_BACKEND'] is linkwrap's own backend: name the one that sends")
    return cast("type[BaseEmailBackend]", backend)


def _keys() -> SigningKeys:
    listed = value("KEYS")
    try:
        if listed is None:
            return SigningKeys.from_env()
        if not isinstance(listed, list | tuple):
            raise TypeError(f"KEYS must be a list of keys, not {type(listed).__name__}")
        if not listed:
            raise OptionError("KEYS must be a list of keys, the current one first, and is empty")
        return SigningKeys(listed[0], retired=listed[1:])
    finally:
        del listed  # a traceback may show the variables of a frame


def _wrapper(keys: SigningKeys, values: dict[str, Any]) -> LinkWrapper:
    return LinkWrapper(
        keys,
        account_id=values["ACCOUNT_ID"],
        tracking_domain=values["TRACKING_DOMAIN"],
        click_tracking=values["TRACK_CLICKS"],
        open_tracking=values["TRACK_OPENS"],
        initial_open=values["INITIAL_OPEN"],
        policy=values["POLICY"],
        anonymous=values["ANONYMOUS"],
        campaign_metadata=values["CAMPAIGN_METADATA"],
    )


def _recorder(values: dict[str, Any]) -> Recorder | None:
    if values["STORE"] is None:
        if values["FALLBACK"] is not None:
            raise OptionError("FALLBACK is for events that cannot be stored, and STORE names no store")
        return None
    for name in ("STORE", "FALLBACK"):
        if not isinstance(values[name], str | os.PathLike | None):
            raise TypeError(f"{name} must be a path, not {type(values[name]).__name__}")
    return Recorder(values["STORE"], fallback=values["FALLBACK"])


def _resolver(keys: SigningKeys, values: dict[str, Any]) -> Resolver:
    refuse = values["REFUSE"]
    return Resolver(keys, max_age=values["MAX_AGE"], refuse=_imported(refuse) if isinstance(refuse, str) else refuse)


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        raise OptionError(f"REFUSE cannot be imported: {error}") from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raised = f"{type(error).__name__} at {place.filename}:{place.lineno}"
        raise OptionError(f"REFUSE cannot be imported: {path} raised {raised}") from error


def _made(names: str, make: Callable[[], Made], faults: list[Fault]) -> Made | None:
    try:
        return make()
    except (LinkWrapError, TypeError) as error:
        faults.append(_invalid(names, str(error)))
    return None


def _invalid(names: str, message: str) -> Fault:
    return Fault("linkwrap.E003", message, f"correct {names} in LINKWRAP")


def _unknown(name: object) -> Fault:
    close = difflib.get_close_matches(str(name).upper(), DEFAULTS, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(DEFAULTS)}"
    return Fault("linkwrap.E002", f"LINKWRAP has no setting {name!r}", hint)


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "LINKWRAP":
        if load.cache_info().currsize and (recorder := load().recorder) is not None:
            recorder.close()
        load.cache_clear()
        if registry.cache_info().currsize and (found := registry()) is not None:
            found.close()
        registry.cache_clear()


setting_changed.connect(_forget)
