"""What holds for every value: agreement with parsers and with the URL standard, and results that are safe to use."""

import random
import re
import string
from contextlib import suppress
from urllib.parse import urlsplit

import ada_url
import pytest
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from helpers import effort
from linkwrap._decide.destination import MAX_DESTINATION, read_base, read_destination, redirect_target
from linkwrap._hosts import host_name
from linkwrap._markup.tokenizer import decode_references

REFERENCE_PARTS = st.sampled_from(
    [
        *"& &# &#x &#X ; = amp copy not notin lt GT quot nbsp Aacute frac12 there4 x X 0 00 1 9 13 38 x26 80".split(),
        *"x9F D800 110000 10FFFF a F g _ / ? é ٤".split(),
        *["\r\n", "\r", "\n", "\t"],
    ]
)
REFERENCES = st.lists(REFERENCE_PARTS | st.text(alphabet="&#;=xX0123456789abcABC", max_size=4), max_size=12).map(
    "".join
)

URL_PARTS = [
    *"/ // ? # % %2e %2E %20 %% %%A %%20 & = + ~ _ ! $ ${ ( ) * *| , ; : @ ' \" [ [[ ] { {{ } | \\ ^ ` < <% >".split(),
    *"- -- . .. a z 0 9 x A Z com acme.com www. index.html xn-- xn--fa-hia xn--a 0x 0x1 1.2 127.0.0.1".split(),
    *"/./ /../ /. ..%2f :80 :443 :8080 user@ é ß ％ 。 ﬀ ١ מ ا 你 %7B %24 %C3%A9".split(),
    *[" ", "\t", "\n", "\r", "\0", "\x01", "\x7f", "\u2028", "\u00ad", "\u200d", "\udc80"],
]
URL_STARTS = [
    *"http:// https:// https://acme.com https://a.b/ http://x-y.com/ // \\\\ http: HTTP:// https:\\\\ / #".split(),
    *"ftp:// mailto: javascript:".split(),
    *["ht\ntp://", "java\tscript:", ""],
]
HREFS = st.text() | st.tuples(st.sampled_from(URL_STARTS), st.lists(st.sampled_from(URL_PARTS), max_size=10)).map(
    lambda parts: parts[0] + "".join(parts[1])
)
BASES = ["https://acme.com/a/b?c", "http://acme.com/100%/", "https://ü.de/%é/[", "http://acme.com:8080/{/*"]


def normalized(href: str) -> str | None:
    """The URL as ada-url serialises it; None where it finds none, or a host that no DNS has."""
    try:
        url = ada_url.normalize_url(href)
    except ValueError:
        return None
    return url if re.match(r"https?:", url) is None or has_host(url) else None


def has_host(url: str) -> bool:
    """Whether the host of a serialised URL has only characters of host names, and more than a label behind a user."""
    split = urlsplit(url)
    user, _, host = split.netloc.rpartition("@")
    host = host.removesuffix(f":{split.port}")
    if host.startswith("["):
        return True
    return set(host) <= HOST_CHARACTERS and ("." in host.removesuffix(".") or not user)


HOST_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "._-")
# Characters of which none, in a path after "/x", a query or a fragment, is changed by the URL parser.
UNCHANGED = string.ascii_letters + string.digits + "._~!$&()*+,;=:@-"


@given(HREFS)
@example("https://acme.com/")
@example("https://acme.com")
@example("https://acme.com/a/./b")
def test_redirect_target_is_the_parsers(url: str) -> None:
    """What is redirected to is what the URL parser makes of a URL, whether it had to be asked or not."""
    expected = None
    if re.fullmatch("https?://[!-~]+", url):
        with suppress(ValueError):
            expected = ada_url.normalize_url(url)
    assert redirect_target(url) == expected


@given(REFERENCES)
@example("&#x80;&#x81;&#x8D;&#x8F;&#x90;&#x9D;&#x9E;")
@example("&#xFDD0;&#xFFFF;&#x1;&#xB;&#x7F;")
def test_values_read_as_in_html5lib(source: str) -> None:
    """A quoted value reads as in html5lib's tokenizer."""
    tokens = HTMLTokenizer(f'<a href="{source}">')
    (tag,) = [token for token in tokens if token["type"] == tokenTypes["StartTag"]]
    assert decode_references(source) == dict(tag["data"])["href"]


@given(REFERENCES)
@example("&#x80;&#x81;&#x8D;&#x8F;&#x90;&#x9D;&#x9E;")
def test_values_read_as_in_lexbor(source: str) -> None:
    """A quoted value reads as in a browser engine's parser."""
    link = LexborHTMLParser(f'<a href="{source}"></a>').css_first("a")
    assert decode_references(source) == (link.attributes["href"] or "")


@given(st.text(alphabet="&\r\0", max_size=3) | st.text())
def test_decoding_leaves_no_line_end_to_normalise(source: str) -> None:
    """Without references, what is decoded has neither CR nor NUL and stays as it is."""
    value = decode_references(source.replace("&", ""))
    assert "\r" not in value
    assert "\0" not in value
    assert decode_references(value) == value


