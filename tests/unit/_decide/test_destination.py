"""Attribute values, destinations, bases and host names, case by case."""

import html.entities

import ada_url
import pytest
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes
from selectolax.lexbor import LexborHTMLParser

from linkwrap._decide.destination import MAX_DESTINATION, read_base, read_destination
from linkwrap._hosts import host_name
from linkwrap._markup.tokenizer import decode_references

BASE = "https://www.acme.com/news/may.html?id=7"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("https://acme.com/?a=1", "https://acme.com/?a=1"),
        ("?a=1&amp;b=2", "?a=1&b=2"),
        ("?a=1&amp;b=2&amp;c=3&d=4", "?a=1&b=2&c=3&d=4"),
        ("?a=1&copy=2", "?a=1&copy=2"),
        ("?a=1&copyx", "?a=1&copyx"),
        ("?a=1&copy1", "?a=1&copy1"),
        ("?a=1&copy;=2", "?a=1©=2"),
        ("?a=1&copy b", "?a=1© b"),
        ("?a=1&copy", "?a=1©"),
        ("?a=1&copy&reg;", "?a=1©®"),
        ("?a=1&copy_b", "?a=1©_b"),
        ("&notin;", "∉"),
        ("&notit;", "&notit;"),
        ("&not;in", "¬in"),
        ("&amp;copy;", "&copy;"),
        ("&amp;amp;", "&amp;"),
        ("&AMP;&AMP", "&&"),
        ("&Amp;", "&Amp;"),
        ("&NotEqualTilde;", "≂̸"),
        ("&unknown;", "&unknown;"),
        ("&", "&"),
        ("&;", "&;"),
        ("&&amp;&", "&&&"),
        ("& amp;", "& amp;"),
        ("&#47;&#x2f;&#X2F;", "///"),
        ("&#47a", "/a"),
        ("&#x2fg", "/g"),
        ("&#47", "/"),
        ("&#;&#x;&#xg;&#a;", "&#;&#x;&#xg;&#a;"),
        ("&#0;&#x0", "\ufffd\ufffd"),
        ("&#xD800;&#57343;", "\ufffd\ufffd"),
        ("&#x10FFFF;&#x110000;", "\U0010ffff\ufffd"),
        ("&#x80;&#150;&#x9f;", "€–Ÿ"),
        ("&#x81;&#x9d;", "\x81\x9d"),
        ("&#13;&#10;", "\r\n"),
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\0b&\0amp;", "a\ufffdb&\ufffdamp;"),
        ("&#٤;", "&#٤;"),
        ("&cöpy;", "&cöpy;"),
    ],
)
def test_an_attribute_value_is_read_as_browsers_read_it(source: str, value: str) -> None:
    """Character references, line ends and NUL of an attribute's source follow the WHATWG rules."""
    assert decode_references(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("&#" + "9" * 100_000 + ";", "\ufffd"),
        ("&#x" + "f" * 100_000, "\ufffd"),
        ("&#" + "0" * 100_000 + "65;b", "Ab"),
        ("&#x" + "0" * 100_000 + "41", "A"),
        ("&" + "a" * 100_000 + ";", "&" + "a" * 100_000 + ";"),
    ],
)
def test_references_of_any_length_are_read(source: str, value: str) -> None:
    """A reference of a hundred thousand digits or letters is read, not an error."""
    assert decode_references(source) == value


