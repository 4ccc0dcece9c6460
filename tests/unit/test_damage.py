"""Damage that link trackers were reported to do to mail, each as a test of what its reader would notice.

The reports are named by project and issue number.
"""

import re
from datetime import UTC, datetime

import html5lib
import pytest
from bs4 import BeautifulSoup, Comment, Tag

from linkwrap import Click, InvalidToken, Link, LinkPolicy, LinkWrapper, Resolver, SigningKeys
from linkwrap.endpoint import Response, respond

KEYS = SigningKeys("a key for the tests of damage")
HOST = "click.acme.test"
METADATA = {"rcpt": "r-42"}
PIXEL = re.compile(rf'<img border="0" width="1" height="1" alt="" src="https://{re.escape(HOST)}/q/[^"]+"[^>]*>')


def wrap(html: str, policy: LinkPolicy | None = None, **options: bool) -> str:
    """The mail as the recipient gets it."""
    wrapper = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST, policy=policy or LinkPolicy())
    return wrapper.wrap(html, METADATA, **options)


def read(html: str) -> BeautifulSoup:
    """The mail as a browser engine reads it."""
    return BeautifulSoup(html, "html5lib")


def hrefs(html: str) -> list[str]:
    """The links of a mail, as a browser engine reads them."""
    return [str(link["href"]) for link in read(html).select("a[href], area[href]")]


def destinations(html: str) -> list[str]:
    """Where each link of a wrapped mail leads."""
    return [Resolver(KEYS).resolve_click(href).url for href in hrefs(html)]


def destination(href: str, quote: str = '"') -> str:
    """Where a link with this attribute value leads once it is wrapped."""
    (url,) = destinations(wrap(f"<p><a href={quote}{href}{quote}>x</a></p>"))
    return url


def fetch(url: str, method: str = "GET", keys: SigningKeys = KEYS, host: str = HOST) -> Response:
    """What the redirect endpoint answers when a link is opened."""
    path = re.sub("^https://[^/]+", "", url)
    return respond(Resolver(keys), method=method, raw_path=path, host=host, headers={"User-Agent": "test"})


def test_ampersands_escaped_in_an_href_reach_the_site_as_ampersands() -> None:
    """mautic #1702 #1711, postal #296 #2568, listmonk #844, mail-tracker #18 #24: `&amp;` literal or encoded twice."""
    assert destination("https://shop.test/?a=1&amp;b=2&#38;c=3&#x26;d=4") == "https://shop.test/?a=1&b=2&c=3&d=4"
    assert destination("https://shop.test/?a=1&amp;amp;b=2") == "https://shop.test/?a=1&amp;b=2"


def test_query_parameters_named_like_a_character_reference_stay() -> None:
    """Python's html.parser and every tool on it: `?a=1&copy=2` read as `©=2`."""
    url = "https://shop.test/?a=1&copy=2&lt=3&reg=4&section=5"
    assert destination(url) == url


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("https://shop.test/o'neill?q=it's&r=1", "https://shop.test/o'neill?q=it%27s&r=1"),
        ("https://shop.test/?f[0]=a&f[]=b", "https://shop.test/?f[0]=a&f[]=b"),
        ("https://shop.test/v1.2.?x=1.", "https://shop.test/v1.2.?x=1."),
        ("https://shop.test/?next=https://b.test/?href=1&t=2", "https://shop.test/?next=https://b.test/?href=1&t=2"),
    ],
    ids=["apostrophe", "brackets", "dot", "href="],
)
def test_url_is_not_cut(href: str, url: str) -> None:
    """phpList #436, listmonk #2499, postal #1208, sendgrid/docs #3416: cut at `'`, `[]`, a dot, or `href=`."""
    assert destination(href) == url


def test_apostrophe_does_not_end_a_double_quoted_href_or_the_other_way_round() -> None:
    """phpList #436: a URL that holds the other quote was cut there."""
    assert destination("https://shop.test/a'b") == "https://shop.test/a'b"
    assert destination('https://shop.test/a"b', quote="'") == "https://shop.test/a%22b"


@pytest.mark.parametrize(
    "placeholder", ["{{ url }}", "{% url 'x' %}", "<%= url %>", "*|URL|*", "%%url%%", "${url}", "[[url]]"]
)
def test_placeholders_stay_for_the_engine_that_fills_them_in(placeholder: str) -> None:
    """premailer #72 #130 #248 #297, mautic #3825 #7268, listmonk #667, and lxml: `{{ url }}` made `{{%20url%20}}`."""
    html = f'<p>{placeholder} <a href="{placeholder}">a</a> <a href="https://shop.test/{placeholder}?x=1">b</a></p>'
    assert PIXEL.sub("", wrap(html)) == html


