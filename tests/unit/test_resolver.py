"""What a redirect URL resolves to, and every way in which it is refused."""

import logging
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import tokens
from helpers.rests import IGNORED, REFUSED
from linkwrap._decide.destination import read_destination
from linkwrap._token import wire
from linkwrap.errors import InvalidToken, OptionError
from linkwrap.keys import SigningKeys
from linkwrap.resolver import MAX_URL, Click, Open, Resolver, Unsubscribe

KEYS = SigningKeys("k" * 32)
HOST = "click.acme.com"
ORIGIN = f"https://{HOST}"
SHOP = "https://shop.example/a?b=1&c=2#d"


def click_url(
    url: str = SHOP,
    *,
    keys: SigningKeys = KEYS,
    host: str = HOST,
    name: str | None = None,
    unsubscribe: bool = False,
    sent_at: float | None = None,
    sublink: str = "a",
    account_id: str = "acme",
) -> str:
    """A redirect URL that leads to `url`."""
    context = wire.encode_context(account_id, int(sent_at or time.time()), {"rcpt": "r-42"})
    links = [(wire.encode_link(url, name, unsubscribe), sublink)]
    return tokens.click_urls(keys, f"https://{host}", host, context, links)[0]


def open_url(*, initial: bool = False, sent_at: float | None = None) -> str:
    """An open pixel's URL."""
    context = wire.encode_context("acme", int(sent_at or time.time()), {"rcpt": "r-42"})
    return tokens.open_url(KEYS, ORIGIN, HOST, context, initial=initial)


def unsubscribe_url(*, sent_at: float | None = None) -> str:
    """A message's one-click unsubscribe URL."""
    context = wire.encode_context("acme", int(sent_at or time.time()), {"rcpt": "r-42"})
    return wire.unsubscribe_url(KEYS, ORIGIN, HOST, context)


def reason(url: str, resolver: Resolver | None = None) -> str:
    """Why the URL does not resolve."""
    with pytest.raises(InvalidToken) as raised:
        (resolver or Resolver(KEYS)).resolve(url)
    return raised.value.reason


def test_click_says_where_it_goes_and_what_it_meant() -> None:
    """A click carries everything that was known about the link and the message when it was wrapped."""
    sent = datetime.now(UTC).replace(microsecond=0)
    url = click_url(name="Shop", unsubscribe=True, sublink="app", sent_at=sent.timestamp())
    assert Resolver(KEYS).resolve_click(url) == Click(
        url=SHOP,
        link_name="Shop",
        unsubscribe=True,
        metadata={"rcpt": "r-42"},
        account_id="acme",
        host=HOST,
        sent_at=sent,
        expired=False,
        part="html",
        index=0,
        anonymous=False,
        token=url.removeprefix(ORIGIN),
    )


@pytest.mark.parametrize("initial", [False, True])
def test_open_says_which_pixel_was_loaded(initial: bool) -> None:
    """An open carries the message's metadata and whether it was the pixel at the top."""
    found = Resolver(KEYS).resolve_open(open_url(initial=initial))
    assert found.initial is initial
    assert (found.metadata, found.account_id, found.host) == ({"rcpt": "r-42"}, "acme", HOST)


def test_results_are_immutable() -> None:
    """A resolved value cannot be changed by who it is handed to."""
    with pytest.raises(AttributeError):
        Resolver(KEYS).resolve_click(click_url()).url = "https://evil.example/"  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace(HOST, "CLICK.Acme.COM"),
        lambda url: url.replace(HOST, HOST + "."),
        lambda url: url.replace(HOST, HOST + ":8443"),
        lambda url: url.replace(HOST, HOST + ":"),
        lambda url: url.replace("https:", "HTTP:"),
        lambda url: url + "?utm_source=x&u=https://evil.example/",
        lambda url: url + "#top",
        lambda url: url + "#top?x",
        lambda url: url.replace("/f/a/2", "/f/a/%32"),
    ],
    ids=["host case", "trailing dot", "port", "empty port", "scheme", "query", "fragment", "both", "percent-encoded"],
)
def test_url_is_recognised_as_mail_systems_pass_it_on(change: Any) -> None:
    """Changes that keep a URL's meaning keep the click."""
    assert Resolver(KEYS).resolve_click(change(click_url())).url == SHOP


