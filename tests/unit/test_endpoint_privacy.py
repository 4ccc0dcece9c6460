"""What events hold of a reader: cut addresses, and nothing that tells the readers of an anonymous message apart."""

import json
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.addresses import CUT, NO_ADDRESSES
from linkwrap import LinkWrapper, OptionError, Resolver, SigningKeys
from linkwrap.endpoint import Ip, cut_address, respond

KEYS = SigningKeys("a key for the tests of privacy")
HOST = "click.acme.test"
ORIGIN = f"https://{HOST}"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, anonymous=True)
METADATA = {"rcpt": "r-42", "campaign_id": "autumn"}
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
MIDNIGHT = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("address", "expected"), CUT, ids=lambda text: str(text)[:48])
def test_addresses_are_cut(address: str, expected: str) -> None:
    """IPv4 to 24 bits and IPv6 to 48; an IPv4 address inside an IPv6 address is taken out first."""
    assert cut_address(address) == expected
    assert cut_address(expected) == expected


@pytest.mark.parametrize("address", NO_ADDRESSES, ids=lambda text: ascii(text)[:24])
def test_what_is_no_address_is_none(address: str) -> None:
    """Such text may hold more than an address, so nothing of it is kept."""
    assert cut_address(address) is None


def test_no_address_is_none() -> None:
    """An unknown address stays unknown; anything but text is a caller's mistake."""
    assert cut_address(None) is None
    wrong: Any
    for wrong in (b"192.0.2.57", 3221226041, ip_address("192.0.2.57")):
        with pytest.raises(TypeError, match="address must be str or None, not "):
            cut_address(wrong)


@given(st.ip_addresses(v=4))
def test_every_ipv4_address_is_in_its_network(address: Any) -> None:
    """Any IPv4 address becomes the first of its 256, however an IPv6 address wraps it."""
    expected = str(IPv4Network((int(address), 24), strict=False)[0])
    number = int(address)
    assert cut_address(str(address)) == expected
    for wrapped in (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::7",
        f"2001:0:4136:e378:8000:63bf:{~number >> 16 & 0xFFFF:x}:{~number & 0xFFFF:x}",
        f"fe80::5efe:{address}",
    ):
        assert cut_address(wrapped) == expected


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_keeps_its_end(address: Any) -> None:
    """What comes out is an address of a network of 80 or 8 free bits, never a full one."""
    cut = cut_address(str(address))
    assert cut is not None
    ip_network(f"{cut}/{24 if '.' in cut else 48}")
    assert "." in cut or cut == str(IPv6Network((int(address), 48), strict=False)[0])


@given(st.text(max_size=60) | st.text("0123456789abcdef:.%", max_size=60))
def test_no_text_raises(text: str) -> None:
    """A header that a stranger sent becomes an address that is cut, or nothing."""
    cut = cut_address(text)
    assert cut is None or cut == cut_address(cut)


def event_of(url: str, *, method: str = "GET", **options: Any) -> dict[str, Any]:
    """The event of a request for a URL, made from 192.0.2.57 with a browser."""
    headers = {"User-Agent": "Mozilla/5.0 (X11; marker)"} | options.pop("headers", {})
    options = {"ip_address": "192.0.2.57"} | options
    event = respond(
        Resolver(KEYS), method=method, raw_path=url.removeprefix(ORIGIN), host=HOST, headers=headers, **options
    ).event
    assert event is not None
    return event.as_dict()


@pytest.mark.parametrize(
    ("ip", "expected"), [("full", "192.0.2.57"), ("cut", "192.0.2.0"), ("none", None)], ids=lambda value: str(value)
)
def test_the_caller_says_what_is_kept_of_an_address(ip: Ip, expected: str | None) -> None:
    """All of it, its network, or nothing; its network if nothing is said."""
    url = WRAPPER.wrap_url("https://shop.test/", METADATA, anonymous=False)
    assert event_of(url, ip=ip)["ip_address"] == expected
    assert event_of(url)["ip_address"] == "192.0.2.0"
    assert event_of(url, ip_address="unknown")["ip_address"] is None


def test_another_word_for_it_is_refused() -> None:
    """A misspelt setting must not keep full addresses, nor lose them silently."""
    with pytest.raises(OptionError, match="ip must be 'full', 'cut' or 'none', not 'all'"):
        event_of(WRAPPER.wrap_url("https://shop.test/"), ip="all")


