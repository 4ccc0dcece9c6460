"""The email backend: what the backend that sends gets, and what the sender is told."""

import email
import email.policy
import re
import smtplib
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from email.message import EmailMessage as MIMEMessage
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.test import override_settings
from django.utils.module_loading import import_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from linkwrap import Link, LinkPolicy, OptionError, Resolver
from linkwrap.django.backend import EmailBackend

Configure = Callable[..., None]
Log = Callable[[], str]

HREF = re.compile(r'href="([^"]+)"')
PIXEL = re.compile(r'<img border="0" width="1" height="1" alt="" src="([^"]+)" style="[^"]+">')
HTML = '<body><a href="https://shop.test/?a=1&amp;b=2">Shop</a></body>'
TEXT = "Shop: https://shop.test/?a=1&b=2 <https://shop.test/b> [https://shop.test/c]."


def message(html: str = HTML, **attributes: Any) -> EmailMultiAlternatives:
    """A message with a plain and an HTML body, and attributes as django-anymail reads them."""
    made = EmailMultiAlternatives("Sale", TEXT, to=["ada@example.com"])
    made.attach_alternative(html, "text/html")
    vars(made).update(attributes)
    return made


def html_of(sent: Any) -> str:
    """The HTML body that was sent."""
    return str(next(content for content, mimetype in sent.alternatives if mimetype == "text/html"))


def links(html: str) -> list[str]:
    """The values of the links."""
    return HREF.findall(html)


def test_html_is_wrapped_and_all_else_stays(outbox: list[Any], resolver: Resolver) -> None:
    """The HTML alternative leads to the tracking domain, with one pixel; text, subject and addresses are as before."""
    assert message(metadata={"rcpt": "r-42"}).send() == 1
    (sent,) = outbox
    (link,) = links(html_of(sent))
    click = resolver.resolve_click(link)
    assert (click.url, click.host) == ("https://shop.test/?a=1&b=2", "click.acme.test")
    assert (click.metadata, click.account_id) == ({"rcpt": "r-42"}, "acme")
    (pixel,) = PIXEL.findall(html_of(sent))
    assert resolver.resolve_open(pixel).metadata == {"rcpt": "r-42"}
    assert (sent.subject, sent.body, sent.to) == ("Sale", TEXT, ["ada@example.com"])


def test_message_of_the_sender_stays_as_it_is(outbox: list[Any]) -> None:
    """What was sent can be sent again, or looked at: no content or option of it has changed."""
    original = message(metadata={"rcpt": "r-1"}, track_opens=True, tags=["a"], linkwrap={"account_id": "b"})
    original.attach("a.txt", "text", "text/plain")
    original.extra_headers["X-Mine"] = "1"
    before = deepcopy(vars(original))
    EmailBackend().send_messages([original])
    assert vars(original) == before
    outbox[0].to.append("eve@example.com")
    outbox[0].extra_headers["X-Mine"] = "2"
    assert vars(original) == before
    original.send()
    assert links(html_of(outbox[1]))[0].startswith("https://click.acme.test/f/a/")


def test_html_body(outbox: list[Any], resolver: Resolver) -> None:
    """A message whose only body is HTML is wrapped too."""
    made = EmailMessage("Sale", HTML, to=["ada@example.com"])
    made.content_subtype = "html"
    made.send()
    assert resolver.resolve_click(links(outbox[0].body)[0]).url == "https://shop.test/?a=1&b=2"
    assert isinstance(outbox[0], EmailMessage)
    assert not isinstance(outbox[0], EmailMultiAlternatives)


def test_django_s_shortcuts(outbox: list[Any]) -> None:
    """`send_mail` and `send_mass_mail` are wrapped as messages are."""
    mail.send_mail("Sale", TEXT, None, ["ada@example.com"], html_message=HTML)
    assert mail.send_mass_mail([("Sale", TEXT, None, ["a@example.com"]), ("Sale", TEXT, None, ["b@example.com"])]) == 2
    assert html_of(outbox[0]).count("https://click.acme.test/f/") == 1
    assert [sent.body for sent in outbox[1:]] == [TEXT, TEXT]