def test_internationalised_host_is_the_same_in_both_spellings() -> None:
    """A host typed in Unicode is looked up as its A-labels."""
    url = click_url(host="klick.xn--fa-hia.de")
    assert Resolver(KEYS).resolve_click(url.replace("xn--fa-hia", "faß")).host == "klick.xn--fa-hia.de"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/f/a/2x.y.z",
        "//click.acme.com/f/a/2x.y.z",
        "ftp://click.acme.com/f/a/2x.y.z",
        "https:///f/a/2x.y.z",
        "https://click.acme.com",
        "https://click.acme.com?/f/a/2x.y.z",
        " https://click.acme.com/f/a/2x.y.z",
        "https:\\\\click.acme.com\\f\\a\\1x.y.z",
        "https://click.acme.com/",
        "https://click.acme.com/favicon.ico",
        "https://[::1]/f/a/2x.y.z",
        "https://192.0.2.1/f/a/2x.y.z",
        "https://click_.acme.com/f/a/2x.y.z",
        "https://a..b/f/a/2x.y.z",
        "https://\ud800.com/f/a/2x.y.z",
        "https://" + "a" * 600 + "/f/a/2x.y.z",
    ],
)
def test_other_urls_are_malformed(url: str) -> None:
    """What is not a redirect URL's shape is refused as such and not guessed at."""
    assert reason(url) == "malformed"


@pytest.mark.parametrize("userinfo", ["user@", "user:pw@", "@", "click.acme.com:80@"])
def test_userinfo_is_refused(userinfo: str) -> None:
    """A URL that shows another name before its host is not taken."""
    assert reason(click_url().replace("https://", "https://" + userinfo)) == "malformed"


@pytest.mark.parametrize("junk", ["\n", "\t", " ", "%2E", "\x00", "\\"])
def test_host_holds_nothing_that_a_url_parser_would_drop(junk: str) -> None:
    """The host is read as it stands: nothing is stripped out of it to make it fit."""
    assert reason(click_url().replace(HOST, "click" + junk + ".acme.com")) == "malformed"


def test_oversized_url_is_refused_before_any_work() -> None:
    """A URL of megabytes costs no more than looking at its length."""
    assert reason(click_url() + "?" + "x" * MAX_URL) == "too-long"


def test_longest_link_resolves_even_percent_encoded() -> None:
    """The bound leaves room for the largest destination, name and metadata in their most verbose spelling."""
    destination = "https://shop.example/?" + "".join(f"{i * 7919 % 104729:x}" for i in range(1000))[: 4096 - 22]
    metadata = {str(i): f"{i * 6700417:x}" for i in range(60)}
    context = wire.encode_context("a" * 60, int(time.time()), metadata)
    link = wire.encode_link(destination, "n" * 63, True)
    url = tokens.click_urls(KEYS, ORIGIN, HOST, context, [(link, "s" * 64)])[0]
    head, token = url.rsplit("/", 1)
    spelled = head + "/" + "".join(f"%{ord(c):02X}" for c in token)
    for form in (url, spelled):
        assert Resolver(KEYS).resolve_click(form).url == destination


def test_forged_altered_and_moved_links_are_refused() -> None:
    """Other keys, another host, another sublink or another kind make a URL worthless."""
    url = click_url()
    assert reason(url, Resolver(SigningKeys("another key, long enough"))) == "signature"
    assert reason(url.replace(HOST, "click.other.com")) == "signature"
    assert reason(url.replace("/f/a/", "/f/b/")) == "signature"
    assert reason(url.replace("/f/a/", "/q/")) in ("signature", "malformed")


