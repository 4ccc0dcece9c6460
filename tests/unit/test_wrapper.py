"""`LinkWrapper`: what callers see of compile, render, wrap, slots, plain URLs and options."""

import pickle
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

import linkwrap
from linkwrap import (
    Account,
    Click,
    DomainError,
    Link,
    LinkWrapper,
    OptionError,
    Resolver,
    SigningKeys,
    TrackingDomain,
)

KEYS = SigningKeys("a key for the tests of the wrapper")
RESOLVER = Resolver(KEYS)
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test")
PACKAGE = str(Path(linkwrap.__file__).parent)
MAIL = '<html><body><p><a href="https://shop.test/sale">Sale</a> <a href="#top">Top</a></p></body></html>'


def only_url(html: str) -> str:
    """The first redirect URL in a mail."""
    return html.split('href="', 1)[1].split('"', 1)[0]


def click(html: str) -> Click:
    """What the first link of a wrapped mail means."""
    return RESOLVER.resolve_click(only_url(html))


def test_wrap_is_compile_and_render() -> None:
    """There is one way through: wrapping at once gives what compiling and rendering gives."""
    sent_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    template = WRAPPER.compile(MAIL)
    assert WRAPPER.wrap(MAIL, {"rcpt": "1"}, sent_at=sent_at) == WRAPPER.render(
        template, {"rcpt": "1"}, sent_at=sent_at
    )


def test_link_redeems_to_what_was_said() -> None:
    """Destination, account, host, metadata and time of a link come back."""
    sent_at = datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=timezone(timedelta(hours=2)))
    found = click(WRAPPER.wrap(MAIL, {"rcpt": "r-1"}, sent_at=sent_at))
    assert (found.url, found.account_id, found.host) == ("https://shop.test/sale", "acme", "click.acme.test")
    assert (found.metadata, found.sent_at) == ({"rcpt": "r-1"}, datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC))