def test_lazy_and_safe_strings(outbox: list[Any]) -> None:
    """A translated and a rendered body are read as the text they stand for."""
    made = EmailMultiAlternatives("Sale", gettext_lazy("Hello"), to=["ada@example.com"])
    made.attach_alternative(mark_safe(HTML), "text/html")  # noqa: S308
    made.attach_alternative(gettext_lazy(HTML), "text/html; charset=utf-8")
    made.send()
    (first, _), (second, _) = outbox[0].alternatives
    assert type(first) is type(second) is type(outbox[0].body) is str
    assert links(first)[0][:40] == links(second)[0][:40]


def test_amp_gets_links_but_no_pixel(outbox: list[Any], configure: Configure) -> None:
    """AMP documents allow no `<img>`: a mail service drops the part that holds one."""
    configure(INITIAL_OPEN=True)
    made = message()
    made.attach_alternative(f"<!doctype html><html ⚡4email>{HTML}</html>", "text/x-amp-html")
    made.send()
    (html, _), (amp, mimetype) = outbox[0].alternatives
    assert mimetype == "text/x-amp-html"
    assert links(amp)[0].startswith("https://click.acme.test/f/a/")
    assert "<img" not in amp
    assert html.count("<img") == 2


def test_attachments_and_forwarded_messages_stay(outbox: list[Any], configure: Configure) -> None:
    """postal: HTML files and forwarded messages that were attached came out rewritten, their signatures broken."""
    configure(TEXT=True)
    forwarded = MIMEMessage()
    forwarded.set_content(HTML, subtype="html")
    made = message()
    made.attach("page.html", HTML, "text/html")
    made.attach("mail.eml", forwarded.as_string(), "message/rfc822")
    made.send()
    parsed = email.message_from_bytes(outbox[0].message().as_bytes(), policy=email.policy.default)
    _, page, attached = parsed.iter_parts()
    assert page.get_content().strip() == HTML
    assert attached.get_content().get_content().strip() == HTML


def test_text_is_wrapped_only_where_the_setting_says_so(
    outbox: list[Any], configure: Configure, resolver: Resolver
) -> None:
    """wordpress-sparkpost #16: in plain text, the `>` or `]` behind a URL was swallowed into it."""
    configure(TEXT=True)
    message(metadata={"rcpt": "r-1"}).send()
    wrapped = outbox[0].body
    urls = re.findall(r"https://[A-Za-z0-9._~:/-]+[A-Za-z0-9_-]", wrapped)
    destinations = [resolver.resolve_click(url).url for url in urls]
    assert destinations == ["https://shop.test/?a=1&b=2", "https://shop.test/b", "https://shop.test/c"]
    assert re.sub(r"https://[A-Za-z0-9._~:/-]+[A-Za-z0-9_-]", "U", wrapped) == "Shop: U <U> [U]."
    assert resolver.resolve_click(urls[0]).metadata == {"rcpt": "r-1"}


def test_message_without_bodies(outbox: list[Any]) -> None:
    """What is empty stays empty: no part comes into being for a pixel."""
    made = EmailMultiAlternatives("Sale", "", to=["ada@example.com"])
    made.content_subtype = "html"
    made.attach_alternative(HTML, "text/html")
    made.send()
    assert outbox[0].body == ""
    assert EmailBackend().send_messages([]) == 0


def test_long_lines_stay_within_what_smtp_allows(outbox: list[Any]) -> None:
    """RFC 5322: a line has at most 998 octets, whatever a redirect URL adds."""
    message("<body>" + '<a href="https://shop.test/' + "a" * 900 + '">x</a></body>', metadata={"a": "x" * 900}).send()
    lines = outbox[0].message().as_bytes().splitlines()
    assert max(map(len, lines)) <= 998
    assert max(map(len, html_of(outbox[0]).splitlines())) > 998