def test_outlook_gets_its_buttons_tracked_and_undamaged() -> None:
    """mautic #4328, keila #382: markup for Outlook dropped, or its links missed."""
    html = (
        '<body><!--[if mso]><v:roundrect href="https://shop.test/?a=1&amp;b=2" arcsize="9%"><w:anchorlock/>'
        '<center>Buy</center></v:roundrect><![endif]--><!--[if !mso]><!--><a href="https://shop.test/">Buy</a>'
        "<!--<![endif]--></body>"
    )
    wrapped = wrap(html)
    for_outlook = next(text for text in read(wrapped).find_all(string=True) if isinstance(text, Comment))
    match = re.fullmatch(
        r'\[if mso\]><v:roundrect href="([^"]+)" arcsize="9%"><w:anchorlock/><center>Buy</center></v:roundrect>'
        r"<!\[endif\]",
        for_outlook,
    )
    assert match is not None
    assert Resolver(KEYS).resolve_click(match[1]).url == "https://shop.test/?a=1&b=2"
    assert destinations(wrapped) == ["https://shop.test/"]


def test_downlevel_revealed_conditionals_stay_as_they_are() -> None:
    """lxml and all of Beautiful Soup's parsers alter `<![if !mso]>`."""
    before, after = '<p><![if !mso]><a class="x" href="', '">x</a><![endif]></p>'
    wrapped = wrap(f"{before}https://shop.test/{after}", open_tracking=False)
    assert wrapped.startswith(before)
    assert wrapped.endswith(after)


def test_button_made_of_a_table_stays_one_link() -> None:
    """lxml, Beautiful Soup on lxml, premailer #192: `<a><table>` torn apart, and the button led nowhere."""
    before, after = "<div><a href=", "><table><tr><td>Buy now</td></tr></table></a></div>"
    wrapped = wrap(f'{before}"https://shop.test/"{after}', open_tracking=False)
    assert wrapped.startswith(before)
    assert wrapped.endswith(after)
    assert [link.get_text() for link in read(wrapped).select("a[href]")] == ["Buy now"]


def test_doctype_head_and_charset_stay() -> None:
    """pytracking #20, ahoy_email #150: doctype, head or charset lost, so that fonts and umlauts broke."""
    start = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\r\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="latin1">\r\n<title>Grüße</title></head><body>'
    )
    html = start + '<a href="https://shop.test/">Grüße</a></body></html>\r\n'
    assert wrap(html).startswith(start)
    wrapper = LinkWrapper(KEYS, tracking_domain=HOST)
    assert wrapper.wrap(html.encode("latin-1"), METADATA).startswith(start.encode("latin-1"))


def test_line_break_in_an_end_tag_hides_no_link() -> None:
    """PostHog #99733: links closed by `</a>` on two lines were lost by a regular expression."""
    html = '<p><a class="x"\n href="https://shop.test/1"\n>one</a\n> <a href="https://shop.test/2">two</a\n></p>'
    assert destinations(wrap(html)) == ["https://shop.test/1", "https://shop.test/2"]


@pytest.mark.parametrize(
    "tag",
    [
        '<A HREF="https://shop.test/">',
        '<a href = "https://shop.test/">',
        "<a\thref\n=\f'https://shop.test/' >",
        "<A CLASS=x HREF=https://shop.test/>",
        '<a/href="https://shop.test/">',
    ],
)
def test_unusual_spelling_hides_no_link(tag: str) -> None:
    """sendgrid/docs #1841, Momentum bz1632: spaces around `=` and upper-case tags missed."""
    assert destinations(wrap(f"<p>{tag}x</a></p>")) == ["https://shop.test/"]


@pytest.mark.parametrize(
    "href", ["#top", "mailto:a@shop.test?subject=A%20b&amp;body=c", "tel:+4351200000", "sms:+43512", "cid:1@shop.test"]
)
def test_links_that_no_browser_opens_stay(href: str) -> None:
    """mautic #16043, Notifuse #163, dada-mail #242: `#top`, `mailto:` and `tel:` rewritten."""
    html = f'<p id="top"><a href="{href}">x</a></p>'
    assert PIXEL.sub("", wrap(html)) == html