def test_percent_decoding_happens_once() -> None:
    """A doubly encoded path is another path."""
    assert reason(click_url().replace("/f/a/2", "/f/a/%2532")) == "malformed"


def test_rest_behind_the_signature_is_ignored() -> None:
    """What clients and people put behind a URL changes nothing, of each kind; what makes it another path refuses it."""
    resolver = Resolver(KEYS)
    for url, resolve in (
        (click_url(), resolver.resolve_click),
        (open_url(), resolver.resolve_open),
        (unsubscribe_url(), resolver.resolve_unsubscribe),
    ):
        found = resolve(url)
        for rest in IGNORED:
            assert resolve(url + rest) == resolver.resolve(url + rest) == found, rest
            assert resolver.resolve_path(HOST, url.removeprefix(ORIGIN) + rest) == found, rest
            assert resolve(url + rest + "?x#y") == found, rest
        for rest in REFUSED:
            assert reason(url + rest) == "malformed", rest


def test_rotated_keys_keep_verifying() -> None:
    """A link signed last year resolves while its key is among the retired ones."""
    rotated = SigningKeys("the new key, long enough", retired=["k" * 32])
    assert Resolver(rotated).resolve_click(click_url()).url == SHOP


@pytest.mark.parametrize(
    ("age", "expired"),
    [(-400, False), (0, False), (364, False), (366, True), (5000, True)],
    ids=lambda value: str(value),
)
def test_expired_links_only_get_a_flag(age: int, expired: bool) -> None:
    """A link of any age still leads to its destination; one from the future is not old."""
    sent = time.time() - age * 86_400
    click = Resolver(KEYS).resolve_click(click_url(sent_at=sent))
    assert (click.url, click.expired) == (SHOP, expired)
    assert Resolver(KEYS).resolve_open(open_url(sent_at=sent)).expired is expired


def test_max_age_decides_what_is_expired() -> None:
    """The resolver's own bound counts, up to the largest timedelta."""
    url = click_url(sent_at=time.time() - 7200)
    assert Resolver(KEYS, max_age=timedelta(hours=1)).resolve_click(url).expired
    assert not Resolver(KEYS, max_age=timedelta(hours=3)).resolve_click(url).expired
    assert not Resolver(KEYS, max_age=timedelta.max).resolve_click(url).expired


def test_kinds_are_kept_apart() -> None:
    """`resolve` takes URLs of all kinds; each of the others takes one kind, and its error names the kind it got."""
    resolver = Resolver(KEYS)
    kinds = [
        (resolver.resolve_click, click_url(), Click, "a link's URL"),
        (resolver.resolve_open, open_url(), Open, "an open pixel's URL"),
        (resolver.resolve_unsubscribe, unsubscribe_url(), Unsubscribe, "an unsubscribe URL"),
    ]
    for resolve, url, kind, name in kinds:
        found = resolve(url)
        assert type(found) is kind
        assert found == resolver.resolve(url) == resolver.resolve_path(HOST, url.removeprefix(ORIGIN))
        for _, other, _, other_name in kinds:
            if other != url:
                with pytest.raises(InvalidToken, match=f"{other_name}, not {name}") as raised:
                    resolve(other)
                assert raised.value.reason == "kind"


def test_unsubscribe_url_says_whose_message_it_was() -> None:
    """An unsubscribe URL carries the message's metadata, and age only flags it."""
    sent = datetime.now(UTC).replace(microsecond=0)
    url = unsubscribe_url(sent_at=sent.timestamp())
    assert Resolver(KEYS).resolve_unsubscribe(url) == Unsubscribe(
        metadata={"rcpt": "r-42"},
        account_id="acme",
        host=HOST,
        sent_at=sent,
        expired=False,
        anonymous=False,
        token=url.removeprefix(ORIGIN),
    )
    assert Resolver(KEYS).resolve_unsubscribe(unsubscribe_url(sent_at=1)).expired


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/",
        "/relative",
        "https:///",
        "",
        "https://shop.example/a b",
    ],
)
def test_signed_destination_that_is_no_web_address_never_redirects(url: str) -> None:
    """A signature is not enough: what it covers must be an http or https URL with a host."""
    assert reason(click_url(url)) == "destination"