# Options per message


@pytest.mark.parametrize(
    ("setting", "said", "wrapped"),
    [
        (True, {}, True),
        (True, {"track_clicks": None}, True),
        (True, {"track_clicks": False}, False),
        (True, {"track_clicks": True}, True),
        (False, {}, False),
        (False, {"track_clicks": True}, True),
    ],
)
def test_track_clicks(
    setting: bool, said: dict[str, Any], wrapped: bool, outbox: list[Any], configure: Configure
) -> None:
    """A message says whether its links are wrapped; where it says nothing, the setting does."""
    configure(TRACK_CLICKS=setting)
    message(**said).send()
    assert ("click.acme.test/f/" in html_of(outbox[0])) is wrapped
    assert ("click.acme.test/q/" in html_of(outbox[0])) is True


@pytest.mark.parametrize(
    ("setting", "said", "pixels"),
    [(True, {}, 2), (True, {"track_opens": False}, 0), (False, {}, 1), (False, {"track_opens": True}, 2)],
)
def test_track_opens(setting: bool, said: dict[str, Any], pixels: int, outbox: list[Any], configure: Configure) -> None:
    """A message that says False gets no pixel at all, the initial one included."""
    configure(TRACK_OPENS=setting, INITIAL_OPEN=True)
    message(**said).send()
    assert html_of(outbox[0]).count("click.acme.test/q/") == pixels
    assert html_of(outbox[0]).count("click.acme.test/f/") == 1


def test_other_options(outbox: list[Any], resolver: Resolver) -> None:
    """`linkwrap` holds what django-anymail has no name for, such as the account's own tracking domain."""
    sent_at = datetime(2020, 1, 1, tzinfo=UTC)
    options = {"tracking_domain": "go.b.test", "account_id": "b", "sent_at": sent_at, "metadata": {"n": 1}}
    message(linkwrap=options).send()
    message(linkwrap=options, metadata={"n": 2}).send()
    for number, sent in enumerate(outbox, 1):
        click = resolver.resolve_click(links(html_of(sent))[0])
        assert (click.host, click.account_id, click.sent_at) == ("go.b.test", "b", sent_at)
        assert click.metadata == {"n": number}


def test_all_parts_are_sent_at_one_time(outbox: list[Any], resolver: Resolver) -> None:
    """The links of one message have one context, whichever part they stand in."""
    made = message()
    made.attach_alternative(HTML, "text/x-amp-html")
    made.send()
    first, second = (links(content)[0] for content, _ in outbox[0].alternatives)
    assert first == second
    assert abs((datetime.now(UTC) - resolver.resolve_click(first).sent_at).total_seconds()) < 60


def test_recipients_share_the_links(outbox: list[Any], resolver: Resolver) -> None:
    """One message to several recipients stays one message, with the message's metadata."""
    made = message(metadata={"campaign": "c-1"})
    made.to, made.cc = ["a@example.com", "b@example.com"], ["c@example.com"]
    assert made.send() == 1
    (sent,) = outbox
    assert (sent.to, sent.cc) == (["a@example.com", "b@example.com"], ["c@example.com"])
    assert resolver.resolve_click(links(html_of(sent))[0]).metadata == {"campaign": "c-1"}


MERGED = {"ada@example.com": {"rcpt": "r-1"}, "bob@example.com": {"rcpt": "r-2"}}


def test_merge_metadata_of_one_recipient(outbox: list[Any], resolver: Resolver) -> None:
    """A recipient's own metadata is added to the message's, found by the address alone."""
    made = message(metadata={"campaign": "c-1"}, merge_metadata=MERGED)
    made.to = ["Ada Lovelace <ada@example.com>"]
    made.send()
    assert resolver.resolve_click(links(html_of(outbox[0]))[0]).metadata == {"campaign": "c-1", "rcpt": "r-1"}


