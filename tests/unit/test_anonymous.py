"""Anonymous messages: their bodies are equal for all recipients of a day, but for the unsubscribe URLs.

Django's tests are in `django/test_anonymous.py`, those of the events in `test_endpoint.py`.
"""

import email
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment

from helpers.mail import content, leaves
from linkwrap import Click, LinkPolicy, LinkWrapper, Open, OptionError, Resolver, SigningKeys
from linkwrap.endpoint import respond
from linkwrap.options import MessageOptions

KEYS = SigningKeys("a key for the tests of anonymous mail")
RESOLVER = Resolver(KEYS)
HOST = "click.acme.test"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, initial_open=True, anonymous=True)
NAMED = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, initial_open=True)

ADA: dict[str, Any] = {"rcpt": "r-1", "campaign_id": "autumn"}
BOB: dict[str, Any] = {"campaign_id": "autumn", "message_id": "m-22", "rcpt": "r-22"}
MORNING = datetime(2026, 11, 2, 0, 0, 1, tzinfo=UTC)
EVENING = datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)

# Links that are not wrapped stand before those that are, so that the numbers of links and slots differ.
HTML = (
    '<body><a href="mailto:a@b.test">-</a><a data-msys-unsubscribe=1 data-msys-clicktrack=0 href="https://a.test/">-</a>'
    '<a href="https://shop.test/a?b=1">A</a><a data-msys-unsubscribe=1 href="https://shop.test/leave">Leave</a>'
    '<!--[if mso]><v:rect href="https://shop.test/b"></v:rect><a data-msys-unsubscribe="1" href="https://shop.test/out">'
    'x</a><![endif]--><a href="https://shop.test/leave" data-msys-linkname="c">C</a>'
    "</body>"
)
AMP = '<!doctype html><html ⚡4email><head></head><body><a href="https://shop.test/a">A</a>{}</body></html>'.format(
    '<a data-msys-unsubscribe="1" href="https://shop.test/leave">Leave</a>'
)
TEXT = (
    'Out: https://a.test/[[data-msys-clicktrack="0"]]\nA: https://shop.test/a\n'
    'Leave: https://shop.test/leave[[data-msys-unsubscribe="1"]]\nB: https://shop.test/b\n'
)
# A redirect URL of any kind in a body; its path is what the resolver reads.
URL = re.compile(r"https://click\.acme\.test/(?:f/[\w-]+|[qu])/2[\w.-]+\.[\w-]{22}")


def message() -> EmailMessage:
    """A message with all three bodies, each in another transfer encoding."""
    made = EmailMessage()
    made["Subject"] = "News"
    made.set_content(TEXT, cte="8bit")
    made.add_alternative(AMP, subtype="x-amp-html", cte="base64")
    made.add_alternative(HTML, subtype="html", cte="quoted-printable")
    made.set_boundary("b")
    return made


def bodies(sent: Any) -> str:
    """The bodies of a wrapped message, decoded."""
    return "\n".join(content(part).decode() for part in leaves(sent))


def as_message(metadata: dict[str, Any], **options: Any) -> str:
    """A message object that is wrapped."""
    return bodies(WRAPPER.wrap_message(message(), metadata, text=True, **options))


def as_message_bytes(metadata: dict[str, Any], **options: Any) -> str:
    """The bytes of a message that are wrapped."""
    raw = WRAPPER.wrap_message(message().as_bytes(), metadata, text=True, **options)
    return bodies(email.message_from_bytes(raw))


def as_rendered_message(metadata: dict[str, Any], **options: Any) -> str:
    """A message that was compiled once."""
    return bodies(WRAPPER.render(WRAPPER.compile_message(message(), text=True), metadata, **options))


def as_lxml_tree(metadata: dict[str, Any], **options: Any) -> str:
    """A tree of lxml."""
    tree = lxml.html.document_fromstring(HTML)
    WRAPPER.wrap_tree(tree, metadata, **options)
    return str(lxml.html.tostring(tree, encoding="unicode"))