@pytest.mark.parametrize(
    ("signed", "target"),
    [
        ("https://shop.example\\@evil.example/", "https://shop.example/@evil.example/"),
        ("https://SHOP.example", "https://shop.example/"),
        ("https://shop.example/{{name}}", "https://shop.example/{{name}}"),
    ],
)
def test_signed_destination_comes_out_as_the_url_a_browser_opens(signed: str, target: str) -> None:
    """What was signed by another version, with other rules, still redirects, in the form that a header can hold."""
    found = Resolver(KEYS).resolve_click(click_url(signed)).url
    assert found in {target, target.replace("{", "%7B").replace("}", "%7D")}


@pytest.mark.parametrize("url", ["https://shop.example/\r\nSet-Cookie: a=b", "https://shop.example/ü"])
def test_signed_destination_that_no_header_can_hold_never_comes_out(url: str) -> None:
    """Line breaks and characters beyond ASCII are refused, or gone."""
    try:
        found = Resolver(KEYS).resolve_click(click_url(url)).url
    except InvalidToken:
        return
    assert re.fullmatch("[!-~]+", found)


@given(
    st.one_of(
        st.text(max_size=60).map(lambda tail: "https://shop.example/" + tail),
        st.text("htps:/\\\\.@?#[]{%}<*|$\t\n\r \"'^`~ü0aA-", max_size=40).map(
            lambda tail: "http://shop.example" + tail
        ),
        st.text(max_size=30),
    )
)
def test_every_destination_that_is_wrapped_can_be_clicked(href: str) -> None:
    """What `read_destination` lets into a link is never refused when the link comes back."""
    destination, _ = read_destination(href)
    if destination is not None:
        assert Resolver(KEYS).resolve_click(click_url(destination)).url == destination


def test_refused_account_host_or_destination_is_stopped() -> None:
    """`refuse` sees the account, the host and the destination, and can stop the click."""
    seen: list[tuple[str, str, str]] = []

    def refuse(account_id: str, host: str, destination: str) -> bool:
        seen.append((account_id, host, destination))
        return account_id == "abuser"

    resolver = Resolver(KEYS, refuse=refuse)
    assert resolver.resolve_click(click_url()).url == SHOP
    assert reason(click_url(account_id="abuser"), resolver) == "refused"
    assert seen == [("acme", HOST, SHOP), ("abuser", HOST, SHOP)]


def test_refuse_is_asked_only_about_verified_clicks() -> None:
    """Strangers cannot make the block list work, and an open leads nowhere."""

    def refuse(account_id: str, host: str, destination: str) -> bool:
        raise AssertionError("asked")

    resolver = Resolver(KEYS, refuse=refuse)
    assert reason(click_url(keys=SigningKeys("another key, long enough")), resolver) == "signature"
    assert reason(click_url("javascript:alert(1)"), resolver) == "destination"
    assert resolver.resolve_open(open_url()).account_id == "acme"


def test_failing_refuse_never_costs_the_reader_the_page(caplog: pytest.LogCaptureFixture) -> None:
    """A block list that is down lets clicks through and says so in the log, without the link."""

    def refuse(account_id: str, host: str, destination: str) -> bool:
        raise ConnectionError("block list is down")

    with caplog.at_level(logging.ERROR, logger="linkwrap"):
        assert Resolver(KEYS, refuse=refuse).resolve_click(click_url()).url == SHOP
    assert "ConnectionError" in caplog.text
    assert "block list" not in caplog.text
    assert "shop.example" not in caplog.text


@pytest.mark.parametrize("nonce", ["0" * 32, "", "ü", "\ud800"])
def test_every_text_has_a_challenge_response(nonce: str) -> None:
    """Whatever is signed verifies, a lone surrogate too."""
    response = Resolver(KEYS).challenge_response(HOST, nonce)
    assert wire.verifies_challenge(KEYS, nonce, HOST, response)