def test_time_of_sending_is_now_where_none_is_given() -> None:
    """Without `sent_at` a message is sent now."""
    assert abs(click(WRAPPER.wrap(MAIL)).sent_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_type_that_goes_in_comes_out() -> None:
    """`str` gives `str`, `bytes` give `bytes`, with the same links."""
    text, data = WRAPPER.wrap(MAIL), WRAPPER.wrap(MAIL.encode())
    assert isinstance(text, str)
    assert isinstance(data, bytes)
    assert click(text).url == click(data.decode()).url


@pytest.mark.parametrize("html", [None, 1, bytearray(b"<a href='http://x.test'>"), ["<a>"]])
def test_what_is_no_text_is_refused(html: Any) -> None:
    """A wrong type is the caller's fault and is named."""
    name = "None" if html is None else type(html).__name__
    with pytest.raises(TypeError, match=f"html must be str or bytes, not {name}"):
        WRAPPER.wrap(html)


def test_one_template_serves_accounts_hosts_and_recipients() -> None:
    """A template holds no keys, no host, no account: it is pickled, cached and used for anyone."""
    template = pickle.loads(pickle.dumps(WRAPPER.compile(MAIL)))  # noqa: S301
    one = WRAPPER.render(template, {"rcpt": "1"})
    other = WRAPPER.render(template, {"rcpt": "2"}, account_id="globex", tracking_domain="go.globex.test")
    assert click(one).account_id == "acme"
    found = click(other)
    assert (found.account_id, found.host, found.metadata) == ("globex", "go.globex.test", {"rcpt": "2"})
    assert WRAPPER.compile(MAIL).links == template.links
    assert b"tests of the wrapper" not in pickle.dumps(template)


def test_template_tells_itself_without_the_mail() -> None:
    """A template's repr has its figures and none of its text."""
    assert repr(WRAPPER.compile(MAIL)) == f"<LinkTemplate: 2 links, 1 to wrap, {len(MAIL)} characters>"


def test_links_say_what_was_found_where_and_why() -> None:
    """Each link is reported with positions in the input, wrapped or with the reason why not."""
    sale, top = WRAPPER.compile(MAIL).links
    assert sale == Link(
        "https://shop.test/sale", "https://shop.test/sale", "a", None, False, None, True, None, False, 24, 46
    )
    assert (top.href, top.url, top.wrapped, top.reason) == ("#top", None, False, "fragment")
    assert MAIL[sale.start : sale.end] == sale.href


@pytest.mark.parametrize(
    ("href", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("#top", "fragment"),
        ("mailto:a@shop.test", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,x", "scheme"),
        ("tel:+49123", "scheme"),
        ("/sale", "relative"),
        ("www.shop.test", "relative"),
        ("https://", "invalid"),
        ("http://a b.test/", "invalid"),
        ("https://shop.test/{{ id }}", "placeholder"),
        ("{{ url", "placeholder"),
        ("https://shop.test/*|ID|*", "placeholder"),
        ("https://shop.test/" + "a" * 5000, "too-long"),
    ],
)
def test_link_left_alone_says_why(href: str, reason: str) -> None:
    """What is not wrapped stays as it is, with its reason."""
    html = f'<p><a href="{href}">x</a></p>'
    (link,) = WRAPPER.compile(html).links
    assert (link.reason, link.wrapped) == (reason, False)
    assert WRAPPER.wrap(html, open_tracking=False) == html


def test_base_url_makes_relative_links_absolute() -> None:
    """With a live `<base href>`, relative links are resolved against it, before it too; comments do not count."""
    html = (
        '<!-- <base href="https://no.test/"> --><a href="one">1</a>'
        '<base href="//shop.test/x/"><base href="https://late.test/"><a href="../two?a=1&amp;b=2">2</a>'
        '<a href="#three">3</a>'
    )
    links = WRAPPER.compile(html).links
    assert [link.url for link in links] == ["https://shop.test/x/one", "https://shop.test/two?a=1&b=2", None]


SPARKPOST = (
    '<a data-msys-linkname="Buy now" href=https://shop.test data-msys-sublink="app open"'
    ' data-msys-unsubscribe="1">x</a>'
)


def test_markup_on_a_link_is_read_and_removed() -> None:
    """Link name, sublink and unsubscribe mark are in the token and gone from the mail, whatever the quotes."""
    wrapped = WRAPPER.wrap(SPARKPOST, open_tracking=False)
    url = wrapped.removeprefix("<a href=").removesuffix(">x</a>")
    assert url.startswith("https://click.acme.test/f/app_open/2")
    found = RESOLVER.resolve_click(url)
    assert (found.url, found.link_name, found.unsubscribe) == ("https://shop.test/", "Buy now", True)


def test_markup_stays_on_a_link_that_is_not_wrapped() -> None:
    """What is left alone keeps its attributes, with click tracking off too."""
    html = '<a data-msys-linkname="x" href="mailto:a@b.test">x</a>'
    assert WRAPPER.wrap(html, open_tracking=False) == html
    assert WRAPPER.wrap(SPARKPOST, open_tracking=False, click_tracking=False) == SPARKPOST


def test_link_name_is_cut_at_a_character() -> None:
    """A link name has 63 bytes of UTF-8 at most and never half a character."""
    (link,) = WRAPPER.compile(f'<a href="http://x.test" data-msys-link-name="{"ü" * 40}">').links
    assert link.name == "ü" * 31


def test_impossible_sublink_is_ignored_and_reported() -> None:
    """A sublink that is no path segment does not stop the link, and the link says so."""
    (link,) = WRAPPER.compile('<a href="http://x.test" data-msys-sublink="a/b">').links
    assert (link.wrapped, link.sublink) == (True, None)
    assert link.warning is not None
    assert "a/b" in link.warning


def test_wrapping_twice_changes_nothing() -> None:
    """A link and a pixel of ours are known again, by any key that still verifies; another's are not."""
    once = WRAPPER.wrap(MAIL, {"rcpt": "1"}, initial_open=True)
    assert WRAPPER.wrap(once, {"rcpt": "2"}, initial_open=True) == once
    assert {link.reason for link in WRAPPER.compile(once).links} == {"already-wrapped", "fragment"}
    rotated = LinkWrapper(
        SigningKeys("a newer key, made later on", retired=["a key for the tests of the wrapper"]), account_id="acme"
    )
    assert rotated.wrap(once, initial_open=True) == once
    stranger = LinkWrapper(SigningKeys("the key of somebody else"), account_id="acme")
    assert stranger.compile(once).links[0].wrapped


def test_forged_link_in_our_form_is_wrapped_like_any_other() -> None:
    """Only a token that verifies makes a link ours."""
    html = MAIL.replace("https://shop.test/sale", "https://click.acme.test/f/a/2abc.def.0123456789012345678901")
    assert WRAPPER.compile(html).links[0].wrapped


def test_pixel_of_another_account_does_not_count() -> None:
    """A mail that holds one account's pixel gets the other's too."""
    once = WRAPPER.wrap(MAIL)
    assert WRAPPER.wrap(once, account_id="globex").count("/q/") == 2


@pytest.mark.parametrize(
    ("html", "before"),
    [
        ("<body>x</body></html>", "</body></html>"),
        ("<body>x</body>y</body>", "</body>"),
        ("x</HTML >", "</HTML >"),
        ("x", ""),
        ("x<!-- </body>", "<!-- </body>"),
        ("x</body><!-- </body> -->", "</body><!-- </body> -->"),
        ("x<style>a", "<style>a"),
        ('x<a title="', '<a title="'),
        ("x</", "</"),
        ("<!--[if mso]></body><![endif]-->x", ""),
    ],
)
def test_open_pixel_goes_where_markup_is_live(html: str, before: str) -> None:
    """The pixel stands before the last live `</body>`, or at the last place where it is not swallowed."""
    wrapped = WRAPPER.wrap(html)
    head, pixel, tail = wrapped.partition('<img border="0" width="1" height="1" alt="" src="https://click.acme.test/q/')
    assert pixel
    assert tail.split(">", 1)[1] == before
    assert head + before == html


def test_initial_pixel_needs_a_body() -> None:
    """The initial-open pixel stands right behind `<body>`; without that tag there is none."""
    wrapped = WRAPPER.wrap("<BODY bgcolor=red>x", initial_open=True, open_tracking=False)
    assert wrapped.startswith("<BODY bgcolor=red><img ")
    assert RESOLVER.resolve_open(wrapped.split('src="')[1].split('"')[0]).initial
    assert WRAPPER.wrap("<p>x", initial_open=True, open_tracking=False) == "<p>x"


def test_slots_and_urls_fit_together() -> None:
    """A merge engine that fills the slots with the URLs gives what render gives."""
    sent_at = datetime(2026, 1, 1, tzinfo=UTC)
    template = WRAPPER.compile(MAIL)
    slotted = template.slotted(lambda number: f"[{number}]", initial_open=True)
    for number, url in enumerate(WRAPPER.urls(template, {"rcpt": "1"}, sent_at=sent_at)):
        slotted = slotted.replace(f"[{number}]", url)
    assert slotted == WRAPPER.render(template, {"rcpt": "1"}, sent_at=sent_at, initial_open=True)


def test_slots_with_clicks_off_give_the_values_back() -> None:
    """With click tracking off the slots are filled with what stood there."""
    template = WRAPPER.compile(MAIL)
    urls = WRAPPER.urls(template, click_tracking=False)
    assert template.slotted(lambda number: urls[number], open_tracking=False) == MAIL


@pytest.mark.parametrize("source", [MAIL, MAIL.encode(), "<p>", b"<p>"])
@pytest.mark.parametrize(
    ("slot", "options", "error", "message"),
    [
        (5, {}, TypeError, "slot must be a callable, not int"),
        (str, {"open_tracking": 5}, TypeError, "open_tracking must be bool, not int"),
        (
            None,
            {"initial_open": None},
            TypeError,
            "slot must be a callable, not None; initial_open must be bool, not None",
        ),
        (lambda number: None, {}, TypeError, "slot must return str, not None"),
        (lambda number: number, {}, TypeError, "slot must return str, not int"),
    ],
)
def test_slots_of_the_wrong_type_are_named(
    source: Any, slot: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """They are checked for the pixel as for a link."""
    with pytest.raises(error, match=re.escape(message)):
        WRAPPER.compile(source).slotted(slot, **options)


def test_slots_are_ascii_in_bytes() -> None:
    """A document of bytes can have another encoding than the text that is put into it."""
    for source in (MAIL.encode(), b"<p>", MAIL.encode("utf-16")):
        with pytest.raises(OptionError, match="slot must return ASCII for a template of bytes, not '«0»'"):
            WRAPPER.compile(source).slotted("«{}»".format)
    assert "«0»" in WRAPPER.compile(MAIL).slotted("«{}»".format)


def test_plain_url() -> None:
    """One URL is wrapped by the same policy; what is refused comes back."""
    url = WRAPPER.wrap_url(
        "https://shop.test/?a=1&b=2", {"rcpt": "1"}, link_name="Shop", unsubscribe=True, sublink="app"
    )
    assert "/f/app/" in url
    found = RESOLVER.resolve_click(url)
    assert (found.url, found.link_name, found.unsubscribe) == ("https://shop.test/?a=1&b=2", "Shop", True)
    for refused in ("mailto:a@b.test", "/relative", "{{ url }}", url):
        assert WRAPPER.wrap_url(refused) == refused
    assert WRAPPER.wrap_url("https://shop.test", click_tracking=False) == "https://shop.test"
    assert "/f/my_app/" in WRAPPER.wrap_url("https://shop.test", sublink="my app")
    with pytest.raises(OptionError, match="sublink"):
        WRAPPER.wrap_url("https://shop.test", sublink="a/b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trackng_domain": "x.test"}, "no option 'trackng_domain'.*tracking_domain"),
        ({"click_tracking": "no"}, "click_tracking must be bool, not str"),
        ({"account_id": 7}, "account_id must be str, not int"),
        ({"sent_at": 1}, "sent_at must be datetime, not int"),
        ({"tracking_domain": 7}, "tracking_domain must be str or TrackingDomain, not int"),
        ({"metadata": ["a"]}, "metadata must be a mapping, not list"),
        (
            {"initial_open": 1, "account_id": "a" * 101, "tracking_domain": "a b", "colour": 1, "metadata": "x"},
            "metadata must be a mapping, not str; initial_open must be .*; the account id .*; there is no .*; .*'a b'",
        ),
    ],
)
def test_options_of_the_wrong_type_are_named(options: dict[str, Any], message: str) -> None:
    """A wrong type or an unknown keyword is a TypeError wherever options are taken, with all faults of the call."""
    for call in calls(options):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"account_id": "a" * 101}, "account id"),
        ({"sent_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"sent_at": datetime(1960, 1, 1, tzinfo=UTC)}, "1970"),
        ({"account_id": "a" * 101, "tracking_domain": "a b"}, "account id is longer .*; TrackingDomain.*'a b'"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], message: str) -> None:
    """A value that cannot be used is an OptionError wherever options are taken, with all faults of the call."""
    for call in calls(options):
        with pytest.raises(OptionError, match=message):
            call()


def calls(options: dict[str, Any]) -> list[Callable[[], object]]:
    """Every method that takes options, as a call with these."""
    template, text, message = WRAPPER.compile(MAIL), WRAPPER.compile_text("x"), WRAPPER.compile_message(b"\n")
    return [
        lambda: WRAPPER.wrap(MAIL, **options),
        lambda: WRAPPER.wrap_text("https://shop.test/", **options),
        lambda: WRAPPER.wrap_message(b"Content-Type: text/html\n\n<p>", **options),
        lambda: WRAPPER.wrap_tree(BeautifulSoup(MAIL, "html.parser"), **options),
        lambda: WRAPPER.wrap_url("https://shop.test/", **options),
        lambda: WRAPPER.render(template, **options),
        lambda: WRAPPER.render(text, **options),
        lambda: WRAPPER.render(message, **options),
        lambda: WRAPPER.urls(template, **options),
        lambda: WRAPPER.unsubscribe_url(**options),
        lambda: WRAPPER.unsubscribe_headers(**options),
    ]


def test_one_message_lists_all_faults_of_a_call() -> None:
    """The document, its encoding, the metadata and the options are checked together."""
    with pytest.raises(TypeError, match=r"html must .*; unknown encoding 'x'.*; metadata must .*; open_tracking must "):
        WRAPPER.wrap(5, ["m"], encoding="x", open_tracking=None)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"url must .*; link_name must .*; unsubscribe must .*; sublink must .*'a/b'"):
        WRAPPER.wrap_url(5, link_name=5, unsubscribe=5, sublink="a/b")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"keys must be SigningKeys.*; policy must .*; account_id must .*; .*'a b'"):
        LinkWrapper(5, policy=5, account_id=5, tracking_domain="a b")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"mailto must be str or None, not int; open_tracking must"):
        WRAPPER.unsubscribe_headers(mailto=5, open_tracking=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"template must .*; open_tracking must"):
        WRAPPER.render(MAIL, open_tracking=5)  # type: ignore[call-overload]
    past = datetime(1969, 12, 31, tzinfo=UTC)
    for options, words in (
        ({"account_id": "x" * 200}, "account id is longer"),
        ({"tracking_domain": "a b"}, "not a DNS host name"),
        ({"sent_at": past}, "time of sending must be from 1970 to 3058"),
    ):
        for call in (partial(WRAPPER.wrap, MAIL), WRAPPER.unsubscribe_url, partial(WRAPPER.wrap_url, "https://a.test")):
            with pytest.raises(OptionError, match=words) as caught:
                call({"a": object()}, **options)  # type: ignore[arg-type]
            assert "metadata['a'] is not a JSON value" in str(caught.value)
    with pytest.raises(TypeError, match=r"account id is longer.*; metadata keys must be str, not int"):
        WRAPPER.wrap(MAIL, {5: "x"}, account_id="x" * 200)  # type: ignore[dict-item]