def test_every_named_reference_is_read_as_parsers_read_it() -> None:
    """Each name of HTML, before each kind of follower, reads as in html5lib's tokenizer and in Lexbor."""
    names = {name.removesuffix(";") for name in html.entities.html5}
    sources = [
        f"?a&{name}{follower}" for name in sorted(names) for follower in (";", "=", "x", "1", " ", ";=", "&", "")
    ]
    document = "".join(f'<a href="{source}">' for source in sources)
    values = [decode_references(source) for source in sources]
    assert values == [
        dict(token["data"])["href"] for token in HTMLTokenizer(document) if token["type"] == tokenTypes["StartTag"]
    ]
    links = LexborHTMLParser(document.replace(">", "></a>")).css("a")
    assert values == [link.attributes["href"] for link in links]


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("https://acme.com/a?b=c#d", "https://acme.com/a?b=c#d"),
        ("http://acme.com", "http://acme.com/"),
        ("https://acme.com?a=1", "https://acme.com/?a=1"),
        ("HTTPS://Www.Acme.COM/Path", "https://www.acme.com/Path"),
        (" \t\n https://acme.com/ \r\n", "https://acme.com/"),
        ("https://acme.com/a\r\nb\tc", "https://acme.com/abc"),
        ("\x00\x01https://acme.com/\x1f", "https://acme.com/"),
        ("https://acme.com/a b?c d#e f", "https://acme.com/a%20b?c%20d#e%20f"),
        ("https://acme.com/\x01\x7f", "https://acme.com/%01%7F"),
        ("https://acme.com/ü?ü#ü", "https://acme.com/%C3%BC?%C3%BC#%C3%BC"),
        ("https://acme.com/?q=it's&r=[1]", "https://acme.com/?q=it%27s&r=[1]"),
        ("https://acme.com/it's", "https://acme.com/it's"),
        ('https://acme.com/">?">#">', "https://acme.com/%22%3E?%22%3E#%22%3E"),
        ("https://acme.com/?u=https://b.com/?href=x.html", "https://acme.com/?u=https://b.com/?href=x.html"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://bücher.de", "https://xn--bcher-kva.de/"),
        ("https://acme。com/", "https://acme.com/"),
        ("http://good.com\\@evil.com", "http://good.com/@evil.com"),
        ("https:\\\\acme.com\\a", "https://acme.com/a"),
        ("https:acme.com/a", "https://acme.com/a"),
        ("https:///acme.com/a", "https://acme.com/a"),
        ("https://user:pass@acme.com/", "https://user:pass@acme.com/"),
        ("https://acme.com:443/", "https://acme.com/"),
        ("http://acme.com:8080", "http://acme.com:8080/"),
        ("https://acme.com/a/../b/./c", "https://acme.com/b/c"),
        ("https://acme.com/%2e%2E/b", "https://acme.com/b"),
        ("https://acme.com/a/..", "https://acme.com/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://1.2", "http://1.0.0.2/"),
        ("http://[::1]/", "http://[::1]/"),
        ("//acme.com/a", "https://acme.com/a"),
        ("\\\\acme.com/a", "https://acme.com/a"),
        ("/\\acme.com/a", "https://acme.com/a"),
        ("/\n/acme.com/a", "https://acme.com/a"),
        ("///acme.com/a", "https://acme.com/a"),
        ("https://acme.com/100%%20off", "https://acme.com/100%%20off"),
        ("https://acme.com/100%é", "https://acme.com/100%%C3%A9"),
        ("https://acme.com/{1}?{2}", "https://acme.com/%7B1%7D?{2}"),
        ("https://acme.com/*x*?$5[x]", "https://acme.com/*x*?$5[x]"),
        ("https://a_b.acme.com/", "https://a_b.acme.com/"),
        ("http://intranet/", "http://intranet/"),
        ("http://a-b:8080/x", "http://a-b:8080/x"),
        ("http://localhost./", "http://localhost./"),
        ("https://user@acme.com/", "https://user@acme.com/"),
        ("https://a%40b:c@acme.com./", "https://a%40b:c@acme.com./"),
        ("http://u@[::1]:80/", "http://u@[::1]/"),
        ("http://u@127.1/", "http://u@127.0.0.1/"),
    ],
)
def test_the_destination_is_what_a_browser_opens(href: str, url: str) -> None:
    """An http or https link comes out as the URL standard serialises it, and stays the same when read again."""
    assert read_destination(href) == (url, None)
    assert read_destination(url) == (url, None)


