"""`LinkPolicy`: own opt-outs, placeholders, one-time links, and `utm`; in every form that takes a policy."""

import pickle
import re
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import lxml.html
import pytest
from bs4 import BeautifulSoup

from linkwrap import Link, LinkPolicy, LinkWrapper, OptionError, Resolver, SigningKeys
from linkwrap.policy import DEFAULT_PLACEHOLDERS, utm

KEYS = SigningKeys("a key for the tests of policies")
RESET = "https://shop.test/reset/8f14e45fceea167a5a36dedd4bea2543"


def reasons(html: str, policy: LinkPolicy) -> Sequence[tuple[str | None, str | None]]:
    """The reason and the placeholder of each link, the same from text, bytes, UTF-16, both trees and a message."""
    wrapper = LinkWrapper(KEYS, policy=policy)
    message = EmailMessage()
    message.set_content(html, subtype="html")
    (part,) = [part.template for part in wrapper.compile_message(message).parts if part.template]
    found = [
        [(link.reason, link.placeholder) for link in links]
        for links in (
            wrapper.compile(html).links,
            wrapper.compile(html.encode()).links,
            wrapper.compile(html.encode("utf-16")).links,
            wrapper.wrap_tree(lxml.html.document_fromstring(html)),
            wrapper.wrap_tree(BeautifulSoup(html, "html.parser")),
            part.links,
        )
    ]
    assert all(other == found[0] for other in found)
    return found[0]


@pytest.mark.parametrize(
    ("markup", "opted_out"),
    [
        ("data-skip-click", True),
        ('data-skip-click="false"', True),
        ('mautic:disable-tracking=""', True),
        ('mautic:disable-tracking="1"', True),
        ('MAUTIC:disable-tracking="true"', True),
        ('class="mktNoTrack"', True),
        ('class="btn MKTNOTRACK"', True),
        ("data-no-track", True),
        ('data-no-track="x"', True),
        ('HsTracking="false"', True),
        ("hstracking=FALSE", True),
        ("hstracking=true", False),
        ('class="mktNoTrack-2"', False),
        ('title="data-no-track"', False),
        ('data-no-tracks="1"', False),
        ('class="mktNo&#84;rack"', True),
        ('class="untrack&#101;d"', True),
        ('class="UNTRACK&#101;D"', False),
        ('class="btn&Tab;&#x75;ntracked"', True),
        ('clicktracking="o&#102;f"', True),
        ('hstracking="f&#x61;lse"', True),
        ('class="a&b"', True),
        ('class="a&amp;b"', True),
        ('class="x &auml;"', True),
        ('class="mktNo&amp;#84;rack"', False),
        ('alt="&#117;ntracked"', False),
    ],
)
def test_opt_outs_count_in_every_form(markup: str, opted_out: bool) -> None:
    """Those of other senders with any value where these take any, and a sender's own."""
    policy = LinkPolicy(opt_outs=("data-no-track", ".mktNoTrack", "hstracking=false", ".a&b", "class=ä"))
    html = f'<html><body><a {markup} href="https://shop.test/">x</a></body></html>'
    assert reasons(html, policy) == [("opted-out" if opted_out else None, None)]
    if opted_out:
        assert LinkWrapper(KEYS, policy=policy).wrap(html, open_tracking=False) == html


@pytest.mark.parametrize(
    ("opt_out", "message"),
    [
        ("", "'' must be an attribute"),
        ("a b", "'a b' must be an attribute"),
        ("1x", "must be an attribute"),
        ("[data-x]", "must be an attribute"),
        ("#id", "must be an attribute"),
        ("däta", "must be an attribute"),
        ("=x", "must be an attribute"),
        (".", "must be a dot and the name of one class"),
        (".a b", "must be a dot and the name of one class"),
        (".a.b", "must be a dot and the name of one class"),
        (".ä", "must be a dot and the name of one class"),
        ("x=", "must have a value behind '='"),
        ("x= y", "must have a value behind '=', without white space"),
        ('x="y"', "must have its value without quotes"),
        ("x='y'", "must have its value without quotes"),
        ("href=https://a.test/", "another attribute; skip_hosts"),
    ],
)
def test_opt_out_that_means_nothing(opt_out: str, message: str) -> None:
    """It is refused when the policy is made, and the message says what is wrong."""
    with pytest.raises(OptionError, match="opt_outs: .*" + re.escape(message) if "href" not in opt_out else message):
        LinkPolicy(opt_outs=["data-ok", opt_out])