@pytest.mark.parametrize("document", [MAIL, MAIL.encode()])
def test_encoding_is_checked_for_either_type(document: str | bytes) -> None:
    """An encoding that nobody knows is refused even where it is not used."""
    for call in (WRAPPER.compile, WRAPPER.wrap, WRAPPER.compile_text, WRAPPER.wrap_text):
        with pytest.raises(OptionError, match="unknown encoding 'klingon'"):
            call(document, encoding="klingon")
        with pytest.raises(TypeError, match="encoding must be str or None, not int"):
            call(document, encoding=5)  # type: ignore[call-overload]
        call(document, encoding="utf-8")


@pytest.mark.parametrize("domain", ["localhost:8000", "http://x.test", "a b", "192.0.2.1", ""])
def test_tracking_domains_are_checked(domain: str) -> None:
    """A plain host name is taken at its word, but only if it is one."""
    if domain == "localhost:8000":
        assert only_url(WRAPPER.wrap(MAIL, tracking_domain=domain)).startswith("https://localhost:8000/f/a/")
    else:
        with pytest.raises(DomainError):
            WRAPPER.wrap(MAIL, tracking_domain=domain)


def test_unverified_tracking_domain_is_refused() -> None:
    """A domain that is not known to reach the redirector would make dead links."""
    with pytest.raises(DomainError, match="not verified"):
        LinkWrapper(KEYS, tracking_domain=TrackingDomain("click.acme.test"))
    verified = TrackingDomain("click.acme.test", verified=True, secure=False)
    assert only_url(LinkWrapper(KEYS, tracking_domain=verified).wrap(MAIL)).startswith("http://click.acme.test/f/")