def test_each_of_several_equal_links_is_wrapped() -> None:
    """mautic #8928: only the last of several equal links was rewritten."""
    html = '<p><a href="https://shop.test/">image</a><a href="https://shop.test/">text</a></p>' * 3
    assert destinations(wrap(html)) == ["https://shop.test/"] * 6


def test_a_link_that_is_the_start_of_another_does_not_change_it() -> None:
    """mautic #8928: replacing by search and replace also hits longer URLs."""
    html = '<p><a href="https://shop.test/">a</a> https://shop.test/ <a href="https://shop.test/b">b</a></p>'
    wrapped = wrap(html)
    assert destinations(wrapped) == ["https://shop.test/", "https://shop.test/b"]
    assert "</a> https://shop.test/ <a" in wrapped


def test_wrapping_twice_counts_once() -> None:
    """pytracking #25, listmonk #2721, mautic #1439, Momentum BZ3811: a link wrapped twice, and two pixels."""
    once = wrap('<body><a href="https://shop.test/">x</a></body>')
    assert wrap(once) == once
    assert len(PIXEL.findall(once)) == 1


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_altered_link_redirects_nowhere(position: int) -> None:
    """mail-tracker #79 #201 #227, pytracking without encryption: open redirects got whole domains suspended."""
    (href,) = hrefs(wrap('<a href="https://shop.test/a-path-that-is-not-too-short">x</a>'))
    token = href.rindex("/") + 1 + position
    altered = href[:token] + ("A" if href[token] != "A" else "B") + href[token + 1 :]
    response = fetch(altered)
    assert response.status == 404
    assert "Location" not in response.headers
    assert response.event is None


def test_link_of_one_customer_redirects_nowhere_on_the_host_of_another() -> None:
    """mail-tracker #201: one sender's links were served through everyone's domain."""
    (href,) = hrefs(wrap('<a href="https://phish.test/">x</a>'))
    assert fetch(href).status == 302
    moved = fetch(href, host="click.bank.test")
    assert moved.status == 404
    assert "Location" not in moved.headers


@pytest.mark.parametrize("path", ["/f/a/https://evil.test/", "/f/a/?url=https://evil.test/", "/f//evil.test/", "/f/a/"])
def test_unsigned_target_redirects_nowhere(path: str) -> None:
    """pytracking unless encryption is on: the destination was whatever the URL said."""
    response = fetch(f"https://{HOST}{path}")
    assert response.status == 404
    assert "evil" not in response.body.decode() + repr(response.headers)


def test_site_gets_exactly_the_url_that_the_sender_wrote() -> None:
    """mautic #14272: a tracking parameter added to the destination broke sites that sign or refuse unknown ones."""
    url = "https://shop.test/signed?expires=1&sig=abc%2Fd=="
    (href,) = hrefs(wrap(f'<a href="{url}">x</a>'))
    assert fetch(href).headers["Location"] == url
    assert fetch(href + "?fbclid=1&utm_source=proxy").headers["Location"] == url


def test_fragment_stays_behind_the_query() -> None:
    """pimcore #1325: parameters were put behind the fragment, where no site sees them."""

    def with_campaign(link: Link) -> str:
        url, mark, fragment = (link.url or "").partition("#")
        return f"{url}{'&' if '?' in url else '?'}utm_campaign=autumn{mark}{fragment}"

    html = '<a href="https://shop.test/page?x=1#day-two">x</a>'
    assert destinations(wrap(html)) == ["https://shop.test/page?x=1#day-two"]
    tagged = wrap(html, LinkPolicy(destination=with_campaign))
    assert destinations(tagged) == ["https://shop.test/page?x=1&utm_campaign=autumn#day-two"]


def test_pixel_at_the_top_leaves_the_preheader_alone() -> None:
    """Badsender esp-html-bugs #13: a pixel at the top pushed the hidden preheader out of the inbox's preview."""
    body, rest = '<body style="margin:0">', '<div style="display:none">Preview text</div><p>Text</p></body>'
    wrapped = wrap(body + rest, initial_open=True)
    top, bottom = (image for image in read(wrapped).find_all("img"))
    assert isinstance(top, Tag)
    assert wrapped.startswith(body + "<img ")
    assert PIXEL.sub("", wrapped).endswith(rest)
    assert top["alt"] == ""
    assert "opacity:0" in str(top["style"])
    assert Resolver(KEYS).resolve_open(str(top["src"])).initial
    assert not Resolver(KEYS).resolve_open(str(bottom["src"])).initial
    assert read(wrapped).get_text().startswith("Preview text")