def test_faults_of_the_new_options_are_listed() -> None:
    """One message lists them all; a wrong type makes it a TypeError."""
    with pytest.raises(
        OptionError, match=r"opt_outs: 'a b'.*no empty text.*one_time must be 'wrap' or 'leave', not 'x'"
    ):
        LinkPolicy(opt_outs=["a b"], placeholders=re.compile("x*"), one_time="x")  # type: ignore[arg-type]
    wrong: Any = {"opt_outs": "data-x", "placeholders": "{x}", "one_time": None}
    expected = (
        r"opt_outs must be a collection of str, not str; placeholders must be a compiled pattern.*one_time must be"
    )
    with pytest.raises(TypeError, match=expected):
        LinkPolicy(**wrong)
    with pytest.raises(TypeError, match="placeholders must be a compiled pattern for str, or None, not Pattern"):
        LinkPolicy(placeholders=re.compile(b"x"))  # type: ignore[arg-type]


def test_policy_is_a_value() -> None:
    """It can be compared and pickled; the default pattern stays the default."""
    policy = LinkPolicy(opt_outs=["b", "a"], one_time="leave", destination=utm(source="x", hosts=["shop.test"]))
    again = pickle.loads(pickle.dumps(policy))  # noqa: S301
    assert again == policy
    assert again.placeholders == DEFAULT_PLACEHOLDERS
    assert LinkWrapper(KEYS, policy=again).compile("<a href='https://shop.test/?a={x}'>").links[0].placeholder == "{x}"


@pytest.mark.parametrize(
    ("href", "piece"),
    [
        ("https://a.test/?e={contactfield=email}", "{contactfield=email}"),
        ("https://{product}.a.test/signup", "{product}"),
        ("https://a.test/hi/?u=[subscriber:email]", "[subscriber:email]"),
        ("https://a.test/s/?c=###SYS_AUTHCODE###", "##SYS_AUTHCODE##"),
        ("https://a.test/u?e=%recipient.email%", "%recipient.email%"),
        ("https://a.test/p/((reference))", "((reference))"),
        ("https://a.test/[% path %]", "[% path %]"),
        ("https://a.test/?e=&lt;span&gt;", "<span>"),
    ],
)
def test_placeholders_are_the_same_in_every_form(href: str, piece: str) -> None:
    """HTML, bytes, trees and messages leave the link alone, and name the piece that matched."""
    html = f'<html><body><a href="{href}">x</a><a href="https://a.test/f?filter[name]=x&f[0]=1">y</a></body></html>'
    assert reasons(html, LinkPolicy()) == [("placeholder", piece), (None, None)]


def test_invalid_hosts_are_the_same_in_every_form() -> None:
    """`a.test@TrackLink` has the host "tracklink", which some service would have replaced; an intranet's host stays."""
    html = "<html><body><a href='https://a.test@TrackLink'>x</a><a href='http://intranet/'>y</a></body></html>"
    assert reasons(html, LinkPolicy()) == [("invalid", None), (None, None)]
    wrapper = LinkWrapper(KEYS)
    assert wrapper.wrap_url("https://a.test@TrackLink") == "https://a.test@TrackLink"
    assert wrapper.wrap_text("See https://a.test@TrackLink now") == "See https://a.test@TrackLink now"


@pytest.mark.parametrize("scheme", ["https", "http", "HTTPS"])
def test_no_track_scheme_of_postal(scheme: str) -> None:
    """`https+notrack://` is opted out, with a warning, since only Postal makes its destination of it."""
    html = f"<html><body><a href=' {scheme}+notrack://shop.test/?a=1'>x</a></body></html>"
    assert reasons(html, LinkPolicy(honour=[])) == [("opted-out", None)]
    wrapper = LinkWrapper(KEYS)
    (link,) = wrapper.compile(html).links
    assert link.url == f"{scheme.lower()}://shop.test/?a=1"
    assert link.warning is not None
    assert link.warning.startswith(f"{scheme.lower()}+notrack: is Postal's opt-out")
    assert wrapper.wrap(html, open_tracking=False) == html
    assert wrapper.wrap_url(f"{scheme}+notrack://shop.test/") == f"{scheme}+notrack://shop.test/"
    both = wrapper.compile(html.replace("<a ", "<a data-msys-sublink='a/b' ")).links[0]
    assert "a/b" in str(both.warning)
    assert "Postal" in str(both.warning)


def test_one_time_links_are_wrapped_unless_a_policy_leaves_them() -> None:
    """Either way the link says that it is one."""
    html = f"<html><body><a href='{RESET}'>x</a><a href='https://shop.test/reset'>y</a></body></html>"
    assert reasons(html, LinkPolicy()) == [(None, None), (None, None)]
    assert reasons(html, LinkPolicy(one_time="leave")) == [("one-time", None), (None, None)]
    leaving = LinkWrapper(KEYS, policy=LinkPolicy(one_time="leave"))
    for wrapper in (leaving, LinkWrapper(KEYS)):
        assert [link.one_time for link in wrapper.compile(html).links] == [True, False]
    assert leaving.wrap_url(RESET) == RESET
    assert leaving.wrap_text(f"Reset: {RESET}") == f"Reset: {RESET}"
    assert Resolver(KEYS).resolve_click(LinkWrapper(KEYS).wrap_url(RESET)).url == RESET


