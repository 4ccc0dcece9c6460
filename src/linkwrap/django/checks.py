"""Django's system checks of the setting `LINKWRAP`: `manage.py check` finds faults before they reach production.

- `linkwrap.E001`: LINKWRAP is not a dict. `E002`: a setting is unknown. `E003`: a value cannot be used.
- `linkwrap.E004`: INNER_BACKEND cannot be imported, or is linkwrap's own.
- `linkwrap.W001`: no TRACKING_DOMAIN is set. `W002`: the redirect endpoint is served, but not on TRACKING_DOMAIN.
"""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from django.urls import Resolver404, resolve

from ..account import TrackingDomain
from ..errors import DomainError
from . import conf, views


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


def check_allowed_hosts(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that Django answers on the tracking domain, where the redirect endpoint is in its URLconf."""
    domain = conf.value("TRACKING_DOMAIN")
    if _unset():
        return []
    try:
        host = domain.host if isinstance(domain, TrackingDomain) else TrackingDomain(domain).host
    except (DomainError, TypeError):
        return []  # the other check lists it
    local = [".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else []
    if validate_host(host, settings.ALLOWED_HOSTS or local) or not _serves():
        return []
    message = f"the tracking domain {host} is not in ALLOWED_HOSTS: Django answers each of its links with 400"
    return [checks.Warning(message, "add it to ALLOWED_HOSTS", id="linkwrap.W002")]


def _unset() -> bool:
    return conf.value("TRACKING_DOMAIN") is conf.DEFAULTS["TRACKING_DOMAIN"]


def _serves() -> bool:
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    try:
        return resolve("/f/a/2").func is views.endpoint
    except Resolver404:
        return False