@pytest.mark.parametrize(
    ("reason", "href"),
    [
        ("empty", ""),
        ("empty", " \t\r\n\f"),
        ("empty", "\x00\x1f"),
        ("placeholder", "{{ url }}"),
        ("placeholder", "https://acme.com/{{ id }}"),
        ("placeholder", "https://acme.com/{{ id"),
        ("placeholder", "https://acme.com/{%if x%}a{%endif%}"),
        ("placeholder", "<%= url %>"),
        ("placeholder", "*|UNSUB|*"),
        ("placeholder", "https://acme.com/?e=*|EMAIL|*"),
        ("placeholder", "%%unsubscribe%%"),
        ("placeholder", "%%=RedirectTo(@url)=%%"),
        ("placeholder", "https://acme.com/%%_id%%"),
        ("placeholder", "https://acme.com/%%CA"),
        ("placeholder", "https://acme.com/?x=${id}"),
        ("placeholder", "[[link]]"),
        ("placeholder", "#{{ anchor }}"),
        ("placeholder", "mailto:{{ address }}"),
        ("placeholder", "https://acme.com/{\n{ id }}"),
        ("placeholder", "https://%7B%7Bhost%7D%7D/"),
        ("placeholder", "https://｛｛host｝｝/"),
        ("placeholder", "{{" + "x" * 100_000),
        ("too-long", "https://acme.com/" + "x" * 100_000),
        ("too-long", "mailto:" + "x" * 100_000),
        ("too-long", "https://acme.com/" + "a/../" * 10_000),
        ("too-long", "https://acme.com/" + "é" * 700),
        ("fragment", "#"),
        ("fragment", "#top"),
        ("fragment", "\n #top"),
        ("scheme", "mailto:a@acme.com"),
        ("scheme", "tel:+1655"),
        ("scheme", "foo:bar"),
        ("scheme", "ftp://acme.com/"),
        ("scheme", "ftp://["),
        ("scheme", "javascript:alert(1)"),
        ("scheme", "\x01\x02javascript:alert(1)"),
        ("scheme", "java\nscript\t:alert(1)"),
        ("scheme", "data:text/html,x"),
        ("scheme", "httpss://acme.com/"),
        ("scheme", "localhost:8080/a"),
        ("scheme", "view-source:https://acme.com/"),
        ("relative", "www.acme.com"),
        ("relative", "unsubscribe]"),
        ("relative", "/a"),
        ("relative", "../a"),
        ("relative", "?a=1"),
        ("relative", "1:2"),
        ("relative", "/a:b"),
        ("relative", '3D"https://acme.com/"'),
        ("relative", "\xa0https://acme.com/"),
        ("invalid", "http://"),
        ("invalid", "https:"),
        ("invalid", "https:///"),
        ("invalid", "//"),
        ("invalid", "https://acme.com:99999/"),
        ("invalid", "https://acme .com/"),
        ("invalid", "https://[acme/"),
        ("invalid", "https://1.2.3.4.5/"),
        ("invalid", 'https://a"b.com/'),
        ("invalid", "https://a%22b.com/"),
        ("invalid", "https://a.test@TrackLink"),
        ("invalid", "https://a.test@TrackLink/?a=1"),
        ("invalid", "http://user:pass@intranet/"),
        ("invalid", "https://a.test:8080@link./x"),
        ("invalid", "//a.test@b"),
        ("invalid", "https://a!b.test/"),
        ("invalid", "https://shop*.test/"),
        ("invalid", "https://a.test,b.test/"),
        ("invalid", "https://a'b.test/"),
        ("invalid", "https://$host.test/"),
        ("invalid", "https://a.test&b=1/"),
        ("invalid", "https://(a).test/"),
        ("invalid", "https://a~b.test/"),
        ("invalid", "https://a+b=c;d.test/"),
        ("invalid", "https://acme.com/\udc80"),
    ],
)
def test_what_is_no_destination_says_why(reason: str, href: str) -> None:
    """Each kind of value that no browser opens as a web page has its own reason."""
    assert read_destination(href) == (None, reason)


@pytest.mark.parametrize("link", ["https://acme.com/", "https://ACME.com/"])
def test_the_longest_destination(link: str) -> None:
    """A destination may have 4096 bytes as serialised and not one more, whichever way it was spelled."""
    assert MAX_DESTINATION == 4096
    longest = link + "x" * (MAX_DESTINATION - len(link))
    assert read_destination(longest) == (longest.lower(), None)
    assert read_destination(longest + "x") == (None, "too-long")


def test_the_added_slash_counts() -> None:
    """A URL that only the added slash makes too long is too long."""
    host = "https://" + "a." * 2043 + "x"
    assert len(host) + 1 == MAX_DESTINATION
    assert read_destination(host) == (host + "/", None)
    assert read_destination(host + "x") == (None, "too-long")