@pytest.mark.parametrize("metadata", [{"a": {1, 2}}, {"a": float("nan")}, {"a": "x" * 1000}])
def test_metadata_that_cannot_be_used_is_refused_without_showing_it(metadata: Any) -> None:
    """Metadata is a JSON object of at most 1000 bytes; a message about it never quotes its values."""
    with pytest.raises(OptionError) as caught:
        WRAPPER.wrap(MAIL, metadata)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("metadata", [{1: "xxx"}, ["xxx"], "xxx"])
def test_metadata_of_another_type_is_refused_without_showing_it(metadata: Any) -> None:
    """Metadata is a mapping of strings; anything else is a wrong type, named and not quoted."""
    with pytest.raises(TypeError, match="metadata") as caught:
        WRAPPER.wrap(MAIL, metadata)
    assert "xxx" not in str(caught.value)


def test_keys_and_policies_of_the_wrong_type_are_named() -> None:
    """The usual slips, a secret in place of keys and a dict in place of a policy, are named."""
    message = "keys must be SigningKeys, not str: SigningKeys('…') makes them of a secret"
    with pytest.raises(TypeError, match=re.escape(message)) as caught:
        LinkWrapper("a secret of at least 16 bytes")  # type: ignore[arg-type]
    assert "secret of at" not in str(caught.value)
    with pytest.raises(TypeError, match="policy must be a LinkPolicy, not dict"):
        LinkWrapper(KEYS, policy={})  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{}, {"account_id": 5}, {"policy": 5}, {"tracking_domain": "a b"}])