def test_link_that_shows_a_url_can_keep_it() -> None:
    """Thunderbird, MailScanner #504: a visible URL on another host than its link's brought a scam warning."""
    html = '<p><a href="https://acme.test/pay" data-msys-clicktrack="0">https://acme.test/pay</a></p>'
    wrapped = wrap(html + '<p><a href="https://acme.test/x">https://acme.test/x</a></p>')
    assert wrapped.startswith(html)
    assert [link.get_text() for link in read(wrapped).select("a")] == ["https://acme.test/pay", "https://acme.test/x"]


def test_scanner_unsubscribes_nobody() -> None:
    """Rock #7034, emailflare #190: a security scanner that follows each link unsubscribed the reader."""
    html = '<a href="https://acme.test/leave" data-msys-unsubscribe="1">Unsubscribe</a>'
    (href,) = hrefs(wrap(html))
    by_reader, by_scanner = fetch(href), fetch(href, method="HEAD")
    assert by_reader.event is not None
    assert by_scanner.event is not None
    assert (by_reader.event.type, by_reader.event.machine) == ("link_unsubscribe", False)
    assert (by_scanner.event.type, by_scanner.event.machine) == ("click", True)
    assert by_reader.headers["Location"] == by_scanner.headers["Location"] == "https://acme.test/leave"


def test_links_outlive_their_key() -> None:
    """mail-tracker #138, ahoy_email 4.0: old links died once keys were changed or tables cleaned up."""
    (href,) = hrefs(wrap('<a href="https://shop.test/">x</a>'))
    rotated = SigningKeys(SigningKeys.generate(), retired=[SigningKeys.generate(), "a key for the tests of damage"])
    assert fetch(href, keys=rotated).headers["Location"] == "https://shop.test/"
    forgotten = SigningKeys(SigningKeys.generate())
    with pytest.raises(InvalidToken, match="signature"):
        Resolver(forgotten).resolve(href)


def test_old_links_still_redirect() -> None:
    """ahoy_email 4.0: clicks on old mail led nowhere."""
    wrapper = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
    old = wrapper.wrap('<a href="https://shop.test/">x</a>', METADATA, sent_at=datetime(2001, 9, 9, tzinfo=UTC))
    click = Resolver(KEYS).resolve(hrefs(old)[0])
    assert isinstance(click, Click)
    assert click.expired
    assert fetch(hrefs(old)[0]).headers["Location"] == "https://shop.test/"


def test_mail_reads_the_same_but_for_its_links() -> None:
    """The sum of the above: the tree that a mail client builds differs in link targets and the pixel only."""
    html = (
        "<!doctype html><title>T</title><body><table><tr><td>&nbsp;&zwnj;<a href=https://shop.test/>a<div>b</div></a>"
        '<p>c<!--[if mso]><br><![endif]--><a href="https://shop.test/?x=1&y=2" data-keep=1>d</table>e</body>'
    )
    wrapped = PIXEL.sub("", wrap(html))
    restored = iter(["https://shop.test/", "https://shop.test/?x=1&y=2"])
    wrapped = re.sub(rf"https://{re.escape(HOST)}/f/[^\">]+", lambda _: next(restored), wrapped)
    assert html5lib.serialize(html5lib.parse(wrapped)) == html5lib.serialize(html5lib.parse(html))


@pytest.mark.parametrize(
    ("before", "after"), [("<", ">"), ("[", "]"), ("(", ")."), ("„", "“."), ("> ", "\r\n> a"), ("「", "」。")]
)
def test_delimiter_behind_a_url_of_a_plain_text_is_no_part_of_it(before: str, after: str) -> None:
    """wordpress-sparkpost #16: the `>` behind a password reset URL was swallowed into it, and the key was wrong."""
    reset = "http://shop.test/wp-login.php?action=rp&key=KEY&login=NAME"
    sent = LinkWrapper(KEYS, tracking_domain=HOST).wrap_text(f"{before}{reset}{after}", METADATA)
    assert sent.startswith(f"{before}https://{HOST}/f/a/")
    assert sent.endswith(after)
    url = sent.removeprefix(before).removesuffix(after)
    assert fetch(url).headers["Location"] == reset