def test_merge_metadata_with_several_recipients_is_refused(outbox: list[Any]) -> None:
    """Nothing is sent, of the other messages neither, and the error says what to do."""
    made = message(merge_metadata=MERGED)
    made.to = ["ada@example.com", "bob@example.com"]
    with pytest.raises(OptionError, match=r"LINKWRAP\['SPLIT'\] = True"):
        EmailBackend().send_messages([message(), made])
    assert outbox == []


@pytest.mark.parametrize("field", ["cc", "bcc"])
def test_copies_are_recipients_too(outbox: list[Any], configure: Configure, resolver: Resolver, field: str) -> None:
    """Nobody's links say another's metadata: a message with a copy is refused, and split the copy has its own."""
    made = message(merge_metadata=MERGED)
    made.to = ["Ada@Example.com"]
    setattr(made, field, ["bob@example.com"])
    with pytest.raises(OptionError, match="SPLIT"):
        made.send()
    configure(SPLIT=True)
    made.send()
    metadata = [resolver.resolve_click(links(html_of(sent))[0]).metadata for sent in outbox]
    assert metadata == [{"rcpt": "r-1"}, {"rcpt": "r-2"}]


def test_split_sends_each_recipient_a_message(outbox: list[Any], configure: Configure, resolver: Resolver) -> None:
    """With SPLIT, each recipient gets a message with own links and sees no other; copies get nobody's metadata."""
    configure(SPLIT=True)
    made = message(metadata={"campaign": "c-1"}, merge_metadata=MERGED)
    made.to, made.cc, made.bcc = ["ada@example.com", "Bob <bob@example.com>"], ["c@example.com"], ["d@example.com"]
    made.send()
    assert [(sent.to, sent.cc, sent.bcc) for sent in outbox] == [
        (["ada@example.com"], [], []),
        (["Bob <bob@example.com>"], [], []),
        ([], ["c@example.com"], []),
        ([], [], ["d@example.com"]),
    ]
    metadata = [resolver.resolve_click(links(html_of(sent))[0]).metadata for sent in outbox]
    campaign = {"campaign": "c-1"}
    assert metadata == [campaign | {"rcpt": "r-1"}, campaign | {"rcpt": "r-2"}, campaign, campaign]
    assert made.to == ["ada@example.com", "Bob <bob@example.com>"]


def test_split_leaves_other_messages_whole(outbox: list[Any], configure: Configure) -> None:
    """A message to a group, without metadata of each, is still one message."""
    configure(SPLIT=True)
    made = message()
    made.to = ["a@example.com", "b@example.com"]
    made.send()
    assert [sent.to for sent in outbox] == [["a@example.com", "b@example.com"]]


# Where wrapping fails


def broken(link: Link) -> str:
    """A policy's destination that fails, quoting what it should not."""
    raise RuntimeError(f"no campaign for {link.url} of ada@example.com")


@pytest.mark.parametrize(
    ("settings", "attributes", "error"),
    [
        ({"POLICY": LinkPolicy(destination=broken)}, {}, RuntimeError),
        ({}, {"metadata": {"ada@example.com": object()}}, OptionError),
        ({}, {"linkwrap": {"tracking_domain": "ada@example.com"}}, Exception),
        ({}, {"linkwrap": ["ada@example.com"]}, TypeError),
        ({"KEYS": ["short"]}, {}, ImproperlyConfigured),
        ({"ADA@EXAMPLE.COM": 1}, {}, ImproperlyConfigured),
    ],
)
def test_mail_goes_out_unwrapped_and_logged(
    settings: dict[str, Any],
    attributes: dict[str, Any],
    error: type[Exception],
    outbox: list[Any],
    configure: Configure,
    linkwrap_log: Log,
) -> None:
    """The reader gets the mail; the log names the kind of failure and its place, no recipient and no URL."""
    configure(TEXT=True, **settings)
    message(**attributes).send()
    assert (html_of(outbox[0]), outbox[0].body) == (HTML, TEXT)
    assert "a message goes out unwrapped" in linkwrap_log()
    assert ".py:" in linkwrap_log()
    assert "example.com" not in linkwrap_log().lower()
    assert "shop.test" not in linkwrap_log()
    configure(TEXT=True, RAISE_ERRORS=True, **settings)
    with pytest.raises(error):
        message(**attributes).send()
    assert len(outbox) == 1