@pytest.mark.parametrize("secret", ["a secret of at least 16 bytes", b"a secret of at least 16 bytes"])
def test_a_secret_in_place_of_keys_is_in_no_frame(secret: Any, more: dict[str, Any]) -> None:
    """Tools that print the variables of a traceback's frames print no key."""
    with pytest.raises(TypeError) as caught:
        LinkWrapper(secret, **more)
    error: BaseException | None = caught.value
    frames = 0
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename.startswith(PACKAGE):
                frames += 1
                assert "secret of at" not in repr(frame.f_locals)
        error = error.__context__
    assert frames


@pytest.mark.parametrize("option", ["click_tracking", "open_tracking"])
def test_options_are_independent(option: str) -> None:
    """Turning links or pixels off leaves the other in place."""
    wrapped = WRAPPER.wrap(MAIL, **{option: False})  # type: ignore[misc]
    assert ("/q/" in wrapped) == (option == "click_tracking")
    assert ("/f/" in wrapped) == (option == "open_tracking")


def test_markup_that_escapes_itself_comes_out_unescaped() -> None:
    """A `str` with ways of its own, as markupsafe's, is text like any other: the pixel stays markup."""

    class Escaping(str):
        __slots__ = ()

        def join(self, parts: Any) -> str:
            return "&lt;".join(parts)

        def __add__(self, other: str) -> str:
            return other.replace("<", "&lt;")

    wrapped = WRAPPER.wrap(Escaping(MAIL))
    assert type(wrapped) is str
    assert '<img border="0"' in wrapped
    assert RESOLVER.resolve_click(only_url(wrapped)).url == "https://shop.test/sale"


