"""Django's system checks of the setting `LINKWRAP`: `manage.py check` finds faults before they reach production.

- `linkwrap.E001`: LINKWRAP is not a dict. `E002`: a setting is unknown. `E003`: a value cannot be used.
- `linkwrap.E004`: INNER_BACKEND cannot be imported, or is linkwrap's own.
- `linkwrap.E005`: STORE is no file in a folder on a local disk.
- `linkwrap.W001`: no TRACKING_DOMAIN is set. `W002`: the redirect endpoint is served, but not on TRACKING_DOMAIN, or
  not on the domains of the REGISTRY. `W003`: the middleware is not the first. `W004`: the REGISTRY cannot be used.
"""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from ..account import TrackingDomain
from ..errors import DomainError, LinkWrapError
from ..server._files import StoreError, refuse_network
from . import conf, views
from .middleware import is_allowed

MIDDLEWARE = "linkwrap.django.middleware.redirect_middleware"


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check all entries of LINKWRAP."""
    _, faults = conf.read()
    messages: list[checks.CheckMessage] = [checks.Error(fault.message, fault.hint, id=fault.id) for fault in faults]
    try:
        conf.inner_backend()
    except ImproperlyConfigured as error:
        hint = "give the dotted path of the backend that sends, such as EMAIL_BACKEND was before"
        messages.append(checks.Error(str(error), hint, id="linkwrap.E004"))
    if not any(fault.id == "linkwrap.E001" for fault in faults) and _unset():
        message = f"LINKWRAP has no TRACKING_DOMAIN: links lead to {conf.DEFAULTS['TRACKING_DOMAIN'].host}"
        messages.append(checks.Warning(message, "set a host that you run", id="linkwrap.W001"))
    return messages


def check_store(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check the place that STORE names. The file is not opened: this may run as another user than the server."""
    store = conf.value("STORE")
    if not isinstance(store, str | os.PathLike):
        return []
    path, fault = Path(os.path.abspath(os.fspath(store))), None
    if path.is_dir():
        fault = f"the store cannot be {str(path)!r}: it is a folder"
    elif not path.parent.is_dir():
        fault = f"the store cannot be {str(path)!r}: its folder does not exist"
    else:
        try:
            refuse_network(path)
        except StoreError as error:
            fault = str(error)
    hint = "name a file in a folder that exists, on a local disk"
    return [checks.Error(fault, hint, id="linkwrap.E005")] if fault else []


def check_registry(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the registry can be read; mail goes out without wrapped links while it cannot."""
    try:
        registry = conf.registry()
        if registry is not None:
            registry.cname_target  # noqa: B018  # reads it
    except (ImproperlyConfigured, LinkWrapError) as error:
        hint = "correct REGISTRY in LINKWRAP, or start the database; linkwrap domain add makes a registry"
        return [checks.Warning(f"the registry cannot be used: {error}", hint, id="linkwrap.W004")]
    except TypeError:
        return []  # the other check lists it
    return []


def check_middleware(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that nothing in front of the middleware refuses the hosts that it answers."""
    listed = _middleware()
    before = [name for name in listed[: listed.index(MIDDLEWARE)] if name.startswith("django.")] if _takes() else []
    if not before:
        return []
    message = f"{before[0]} stands in front of {MIDDLEWARE}, and may refuse hosts that are not in ALLOWED_HOSTS"
    return [checks.Warning(message, f"put {MIDDLEWARE} first in MIDDLEWARE", id="linkwrap.W003")]


def check_allowed_hosts(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that Django answers on the tracking domains, where the redirect endpoint is in its URLconf."""
    if _takes() or not _serves():
        return []
    if conf.value("REGISTRY") is not None and not is_allowed("any.host.invalid"):
        message = "the domains of the REGISTRY are not in ALLOWED_HOSTS: Django answers each of their links with 400"
        return [checks.Warning(message, f"put {MIDDLEWARE} first in MIDDLEWARE", id="linkwrap.W002")]
    domain = conf.value("TRACKING_DOMAIN")
    if _unset():
        return []
    try:
        host = domain.host if isinstance(domain, TrackingDomain) else TrackingDomain(domain).host
    except (DomainError, TypeError):
        return []  # the other check lists it
    if is_allowed(host):
        return []
    message = f"the tracking domain {host} is not in ALLOWED_HOSTS: Django answers each of its links with 400"
    hint = f"add it to ALLOWED_HOSTS, or put {MIDDLEWARE} first in MIDDLEWARE"
    return [checks.Warning(message, hint, id="linkwrap.W002")]


def _middleware() -> list[str]:
    return list(getattr(settings, "MIDDLEWARE", None) or [])


def _takes() -> bool:
    return MIDDLEWARE in _middleware()


def _unset() -> bool:
    return conf.value("TRACKING_DOMAIN") is conf.DEFAULTS["TRACKING_DOMAIN"]


def _serves() -> bool:
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    try:
        return resolve("/f/a/2").func is views.endpoint
    except Resolver404:
        return False