@pytest.mark.parametrize("ip", ["full", "cut", "none"])
def test_event_of_an_anonymous_click_names_nobody(ip: Ip) -> None:
    """It has the campaign, the day and the destination's path, whatever the operator keeps of addresses."""
    url = WRAPPER.wrap_url("https://shop.test/sale?id=r-42#r-42", METADATA, link_name="Sale", sent_at=SENT_AT)
    event = event_of(url, ip=ip)
    del event["event_id"], event["timestamp"]
    assert event == {
        "type": "click",
        "account_id": "acme",
        "tracking_domain": HOST,
        "target_link_url": "https://shop.test/sale",
        "target_link_name": "Sale",
        "target_link_part": "url",
        "target_link_index": None,
        "rcpt_meta": {"campaign_id": "autumn"},
        "sent_at": MIDNIGHT,
        "expired": False,
        "anonymous": True,
        "schema": 1,
        "visitor": "unknown",
        "visitor_reasons": [],
        "machine": False,
        "ip_address": None,
        "user_agent": None,
        "repeated": 1,
    }


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("https://shop.test/?id=r-42", "https://shop.test/"),
        ("https://shop.test/#r-42", "https://shop.test/"),
        ("https://shop.test/a#x?id=r-42", "https://shop.test/a"),
        ("https://shop.test/a?b#r-42", "https://shop.test/a"),
        ("https://shop.test/a%3Fb", "https://shop.test/a%3Fb"),
        ("https://shop.test/reset/Q7kZp0XyVbQ7kZp0XyVb9?id=r-42", "https://shop.test/reset/"),
    ],
)
def test_destination_that_names_the_recipient_is_cut(destination: str, expected: str) -> None:
    """The reader is sent to all of it, and the event has neither query nor fragment; other mail's event has both."""
    url = WRAPPER.wrap_url(destination, METADATA)
    response = respond(Resolver(KEYS), method="GET", raw_path=url.removeprefix(ORIGIN), host=HOST, headers={})
    assert response.headers["Location"] == destination
    assert event_of(url)["target_link_url"] == expected
    if "reset" not in destination:
        assert event_of(WRAPPER.wrap_url(destination, anonymous=False))["target_link_url"] == destination


@pytest.mark.parametrize("initial", [False, True])
def test_event_of_an_anonymous_open_names_nobody(initial: bool) -> None:
    """Both pixels."""
    urls = WRAPPER.urls(WRAPPER.compile("<body>"), METADATA, sent_at=SENT_AT)
    event = event_of(urls[initial])
    assert event["type"] == ("initial_open" if initial else "open")
    assert (event["rcpt_meta"], event["anonymous"], event["sent_at"]) == ({"campaign_id": "autumn"}, True, MIDNIGHT)
    assert (event["ip_address"], event["user_agent"], event["target_link_url"]) == (None, None, None)


@pytest.mark.parametrize(
    ("method", "headers", "machine"),
    [
        ("GET", {}, False),
        ("HEAD", {}, True),
        ("GET", {"Purpose": "prefetch"}, True),
        ("GET", {"User-Agent": "Slackbot 1.0"}, True),
    ],
)
def test_machines_are_told_by_what_the_event_leaves_out(method: str, headers: dict[str, str], machine: bool) -> None:
    """The user agent is judged before it is dropped."""
    event = event_of(WRAPPER.wrap_url("https://shop.test/", METADATA), method=method, headers=headers)
    assert (event["machine"], event["user_agent"]) == (machine, None)


def test_marked_link_of_an_anonymous_message_says_who_unsubscribes() -> None:
    """Its event is not anonymous, and is like that of any other message."""
    event = event_of(WRAPPER.wrap_url("https://shop.test/leave?id=r-42", METADATA, unsubscribe=True, sent_at=SENT_AT))
    assert (event["type"], event["anonymous"], event["rcpt_meta"]) == ("link_unsubscribe", False, METADATA)
    assert event["target_link_url"] == "https://shop.test/leave?id=r-42"
    assert (event["ip_address"], event["user_agent"]) == ("192.0.2.0", "Mozilla/5.0 (X11; marker)")


def test_anonymous_event_holds_nothing_of_the_reader() -> None:
    """No part of the address, the user agent or the recipient's metadata is anywhere in it."""
    events = [event_of(url, ip="full") for url in WRAPPER.urls(WRAPPER.compile('<a href="https://a.test">'), METADATA)]
    assert len(events) == 3
    for marker in ("192.0", "Mozilla", "marker", "r-42"):
        assert marker not in json.dumps(events)