@given(HREFS, st.none() | st.sampled_from(BASES))
@example("https://acme.com/100%é", None)
@example("https://%24%7Bx/", None)
@example("https://acme.com/{\n{", None)
def test_a_destination_is_safe_and_final(href: str, base: str | None) -> None:
    """Whatever the value, a destination is a bounded http(s) URL of printable ASCII that reads as itself again."""
    url, reason = read_destination(href, read_base(base) if base else None)
    assert (url is None) != (reason is None)
    if url is not None:
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
        assert url.isprintable()
        assert not set(url) & set(' "<>')
        assert len(url) <= MAX_DESTINATION
        assert read_destination(url) == (url, None)
        assert read_destination(url, "http://other.com/") == (url, None)


@given(HREFS)
def test_a_destination_is_what_the_url_standard_says(href: str) -> None:
    """Each destination that needs no base is the serialisation by ada-url; each that fails there is none."""
    url, reason = read_destination(href)
    expected = normalized(href)
    if url is not None:
        assert url == (expected or ada_url.join_url("https://none.invalid/", href))
    elif reason == "invalid":
        assert expected is None
    elif reason == "scheme":
        assert expected is None or not expected.startswith(("http://", "https://"))


@given(
    st.sampled_from(["http", "https"]),
    st.lists(st.text("abcxnz0189-", min_size=1, max_size=6), min_size=1, max_size=4).map(".".join),
    st.sampled_from(["", "/", "/x", "/?", "/#"]),
    st.text(UNCHANGED + "/?#%'e2E", max_size=14),
)
@example("https", "a.b", "/x", "/.")
@example("https", "a.b", "/x", "/%2E%2e/y")
@example("https", "a.b", "/x", "%2e.")
@example("https", "a.0x1", "/", "")
@example("http", "a.xn--a-ecp", "/", "")
@example("https", "1.2-3", "/", "")
def test_plain_urls_are_what_the_url_standard_says(scheme: str, host: str, start: str, rest: str) -> None:
    """The URLs that most mail has, and those next to them, come out as ada-url serialises them."""
    href = f"{scheme}://{host}{start}{rest}"
    url, reason = read_destination(href)
    assert url == normalized(href) or reason == "placeholder"


def test_many_plain_urls_are_what_the_url_standard_says() -> None:
    """Of many seeded URLs of plain characters, each comes out as ada-url serialises it, most of them unchanged."""
    chance = random.Random(4096)  # noqa: S311
    unchanged = 0
    urls = effort.count(40_000, ci=200_000, endurance=200_000)
    for _ in range(urls):
        labels = [
            "".join(chance.choices("abcxnz0189-", k=chance.randrange(1, 5))) for _ in range(chance.randrange(1, 4))
        ]
        rest = "".join(chance.choices(UNCHANGED + "//?#%%2e'", k=chance.randrange(12)))
        href = f"https://{'.'.join(labels)}{chance.choice(['', '/', '.com/', '.com/x'])}{rest}"
        url, reason = read_destination(href)
        assert url == normalized(href) or reason == "placeholder"
        unchanged += url == href
    assert unchanged > urls / 2


@given(HREFS)
def test_an_absolute_link_needs_no_base(href: str) -> None:
    """A base changes no link that begins with `http://` or `https://`."""
    for scheme in ("http://", "https://"):
        assert read_destination(scheme + href, BASES[0]) == read_destination(scheme + href)


@given(HREFS)
def test_a_base_is_a_destination(href: str) -> None:
    """What a base element sets is an absolute URL of the same kind, or nothing."""
    base = read_base(href)
    assert base is None or read_destination(base) == (base, None)


HOST_PARTS = [
    *"a Z 0 9 - . .. _ * : com localhost xn-- xn--fa-hia 0x1 ß é 。 מ ا 你".split(),
    *["\0", " ", "\u00ad", "\u200d", "\udc80"],
]
HOSTS = st.text(max_size=12) | st.lists(st.sampled_from(HOST_PARTS), max_size=6).map("".join)


@given(HOSTS)
def test_a_host_name_is_final_and_the_url_standards(host: str) -> None:
    """A host name reads as itself again, and is the host of the URL that has it; anything else is a ValueError."""
    try:
        name = host_name(host)
    except UnicodeError:
        raise
    except ValueError:
        return
    assert host_name(name) == host_name(name.upper() + ".") == name
    assert ada_url.URL(f"https://{host}/").hostname.removesuffix(".") == name
    assert read_destination(f"https://{name}/") == (f"https://{name}/", None)


@pytest.mark.parametrize("unit", ["&", "&a", "&a;", "&#", "&#9", "&#x", "&amp", "&amp;", "\r", "\0", "a"])
def test_decoding_a_long_value_is_the_sum_of_its_parts(unit: str) -> None:
    """A value of a million characters is read like a short one: nothing in it is cut, joined or read twice."""
    count = 1_000_000 // len(unit)
    expected = decode_references(unit + "\n") * count
    assert decode_references((unit + "\n") * count) == expected