def test_failure_of_one_message_leaves_the_others(outbox: list[Any], linkwrap_log: Log) -> None:
    """Of several messages only the one that cannot be wrapped goes out as it was."""
    EmailBackend().send_messages([message(metadata={"a": "x" * 2000}), message()])
    assert ["click.acme.test" in html_of(sent) for sent in outbox] == [False, True]
    assert linkwrap_log().count("unwrapped") == 1


# The inner backend


class Recorder(BaseEmailBackend):
    """An inner backend that records what is done with it."""

    log: list[Any]

    def __init__(self, **options: Any) -> None:
        super().__init__()
        type(self).log = [options]

    def open(self) -> bool:
        """Open, once."""
        self.log.append("open")
        return True

    def close(self) -> None:
        """Close."""
        self.log.append("close")

    def send_messages(self, email_messages: Any) -> int:
        """Send none."""
        self.log.append(len(email_messages))
        return 7


def test_inner_backend_is_used_as_the_connection_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options of the connection, `with` blocks and the number of sent messages are the inner backend's."""
    monkeypatch.setattr("linkwrap.django.conf.import_string", lambda path: Recorder)
    with EmailBackend(username="u", alias="bulk") as connection:
        assert connection.send_messages([message(), message()]) == 7
    assert Recorder.log == [{"username": "u", "alias": "bulk"}, "open", 2, "close"]
    EmailBackend(fail_silently=True)
    assert Recorder.log == [{"fail_silently": True}]


def test_each_mailer_may_have_an_inner_backend_of_its_own(
    capsys: pytest.CaptureFixture[str], outbox: list[Any]
) -> None:
    """Where a project has several mailers, their options name what sends."""
    EmailBackend(inner_backend="django.core.mail.backends.console.EmailBackend").send_messages([message()])
    assert "https://click.acme.test/f/a/" in capsys.readouterr().out.replace("=\n", "")
    assert outbox == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.Backend", "cannot be imported: No module named 'no'"),
        ("django.core.mail.backends.smtp.Nothing", "cannot be imported"),
        ("linkwrap.django.backend.EmailBackend", "linkwrap's own backend"),
    ],
)
def test_inner_backend_that_cannot_send_is_an_error(path: str, message: str, configure: Configure) -> None:
    """A connection without a backend that sends is refused: no mail could go out."""
    configure(INNER_BACKEND=path)
    with pytest.raises(ImproperlyConfigured, match=message):
        EmailBackend()


def test_failure_to_send_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the inner backend raises is its own affair, and reaches the sender."""

    def refuse(self: object, messages: object) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        message().send()


# On top of django-anymail

ANYMAIL = "anymail.backends.test.EmailBackend"


def test_tracked_once_on_top_of_anymail(outbox: list[Any], configure: Configure) -> None:
    """pytracking #25, listmonk #2721, mautic #1439: a link was wrapped twice, and the mail had two pixels."""
    configure(INNER_BACKEND=ANYMAIL)
    made = AnymailMessage("Sale", TEXT, to=["ada@example.com"], metadata={"rcpt": "r-1"}, tags=["sale"])
    made.attach_alternative(HTML, "text/html")
    with override_settings(ANYMAIL={"SEND_DEFAULTS": {"track_clicks": True, "track_opens": True}}):
        made.send()
    params = outbox[0].anymail_test_params
    assert (params["track_clicks"], params["track_opens"]) == (False, False)
    assert (params["metadata"], params["tags"]) == ({"rcpt": "r-1"}, ["sale"])
    html = params["html_body"]
    assert html.count("click.acme.test/f/") == html.count("click.acme.test/q/") == 1
    assert not isinstance(made.track_clicks, bool)