def as_soup(metadata: dict[str, Any], **options: Any) -> str:
    """A tree of BeautifulSoup."""
    tree = BeautifulSoup(HTML, "html.parser")
    WRAPPER.wrap_tree(tree, metadata, **options)
    return str(tree)


def as_single_urls(metadata: dict[str, Any], **options: Any) -> str:
    """URLs that are wrapped by themselves."""
    urls = [("https://shop.test/a", False), ("https://shop.test/leave", True), ("https://shop.test/b", False)]
    return "\n".join(WRAPPER.wrap_url(url, metadata, unsubscribe=marked, **options) for url, marked in urls)


def as_slots(metadata: dict[str, Any], **options: Any) -> str:
    """Slots that another engine fills in."""
    template = WRAPPER.compile(HTML)
    urls = WRAPPER.urls(template, metadata, **options)
    return template.slotted(lambda number: urls[number], initial_open=True)


def as_jinja_block(metadata: dict[str, Any], **options: Any) -> str:
    """A block of Jinja2, and its filter."""
    environment = Environment(extensions=["linkwrap.jinja.LinkWrapExtension"], autoescape=True)
    environment.extend(linkwrap=NAMED)
    source = "{% linkwrap anonymous=true %}" + HTML + "{% endlinkwrap %}{{ 'https://shop.test/z'|wrap_url }}"
    source += "{{ 'https://shop.test/leave'|wrap_url(unsubscribe=true) }}"
    given = {"metadata": metadata, "anonymous": True, **options}
    return environment.from_string(source).render(linkwrap=given)