def test_wrong_options_are_named_together() -> None:
    """One error lists every option that is wrong."""

    async def refuse(account_id: str, host: str, destination: str) -> bool:
        return False

    faults = (
        "keys must be SigningKeys, not str; max_age must be positive, not 0:00:00; "
        "refuse must be a callable, not an async one"
    )
    with pytest.raises(TypeError) as raised:
        Resolver("secret", max_age=timedelta(0), refuse=refuse)  # type: ignore[arg-type]
    assert str(raised.value) == faults


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_age": 365}, TypeError, "max_age must be timedelta, not int"),
        ({"max_age": None}, TypeError, "max_age must be timedelta, not None"),
        ({"max_age": timedelta(0)}, OptionError, "max_age must be positive"),
        ({"max_age": timedelta(days=-1)}, OptionError, "max_age must be positive, not -1 day, 0:00:00"),
        ({"refuse": 5}, TypeError, "refuse must be a callable or None, not int"),
        ({"refuse": "block"}, TypeError, "refuse must be a callable or None, not str"),
        ({"age": timedelta(1)}, TypeError, "unexpected keyword argument 'age'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Wrong types and unknown keywords are TypeErrors, values that cannot be used OptionErrors."""
    with pytest.raises(error, match=message):
        Resolver(KEYS, **options)


@pytest.mark.parametrize("wrong", [None, b"https://click.acme.com/q/2", 5])
def test_arguments_of_other_types_are_type_errors(wrong: Any) -> None:
    """What is no text is the caller's mistake, not a bad token; one message names all of them."""
    resolver = Resolver(KEYS)
    kind = "None" if wrong is None else type(wrong).__name__
    for resolve in (resolver.resolve, resolver.resolve_click, resolver.resolve_open, resolver.resolve_unsubscribe):
        with pytest.raises(TypeError, match=f"url must be str, not {kind}"):
            resolve(wrong)
    with pytest.raises(TypeError, match=f"host must be str, not {kind}; raw_path must be str, not {kind}"):
        resolver.resolve_path(wrong, wrong)
    with pytest.raises(TypeError, match=f"host must be str, not {kind}; nonce must be str, not {kind}"):
        resolver.challenge_response(wrong, wrong)


def test_errors_and_repr_hold_neither_keys_nor_content() -> None:
    """What may end up in a log says nothing about the recipient, the destination or the keys."""
    resolver = Resolver(KEYS, refuse=lambda *_: True)
    for url in (click_url(), click_url("javascript:alert(1)"), click_url().replace("/f/a/", "/f/b/"), "nonsense"):
        with pytest.raises(InvalidToken) as raised:
            resolver.resolve(url)
        text = str(raised.value)
        assert not any(part in text for part in ("shop", "r-42", "acme", "alert", "nonsense", url[-20:]))
    assert "kkk" not in repr(resolver)


def test_path_and_host_of_a_request_resolve_alike() -> None:
    """`resolve_path` takes the parts that a server has at hand."""
    url = click_url()
    path = url.removeprefix(ORIGIN)
    resolver = Resolver(KEYS)
    assert resolver.resolve_path("CLICK.acme.com:8080", path) == resolver.resolve(url)
    with pytest.raises(InvalidToken):
        resolver.resolve_path("user@click.acme.com", path)


def test_challenge_response_is_bound_to_host_and_nonce() -> None:
    """The response differs for each host and nonce, and is the same whatever the host's spelling."""
    resolver = Resolver(KEYS)
    response = resolver.challenge_response("Click.Acme.com:443", "0" * 32)
    assert response == wire.challenge_response(KEYS, "0" * 32, HOST)
    assert response != resolver.challenge_response("click.other.com", "0" * 32)
    assert response != resolver.challenge_response(HOST, "1" * 32)
    with pytest.raises(InvalidToken):
        resolver.challenge_response("192.0.2.1", "0" * 32)
