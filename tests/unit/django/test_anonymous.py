"""Anonymous messages of Django: by the setting, by a message, and by a template's block."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Template
from django.test import Client

from linkwrap import Click, Resolver
from linkwrap.django.signals import link_clicked

Configure = Callable[..., None]

ADA = {"rcpt": "r-1", "campaign_id": "autumn", "list": "news"}
BOB = {"list": "news", "campaign_id": "autumn", "rcpt": "r-22"}
LINKS = '<body><a href="https://shop.test/">x</a><a href="https://shop.test/out" data-msys-unsubscribe="1">y</a></body>'
URL = re.compile(r"https://click\.acme\.test/[fq]/[\w./-]+")


def send(metadata: dict[str, str], outbox: list[Any], **attributes: Any) -> str:
    """The HTML body of a message that was sent with this metadata."""
    message = EmailMultiAlternatives("Sale", "Sale", to=["ada@example.com"])
    message.attach_alternative(LINKS, "text/html")
    vars(message).update(metadata=metadata, **attributes)
    message.send()
    return str(outbox[-1].alternatives[0][0])


def render(metadata: dict[str, str]) -> str:
    """A block of a template."""
    source = "{% load linkwrap %}{% linkwrap anonymous=True %}" + LINKS + "{% endlinkwrap %}"
    return str(Template(source).render(Context({"linkwrap": {"metadata": metadata}})))


def shared(body: str, resolver: Resolver) -> str:
    """A body with its unsubscribe URLs cut out."""

    def cut(url: re.Match[str]) -> str:
        found = resolver.resolve(url[0])
        return "" if isinstance(found, Click) and found.unsubscribe else url[0]

    return URL.sub(cut, body)


@pytest.mark.parametrize("way", ["setting", "message", "block"])
def test_bodies_are_equal_but_for_unsubscribe_urls(
    way: str, outbox: list[Any], resolver: Resolver, configure: Configure
) -> None:
    """Links and pixels of two recipients are the same; the unsubscribe link names its own."""
    if way == "setting":
        configure(ANONYMOUS=True)
        ada, bob = send(ADA, outbox), send(BOB, outbox)
    elif way == "message":
        ada, bob = (send(metadata, outbox, linkwrap={"anonymous": True}) for metadata in (ADA, BOB))
    else:
        ada, bob = render(ADA), render(BOB)
    assert ada != bob
    assert shared(ada, resolver) == shared(bob, resolver)
    link, unsubscribe, _ = map(resolver.resolve, URL.findall(bob))
    assert (link.metadata, link.anonymous) == ({"campaign_id": "autumn"}, True)
    assert (unsubscribe.metadata, unsubscribe.anonymous) == (BOB, False)


def test_campaign_metadata_are_a_setting(outbox: list[Any], resolver: Resolver, configure: Configure) -> None:
    """Anonymous messages carry the keys that it names, in its order."""
    configure(ANONYMOUS=True, CAMPAIGN_METADATA=["list", "campaign_id"])
    link = resolver.resolve(URL.findall(send(BOB, outbox))[0])
    assert list(link.metadata.items()) == [("list", "news"), ("campaign_id", "autumn")]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [({}, "127.0.0.0"), ({"IP": "cut"}, "127.0.0.0"), ({"IP": "full"}, "127.0.0.1"), ({"IP": "none"}, None)],
)
def test_addresses_in_events_are_a_setting(
    setting: dict[str, str], expected: str | None, outbox: list[Any], configure: Configure, listen: Callable[[Any], Any]
) -> None:
    """Events hold a cut address unless the setting `IP` says otherwise."""
    configure(**setting)
    url = URL.findall(send(BOB, outbox))[0]
    with listen(link_clicked) as events:
        Client().get(url.removeprefix("https://click.acme.test"), headers={"host": "click.acme.test"})
    assert [event["ip_address"] for event in events] == [expected]