FORMS: dict[str, Callable[..., str]] = {
    "str": lambda metadata, **options: WRAPPER.wrap(HTML, metadata, **options),
    "bytes": lambda metadata, **options: WRAPPER.wrap(HTML.encode(), metadata, **options).decode(),
    "utf-16": lambda metadata, **options: WRAPPER.wrap(HTML.encode("utf-16"), metadata, **options).decode("utf-16"),
    "rendered": lambda metadata, **options: WRAPPER.render(WRAPPER.compile(HTML), metadata, **options),
    "amp": lambda metadata, **options: WRAPPER.wrap(AMP, metadata, **options),
    "text": lambda metadata, **options: WRAPPER.wrap_text(TEXT, metadata, **options),
    "text bytes": lambda metadata, **options: WRAPPER.wrap_text(TEXT.encode(), metadata, **options).decode(),
    "message": as_message,
    "message bytes": as_message_bytes,
    "rendered message": as_rendered_message,
    "lxml": as_lxml_tree,
    "bs4": as_soup,
    "wrap_url": as_single_urls,
    "slots": as_slots,
    "jinja": as_jinja_block,
    "per message": lambda metadata, **options: NAMED.wrap(HTML, metadata, **{"anonymous": True, **options}),
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def is_own(url: str) -> bool:
    """Whether a redirect URL may name a recipient: it is, or is marked as, an unsubscribe URL."""
    found = RESOLVER.resolve(url)
    return isinstance(found, Click) and found.unsubscribe


def without_own(body: str) -> str:
    """A body with its unsubscribe URLs cut out."""
    return URL.sub(lambda url: "-" if is_own(url[0]) else url[0], body)


@every_form
def test_bodies_are_equal_but_for_unsubscribe_urls(form: Callable[..., str]) -> None:
    """Whoever the recipient is, whatever else the metadata has and in which order, and whenever on that day."""
    ada, bob = form(ADA, sent_at=MORNING), form(BOB, sent_at=EVENING)
    assert ada != bob
    assert without_own(ada) == without_own(bob)


@every_form
def test_links_and_pixels_name_the_campaign_and_the_day(form: Callable[..., str]) -> None:
    """All but the unsubscribe links are anonymous; those name their own recipient, and the second of sending."""
    found = [RESOLVER.resolve(url) for url in URL.findall(form(BOB, sent_at=EVENING))]
    marked = [one for one in found if isinstance(one, Click) and one.unsubscribe]
    others = [one for one in found if one not in marked]
    assert {one.url.rpartition("/")[2] for one in marked} <= {"leave", "out"}
    assert marked
    for one in marked:
        assert (one.metadata, one.sent_at, one.anonymous) == (BOB, EVENING, False)
    assert len(others) >= 2
    for other in others:
        assert (other.metadata, other.sent_at, other.anonymous) == ({"campaign_id": "autumn"}, MIDNIGHT, True)
        assert other.account_id == "acme"


@pytest.mark.parametrize("form", [form for form in FORMS if form != "jinja"])  # whose tag has the option
def test_option_of_a_message_comes_first(form: str) -> None:
    """Turned off for one message, its links and pixels name their recipient again."""
    found = [*map(RESOLVER.resolve, URL.findall(FORMS[form](BOB, sent_at=EVENING, anonymous=False)))]
    assert len(found) >= 3
    for one in found:
        assert (one.metadata, one.sent_at, one.anonymous) == (BOB, EVENING, False)


def test_pixels_are_anonymous_too() -> None:
    """Both pixels of a body, and that of an AMP body, tell no recipients apart."""
    found = [RESOLVER.resolve(url) for url in URL.findall(WRAPPER.wrap(HTML, BOB) + WRAPPER.wrap(AMP, BOB))]
    opens = [one for one in found if isinstance(one, Open)]
    assert [(one.initial, one.part, one.anonymous) for one in opens] == [
        (True, "html", True),
        (False, "html", True),
        (False, "amp", True),
    ]


def test_days_are_those_of_utc() -> None:
    """The time zone of `sent_at` does not matter, and the next day's bodies are others."""
    early = datetime.fromisoformat("2026-11-03T09:30:00+10:00")  # the day before in UTC
    assert WRAPPER.wrap_url("https://a.test", sent_at=early) == WRAPPER.wrap_url("https://a.test", sent_at=MORNING)
    late = datetime(2026, 11, 3, tzinfo=UTC)
    assert WRAPPER.wrap_url("https://a.test", sent_at=late) != WRAPPER.wrap_url("https://a.test", sent_at=EVENING)


def test_campaign_metadata_are_named_and_ordered_by_the_wrapper() -> None:
    """Keys that it does not name are left out, keys that a message has not are missing, and its order counts."""
    wrapper = LinkWrapper(KEYS, tracking_domain=HOST, anonymous=True, campaign_metadata=["list", "variant", "list"])
    one = {"variant": "b", "campaign_id": "c", "list": "news", "rcpt": "1"}
    url = wrapper.wrap_url("https://a.test", one, sent_at=MORNING)
    assert list(RESOLVER.resolve_click(url).metadata.items()) == [("list", "news"), ("variant", "b")]
    assert url == wrapper.wrap_url("https://a.test", dict(reversed(one.items())), sent_at=MORNING)
    assert RESOLVER.resolve_click(wrapper.wrap_url("https://a.test", {"variant": "a"})).metadata == {"variant": "a"}
    assert RESOLVER.resolve_click(wrapper.wrap_url("https://a.test")).metadata == {}
    none = LinkWrapper(KEYS, tracking_domain=HOST, anonymous=True, campaign_metadata=())
    assert RESOLVER.resolve_click(none.wrap_url("https://a.test", BOB)).metadata == {}


@pytest.mark.parametrize("keys", ["campaign_id", b"campaign_id", None, 5, {"campaign_id"}, ["a", 1]])
def test_campaign_metadata_of_the_wrong_type_are_refused(keys: Any) -> None:
    """A string is not a list of keys, and a set has no order that is the same everywhere."""
    with pytest.raises(TypeError, match=r"campaign_metadata must be a sequence of strings, not \w+$"):
        LinkWrapper(KEYS, campaign_metadata=keys)


def test_anonymous_of_the_wrong_type_is_refused() -> None:
    """Of the wrapper and of a message."""
    with pytest.raises(TypeError, match="anonymous must be bool, not str"):
        LinkWrapper(KEYS, anonymous="yes")  # type: ignore[arg-type]
    options: Any = {"anonymous": None}
    with pytest.raises(TypeError, match="anonymous must be bool, not None"):
        NAMED.wrap("<p>", **options)
    with pytest.raises(TypeError, match="there is no option 'campaign_metadata'"):
        NAMED.wrap("<p>", campaign_metadata=["a"])  # type: ignore[call-overload]


def test_metadata_that_is_left_out_is_checked() -> None:
    """A message with metadata that cannot be used fails, anonymous or not: its unsubscribe URL would."""
    with pytest.raises(OptionError, match="more than the 1000 that fit"):
        WRAPPER.wrap("<p>", {"rcpt": "r" * 2000})


def test_clicks_off_leave_the_unsubscribe_link_alone() -> None:
    """Of an anonymous message without click tracking, only the pixels are added."""
    body = WRAPPER.wrap(HTML, ADA, click_tracking=False)
    assert body == NAMED.wrap(HTML, ADA, click_tracking=False, anonymous=True)
    assert [type(RESOLVER.resolve(url)) for url in URL.findall(body)] == [Open, Open]
    template = WRAPPER.compile(HTML)
    assert WRAPPER.urls(template, ADA, click_tracking=False)[1] == "https://shop.test/leave"


def test_changed_destination_of_an_unsubscribe_link_stays_the_recipients_own() -> None:
    """A policy with a `destination` decides about the links one by one."""
    policy = LinkPolicy(destination=lambda link: f"{link.url}?x")
    wrapper = LinkWrapper(KEYS, tracking_domain=HOST, anonymous=True, policy=policy)
    found = [RESOLVER.resolve_click(url) for url in URL.findall(wrapper.wrap(HTML, BOB, open_tracking=False))]
    assert [(one.url.rpartition("/")[2], one.anonymous) for one in found] == [
        ("a?b=1?x", True),
        ("leave?x", False),
        ("b?x", True),
        ("out?x", False),
        ("leave?x", True),
    ]


def test_anonymous_mail_can_unsubscribe() -> None:
    """The POST to the URL in the headers names its recipient, and is not anonymous; so does the URL by itself."""
    for metadata in (ADA, BOB):
        options: MessageOptions = {"sent_at": EVENING}
        header = WRAPPER.unsubscribe_headers(metadata, **options)["List-Unsubscribe"]
        assert header == f"<{WRAPPER.unsubscribe_url(metadata, **options)}>"
        path = header.strip("<>").removeprefix(f"https://{HOST}")
        body = b"List-Unsubscribe=One-Click"
        event = respond(
            RESOLVER, method="POST", raw_path=path, host=HOST, headers={}, ip_address="192.0.2.57", body=body
        ).event
        assert event is not None
        assert (event.type, event.rcpt_meta, event.anonymous) == ("list_unsubscribe", metadata, False)
        assert (event.sent_at, event.ip_address) == (int(EVENING.timestamp()), "192.0.2.0")


def test_unsubscribe_url_in_a_body_is_left_alone() -> None:
    """Behind a redirect, it would be the destination of an anonymous click, and name the recipient in its event."""
    url = WRAPPER.unsubscribe_url(ADA)
    html = f'<a href="{url}">Leave</a><a href="{url.replace("/u/", "/%75/")}">Leave</a>'
    assert [link.reason for link in WRAPPER.compile(html).links] == ["already-wrapped"] * 2
    assert WRAPPER.wrap(html, ADA, open_tracking=False, initial_open=False) == html
    assert WRAPPER.wrap_text(f"Leave: {url}\n") == f"Leave: {url}\n"
    assert WRAPPER.wrap_url(url) == url
    foreign = LinkWrapper(SigningKeys("another key of enough bytes"), tracking_domain=HOST).unsubscribe_url(ADA)
    assert WRAPPER.wrap_url(foreign) != foreign