# What HTML opts out is opted out in the text of the same message


def text_reasons(html: str, text: str, policy: LinkPolicy, amp: str | None = None) -> Sequence[str | None]:
    """The reasons of the URLs of a message's text."""
    message = EmailMessage()
    message.set_content(text)
    if amp is not None:
        message.add_alternative(amp, subtype="x-amp-html")
    message.add_alternative(html, subtype="html")
    wrapper = LinkWrapper(KEYS, policy=policy)
    for given in (message, message.as_bytes()):
        template = wrapper.compile_message(given, text=True)
        (plain,) = [part for part in template.parts if part.content_type == "text/plain"]
        assert plain.template is not None
        found = [link.reason for link in plain.template.links]
    return found


OUT = '<a data-pm-no-track href="https://shop.test/a">x</a>'
POSTAL = '<a href="https+notrack://shop.test/a">x</a>'
IN = OUT.replace("data-pm-no-track ", "")


@pytest.mark.parametrize(
    ("html", "amp", "opted_out"),
    [
        (OUT, None, True),
        (OUT * 2, None, True),
        (OUT.replace("data-pm-no-track", "data-own"), None, True),
        (OUT.replace("/a", "/x/../a"), None, True),
        (OUT, OUT, True),
        (POSTAL, None, True),
        (POSTAL + OUT, POSTAL, True),
        (POSTAL.replace("shop", "SHOP"), None, True),
        (POSTAL + IN, None, False),
        (POSTAL, IN, False),
        (POSTAL.replace("https+", "http+"), None, False),
        (POSTAL.replace("/a", "/{x}"), None, False),
        ("<p>no link</p>", OUT, True),
        (f"<base href='https://shop.test/'>{OUT.replace('https://shop.test/', '')}", None, True),
        (OUT + IN, None, False),
        (IN, None, False),
        (OUT, IN, False),
        (OUT.replace("/a", "/b"), None, False),
        ("<p>no link</p>", None, False),
    ],
)
@pytest.mark.parametrize("tagged", [False, True])
def test_text_follows_the_html_of_its_message(html: str, amp: str | None, opted_out: bool, tagged: bool) -> None:
    """Only where every HTML and AMP occurrence of a destination is opted out, whatever `destination` returns."""
    destination = utm(source="mail", hosts=["shop.test"]) if tagged else None
    policy = LinkPolicy(opt_outs=["data-own"], destination=destination)
    expected = ["opted-out" if opted_out else None, None]
    assert text_reasons(html, "https://shop.test/a and https://shop.test/\n", policy, amp) == expected


def test_text_of_a_message_without_html_follows_nothing() -> None:
    """A text alone decides for itself."""
    message = EmailMessage()
    message.set_content('https://shop.test/a https://shop.test/b[[data-msys-clicktrack="0"]]\n')
    parts = LinkWrapper(KEYS).compile_message(message, text=True).parts
    assert parts[0].template is not None
    assert [link.reason for link in parts[0].template.links] == [None, "opted-out"]


# utm


