"""The redirect endpoint on tracking domains that `ALLOWED_HOSTS` does not list, such as those of a registry.

    MIDDLEWARE = ["linkwrap.django.middleware.redirect_middleware", ...]

It comes first: what is behind it may ask Django for the host, and Django refuses one that is not listed.
"""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from inspect import iscoroutinefunction
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host
from django.utils.decorators import sync_and_async_middleware

from ..account import TrackingDomain
from ..errors import LinkWrapError
from . import conf
from .urls import PATHS
from .views import endpoint, host_of

_LOCAL: Final = (".localhost", "127.0.0.1", "[::1]")  # Django's own, for DEBUG without ALLOWED_HOSTS


@sync_and_async_middleware
def redirect_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer links, pixels, unsubscribes and checks of tracking domains; the rest is the project's.

    A request is taken by its path, if its host is `TRACKING_DOMAIN`, or one that is not in `ALLOWED_HOSTS`: of the
    project's own hosts all paths are the project's. No registry is asked: each link is signed for its host, so links in
    old mail work while the database is down, and after their domain was removed.
    """
    if iscoroutinefunction(get_response):
        answer = sync_to_async(endpoint)

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            response: Awaitable[HttpResponseBase] = (answer if _is_ours(request) else get_response)(request)
            return await response

        return amiddleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = (endpoint if _is_ours(request) else get_response)(request)
        return response

    return middleware


def is_allowed(host: str) -> bool:
    """Whether Django answers on a host."""
    return validate_host(host, settings.ALLOWED_HOSTS or (_LOCAL if settings.DEBUG else ()))


def _is_ours(request: HttpRequest) -> bool:
    if not re.match(PATHS, request.path_info.removeprefix("/")):
        return False
    host = split_domain_port(host_of(request))[0]
    return host == _tracking_host() or not is_allowed(host)


def _tracking_host() -> str:
    domain = conf.value("TRACKING_DOMAIN")
    return domain.host if isinstance(domain, TrackingDomain) else _signed_host(str(domain))


@cache
def _signed_host(domain: str) -> str:
    try:
        return TrackingDomain(domain).host
    except LinkWrapError:  # the checks tell of it
        return ""