def test_inner_tracking_is_off_whatever_becomes_of_the_message(outbox: list[Any], configure: Configure) -> None:
    """A message that asks for no tracking, or that cannot be wrapped, is not tracked by the mail service instead."""
    configure(INNER_BACKEND=ANYMAIL)
    message(track_clicks=False, track_opens=True).send()
    message(metadata={"a": "x" * 2000}).send()
    for sent in outbox:
        params = sent.anymail_test_params
        assert (params["track_clicks"], params["track_opens"]) == (False, False)


def test_status_is_handed_back(configure: Configure, outbox: list[Any]) -> None:
    """What the mail service said of a message is on the message that was sent, of all its parts where it was split."""
    configure(INNER_BACKEND=ANYMAIL, SPLIT=True)
    made = message(merge_metadata=MERGED)
    made.to = ["ada@example.com", "bob@example.com"]
    made.send()
    assert len(outbox) == 2
    status = made.anymail_status  # type: ignore[attr-defined]
    assert sorted(status.recipients) == ["ada@example.com", "bob@example.com"]
    assert (status.status, status.message_id) == ({"sent"}, {0, 1})


def test_status_stays_where_the_service_says_nothing(configure: Configure, outbox: list[Any]) -> None:
    """Sent by a backend that is not anymail's, a message has the status that it had."""
    configure(SPLIT=True)
    made = AnymailMessage(to=["ada@example.com", "bob@example.com"], merge_metadata=MERGED)
    before = made.anymail_status
    made.send()
    assert len(outbox) == 2
    assert made.anymail_status is before
    assert (before.status, before.message_id) == (None, None)


def test_template_of_the_mail_service_is_left_to_it(configure: Configure, outbox: list[Any]) -> None:
    """Content that is not in the message cannot be wrapped here, so its tracking stays as the sender asked."""
    configure(INNER_BACKEND=ANYMAIL)
    made = AnymailMessage(to=["ada@example.com"], template_id="t-1", track_clicks=True)
    made.send()
    params = outbox[0].anymail_test_params
    assert (params["template_id"], params["track_clicks"]) == ("t-1", True)


@pytest.mark.parametrize(
    ("service", "settings", "switch"),
    [
        ("brevo", {"BREVO_API_KEY": "k"}, None),
        ("mailersend", {"MAILERSEND_API_TOKEN": "k"}, False),
        ("mailgun", {"MAILGUN_API_KEY": "k"}, False),
        ("mailjet", {"MAILJET_API_KEY": "k", "MAILJET_SECRET_KEY": "k"}, False),
        ("mandrill", {"MANDRILL_API_KEY": "k"}, False),
        ("postmark", {"POSTMARK_SERVER_TOKEN": "k"}, False),
        ("resend", {"RESEND_API_KEY": "k"}, None),
        ("sparkpost", {"SPARKPOST_API_KEY": "k"}, False),
    ],
)
def test_services_without_a_switch_still_send(
    service: str, settings: dict[str, str], switch: bool | None, configure: Configure
) -> None:
    """django-anymail refuses to turn tracking off where a service has no switch for it: there it is left unset."""
    configure(INNER_BACKEND=f"anymail.backends.{service}.EmailBackend")
    with override_settings(ANYMAIL=settings | {"SEND_DEFAULTS": {"track_clicks": True}}):
        inner = import_string(f"anymail.backends.{service}.EmailBackend")
        sent: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inner, "send_messages", lambda self, messages: sent.extend(messages))
            connection = EmailBackend()
            connection.send_messages([message()])
        assert sent[0].track_clicks is sent[0].track_opens is switch
        payload = connection.inner.build_message_payload(sent[0], connection.inner.send_defaults)
        assert payload.esp_name