@pytest.mark.parametrize(
    ("href", "result"),
    [
        ("june.html", ("https://www.acme.com/news/june.html", None)),
        ("/june.html", ("https://www.acme.com/june.html", None)),
        ("../", ("https://www.acme.com/", None)),
        ("?id=8", ("https://www.acme.com/news/may.html?id=8", None)),
        ("[1]", ("https://www.acme.com/news/[1]", None)),
        ("[unsubscribe]", (None, "placeholder")),
        ("www.other.com", ("https://www.acme.com/news/www.other.com", None)),
        ("https:june.html", ("https://www.acme.com/news/june.html", None)),
        ("http:other.com", ("http://other.com/", None)),
        ("//other.com", ("https://other.com/", None)),
        ("\\\\other.com", ("https://other.com/", None)),
        ("http://other.com", ("http://other.com/", None)),
        ("#top", (None, "fragment")),
        ("", (None, "empty")),
        ("mailto:a@acme.com", (None, "scheme")),
        ("//", (None, "invalid")),
        ("{{ url }}", (None, "placeholder")),
    ],
)
def test_relative_links_count_where_there_is_a_base(href: str, result: tuple[str | None, str | None]) -> None:
    """A base resolves what is relative and changes nothing else; a fragment stays a place in the mail."""
    assert read_destination(href, BASE) == result


def test_a_link_without_a_scheme_takes_the_bases() -> None:
    """`//host/…` is http where the base is."""
    assert read_destination("//other.com/a", "http://acme.com/") == ("http://other.com/a", None)


@pytest.mark.parametrize(
    ("href", "base"),
    [
        ("https://acme.com", "https://acme.com/"),
        ("http://acme.com/a/", "http://acme.com/a/"),
        ("//acme.com/", "https://acme.com/"),
        ("/news/", None),
        ("", None),
        ("#", None),
        ("mailto:a@acme.com", None),
        ("data:text/html,x", None),
        ("{{ base }}", None),
        ("https://acme.com/*|ID|*/", None),
    ],
)
def test_what_a_base_element_sets(href: str, base: str | None) -> None:
    """Only an absolute http or https URL without placeholders is a base."""
    assert read_base(href) == base


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("click.acme.com", "click.acme.com"),
        ("Click.ACME.com.", "click.acme.com"),
        ("klick.faß.de", "klick.xn--fa-hia.de"),
        ("KLICK.XN--FA-HIA.DE", "klick.xn--fa-hia.de"),
        ("ＡＣＭＥ。com", "acme.com"),
        ("localhost", "localhost"),
        ("Click.Localhost.", "click.localhost"),
        ("1.2.3.4.com", "1.2.3.4.com"),
        ("3com.com", "3com.com"),
        ("a--b.com", "a--b.com"),
        ("x" * 63 + ".com", "x" * 63 + ".com"),
    ],
)
def test_a_host_name_is_kept_as_lower_case_a_labels(host: str, name: str) -> None:
    """A DNS host name has one spelling, and it is the one that browsers send."""
    assert host_name(host) == name
    assert ada_url.URL(f"https://{host.removesuffix('.')}/").hostname == name


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("", "it is empty"),
        (".", "it is empty"),
        ("acme..com", "a label is empty"),
        (".acme.com", "a label is empty"),
        ("acme.com..", "a label is empty"),
        ("acme", "it has only one label"),
        ("1.2.3.4", "IP address"),
        ("0x7f.1", "IP address"),
        ("acme.0x", "IP address"),
        ("１.２.３.４", "IP address"),
        ("a b", "host name: it is not 1 to 63 letters"),
        ("::1", "IP address"),
        ("[::1]", "IP address"),
        ("acme.com:80", "has a port"),
        ("*.acme.com", "'*' is not"),
        ("a_b.acme.com", "'a_b' is not"),
        ("-a.acme.com", "'-a' is not"),
        ("a-.acme.com", "'a-' is not"),
        (" acme.com", "' acme' is not"),
        ("acme.com\n", "is not 1 to 63 letters"),
        ("acme.com/", "'com/' is not"),
        ("a@acme.com", "'a@acme' is not"),
        ("acme%2ecom.com", "is not 1 to 63 letters"),
        ("℀.com", "'a/c' is not"),
        ("x" * 64 + ".com", "is not 1 to 63 letters"),
        ("a." * 126 + "com", "longer than 253"),
        ("ü\0.com", "not valid in IDNA"),
        ("ü\udc80.com", "not valid in IDNA"),
        ("ü" * 10_000 + ".com", "not valid in IDNA"),
        ("\u00ad", "not valid in IDNA"),
    ],
)
def test_what_is_no_host_name_says_why(host: str, why: str) -> None:
    """What cannot be a DNS host name is refused in one short sentence that says why."""
    with pytest.raises(ValueError, match="is not a DNS host name") as caught:
        host_name(host)
    assert type(caught.value) is ValueError
    assert why in str(caught.value)
    assert len(str(caught.value)) < 500