@pytest.mark.parametrize(
    ("html", "rest"),
    [
        ('<a x data-msys-linkname="n" = href="http://a.test/">', '<a x data-msys-linkname="n" = href="">'),
        ('<a href="http://a.test/" x data-msys-linkname=n =">', '<a href="" x data-msys-linkname=n =">'),
        ('<a href="http://a.test/" x data-msys-linkname="n"="y">', '<a href="" x data-msys-linkname="n"="y">'),
        ('<a data-msys-linkname="n"href="http://a.test/"title=t>', '<a href=""title=t>'),
        ("<a title=t data-msys-linkname=n/ href='http://a.test/'>", "<a title=t href=''>"),
        ("<a data-msys-linkname href='http://a.test/'/>", "<a href=''/>"),
        ("<a data-msys-linkname=n data-msys-linkname=m href='http://a.test/'>", "<a href=''>"),
    ],
)
def test_removed_markup_changes_no_neighbour(html: str, rest: str) -> None:
    """What a tag says besides stays the same when an attribute is taken out; where it could not, that stays too."""
    wrapped = WRAPPER.wrap(html, open_tracking=False)
    url = next(part for part in re.split("[\"']", wrapped) if part.startswith("https://click"))
    assert wrapped.replace(url, "") == rest


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: WRAPPER.render(MAIL), TypeError, "template must be a template that compile returned .*, not str"),  # type: ignore[call-overload]
        (lambda: WRAPPER.urls(MAIL), TypeError, "template must be a template that compile returned .*, not str"),  # type: ignore[arg-type]
        (lambda: WRAPPER.wrap_url(None), TypeError, "url must be str, not None"),  # type: ignore[arg-type]
        (lambda: WRAPPER.wrap_url("http://a.test/", link_name=5), TypeError, "link_name"),  # type: ignore[arg-type]
        (lambda: WRAPPER.compile(b"x", encoding=5), TypeError, "encoding must be str or None, not int"),  # type: ignore[arg-type]
        (lambda: TrackingDomain("a.test", sending_domains=None), TypeError, "sending_domains must be"),  # type: ignore[arg-type]
        (lambda: Account("acme", None), TypeError, "domains must be a sequence of Track"),  # type: ignore[arg-type]
    ],
)
def test_values_of_the_wrong_type_are_named(call: Any, error: type[Exception], message: str) -> None:
    """A slip of the caller's ends in one sentence that names the argument, not in an error from inside."""
    with pytest.raises(error, match=message):
        call()