def link(url: str | None) -> Link:
    """A link with this destination."""
    return Link(url or "#x", url, "a", None, False, None, True, None, False, 0, 0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.test/", "https://shop.test/?utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test/?", "https://shop.test/?utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test/a?b=1", "https://shop.test/a?b=1&utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test/a?b", "https://shop.test/a?b&utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test/#top", "https://shop.test/?utm_source=news&utm_campaign=a%20b%26c#top"),
        ("https://shop.test/?a=1#/x?y", "https://shop.test/?a=1&utm_source=news&utm_campaign=a%20b%26c#/x?y"),
        ("https://www.shop.test/", "https://www.shop.test/?utm_source=news&utm_campaign=a%20b%26c"),
        ("https://u:p@shop.test:8080/", "https://u:p@shop.test:8080/?utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test./", "https://shop.test./?utm_source=news&utm_campaign=a%20b%26c"),
        ("https://shop.test/?utm_source=x", "https://shop.test/?utm_source=x&utm_campaign=a%20b%26c"),
        ("https://shop.test/?UTM_Source=x", "https://shop.test/?UTM_Source=x&utm_campaign=a%20b%26c"),
        ("https://shop.test/?utm%5Fsource=x", "https://shop.test/?utm%5Fsource=x&utm_campaign=a%20b%26c"),
        ("https://shop.test/?utm_source=&utm_campaign=y", "https://shop.test/?utm_source=&utm_campaign=y"),
        ("https://shop.test/#utm_source=x", "https://shop.test/?utm_source=news&utm_campaign=a%20b%26c#utm_source=x"),
    ],
)
def test_campaign_parameters_are_added_once_before_the_fragment(url: str, expected: str) -> None:
    """They go into the query, and what is there already is kept; what comes out is a destination."""
    tag = utm(source="news", campaign="a b&c", hosts=["shop.test", "*.shop.test"])
    assert tag(link(url)) == expected
    assert tag(link(expected)) == expected
    policy = LinkPolicy(destination=tag)
    (found,) = LinkWrapper(KEYS, policy=policy).compile(f'<a href="{url.replace("&", "&amp;")}">x</a>').links
    assert found.url == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://other.test/",
        "https://xshop.test/",
        "https://shop.test.evil.test/",
        "https://other.test/?u=https://shop.test/",
        "https://shop.test@other.test/",
        *(
            f"https://shop.test/f?a=1&{name}=abc"
            for name in "X-Amz-Signature Signature sig hmac token X-Goog-Signature sign access_token hdnts jwt".split()
        ),
        "https://shop.test/f?X%2DAmz%2DSignature=abc",
    ],
)
def test_others_and_signed_urls_stay_as_they_are(url: str) -> None:
    """Only the hosts that are named get parameters, and never a URL whose signature they would break."""
    tag = utm(source="news", medium="email", hosts=["shop.test"], overwrite=True)
    assert tag(link(url)) == url
    wrapper = LinkWrapper(KEYS, policy=LinkPolicy(destination=tag))
    assert Resolver(KEYS).resolve_click(wrapper.wrap_url(url)).url == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.test/?utm_source=x&a=1", "https://shop.test/?utm_source=news&a=1"),
        ("https://shop.test/?utm_source=x&a=1&utm_source=y#z", "https://shop.test/?utm_source=news&a=1#z"),
        ("https://shop.test/?utm_medium=x", "https://shop.test/?utm_medium=x&utm_source=news"),
    ],
)
def test_campaign_parameters_replace_where_told(url: str, expected: str) -> None:
    """With `overwrite`, a value takes the place of the one that was there, and stands once."""
    assert utm(source="news", hosts=["shop.test"], overwrite=True)(link(url)) == expected


def test_link_without_a_destination() -> None:
    """A caller that passes one gets its value back."""
    assert utm(source="news", hosts=["shop.test"])(link(None)) == "#x"


def test_faults_of_utm_are_listed() -> None:
    """One message lists them all."""
    with pytest.raises(OptionError, match=r"source must not be empty.*not a DNS host name"):
        utm(source=" ", hosts=["a b"])
    with pytest.raises(OptionError, match=r"must have a source, a medium or a campaign; hosts must name at least one"):
        utm(hosts=[])
    wrong: Any = {"source": 1, "hosts": "shop.test", "overwrite": 1}
    with pytest.raises(
        TypeError, match=r"source must be str or None.*hosts must be a collection.*overwrite must be bool"
    ):
        utm(**wrong)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.test/?filters=List((type%3ACURRENT%2Cvalues%3AList((id%3A1))))",
        "https://x.test/?q=%C3%BCber50%&x=1",
        "https://x.test/?q=%C3%A9t%C3%A9-50%",
        "https://x.test/?q=%E3%83%BCABC%",
        "https://x.test/?filter=%5B%5B%22status%22%2C1%5D%5D",
        "https://x.test/?bounds=%5B%5B1,2%5D,%5B3,4%5D%5D",
    ],
)
def test_finished_urls_stay_links(url: str) -> None:
    """Rison, escaped text before a percent sign, and arrays in JSON hold no placeholder."""
    assert LinkWrapper(KEYS).compile(f'<a href="{url}">').links[0].wrapped


def test_a_mail_without_placeholders_has_none_in_its_text() -> None:
    """None says that the mail is finished, for plain text too; a pattern of the sender's own replaces the list."""
    text = "see https://a.test/e/{id}/y end"
    for placeholders, wrapped in ((None, True), (re.compile("@@"), True), (DEFAULT_PLACEHOLDERS, False)):
        wrapper = LinkWrapper(KEYS, policy=LinkPolicy(placeholders=placeholders))
        assert wrapper.compile_text(text).links[0].wrapped is wrapped


@pytest.mark.parametrize("opt_out", ["href", "HREF", "href=x", "class=x y"])
def test_opt_outs_that_mean_nothing(opt_out: str) -> None:
    """What every link has, and what no link can have, is refused."""
    with pytest.raises(OptionError, match="opt_outs"):
        LinkPolicy(opt_outs=[opt_out])


@pytest.mark.parametrize("pattern", ["", "x*", r"\b", "(?=a)"])
def test_patterns_that_match_nothing_are_refused(pattern: str) -> None:
    """A pattern that matches an empty text somewhere would leave each link alone."""
    with pytest.raises(OptionError, match="placeholders"):
        LinkPolicy(placeholders=re.compile(pattern))
