"""Jinja2 and Django, as users write them. Type checkers read this file; nothing runs it."""

from datetime import timedelta
from typing import Any, assert_type

from django.core.mail.backends.base import BaseEmailBackend
from django.dispatch import Signal, receiver
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, include, path
from jinja2 import Environment

from linkwrap import LinkPolicy, LinkWrapper, SigningKeys, TrackingDomain
from linkwrap.django.backend import EmailBackend
from linkwrap.django.signals import link_clicked, list_unsubscribed, mail_opened
from linkwrap.django.urls import urlpatterns as redirects
from linkwrap.django.views import endpoint
from linkwrap.jinja import LinkWrapExtension

environment = Environment(extensions=[LinkWrapExtension], autoescape=True)
environment.extend(linkwrap=LinkWrapper(SigningKeys.from_env()))
assert_type(environment.from_string("{{ 'https://acme.com/'|wrap_url }}").render(linkwrap={"metadata": {}}), str)

LINKWRAP = {
    "TRACKING_DOMAIN": TrackingDomain("click.acme.com", verified=True),
    "POLICY": LinkPolicy(skip_hosts=["login.acme.com"]),
    "MAX_AGE": timedelta(days=30),
    "REFUSE": "shop.blocked",
}
urlpatterns = [path("", include("linkwrap.django.urls"))]
assert_type(redirects, list[URLPattern])


def view(request: HttpRequest) -> HttpResponse:
    """The endpoint may be called from a view of the project's own."""
    return endpoint(request)


@receiver([link_clicked, mail_opened, list_unsubscribed])
def store(event: dict[str, Any], request: HttpRequest, **kwargs: Any) -> None:
    """A receiver gets the event as a dict."""
    assert_type(link_clicked, Signal)


class Backend(EmailBackend):
    """A backend of the project's own."""

    def inner_backend(self) -> BaseEmailBackend:
        """The backend that sends."""
        return self.inner
