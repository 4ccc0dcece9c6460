"""Plain text: which URLs a reader's client links are wrapped, where each ends, and that all else stays."""

import email
import email.policy
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers import effort
from linkwrap import Link, LinkPolicy, LinkWrapper, OptionError, Resolver, SigningKeys

KEYS = SigningKeys("a key for the tests of plain text")
HOST = "click.acme.test"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
SENT_AT = datetime(2026, 11, 1, tzinfo=UTC)
WRAPPED = re.compile(rf"https://{re.escape(HOST)}/f/([\w-]+)/2[\w-]+\.[\w-]+\.[\w-]{{22}}", re.ASCII)
CHARSETS = ["utf-8", "utf-16-le", "utf-16-be", "shift_jis", "euc-jp", "iso-2022-jp", "gb18030"]


def destinations(text: str) -> str:
    """A wrapped text with `<<destination>>` in place of each redirect URL."""
    return WRAPPED.sub(lambda url: f"<<{Resolver(KEYS).resolve_click(url[0]).url}>>", text)


def wrap(text: str) -> str:
    """A text, wrapped, so that a test can read where its links lead."""
    return destinations(WRAPPER.wrap_text(text, {"rcpt": "r-42"}))


def links(text: str | bytes, policy: LinkPolicy | None = None, encoding: str | None = None) -> tuple[Link, ...]:
    """What was found in a text."""
    wrapper = WRAPPER if policy is None else LinkWrapper(KEYS, policy=policy)
    if isinstance(text, str):
        return wrapper.compile_text(text).links
    return wrapper.compile_text(text, encoding=encoding).links


def link(text: str, policy: LinkPolicy | None = None) -> Link:
    """The one link of a text."""
    (found,) = links(text, policy)
    return found


# Where a URL starts and ends


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("<", ">"),
        ("<URL:", ">"),
        ("(", ")"),
        ("[", "]"),
        ("{ ", " }"),
        ('{"', '"}'),
        ("{a} ", " {b}"),
        ('"', '"'),
        ("'", "'"),
        ("`", "`"),
        ("((", "))."),
        ("([<", ">])"),
        ("[text](", ")"),
        ("[", "](https:text)"),
        ("(see ", ")."),
        ("Read ", "."),
        ("Read ", ", then reply"),
        ("Read ", "!"),
        ("Read ", "?"),
        ("Read ", "...\r\n"),
        ("Read ", '." '),
        ("Read ", ": "),
        ("a:", "; b"),
        ("| ", " | "),
        ("|", "|"),
        ("> ", "\r\n> more"),
        (">> ", "\n"),
        ("\t", "\t"),
        ("\ufeff", "\u200b"),
        ("\xa0", "\xa0"),
        ("\u2068", "\u2069"),
        ("“", "”"),
        ("„", "“"),
        ("‘", "’"),
        ("«", "»"),
        ("»", "«"),
        ("See ", "…"),
        ("See ", " – a site"),
        ("詳細は", "。次の文"),
        ("「", "」をご覧"),
        ("『", "』"),
        ("（", "）"),
        ("《", "》"),
        ("【", "】"),
        ("请看：", "，谢谢"),
        ("見る", "、それから"),
        ("見る", "！"),
        ("", "（外部サイト）"),
        ("", "\u3000"),
        ("انظر ", "، ثم"),
        ("देखें ", "।"),
    ],
)
@pytest.mark.parametrize("url", ["https://shop.test/", "http://shop.test/a(b)?c[0]=d&e=f,g#h", "HTTPS://shop.test"])
def test_delimiters_are_not_swallowed(before: str, after: str, url: str) -> None:
    """What stands around a URL is no part of it and stays."""
    found = link(before + url + after)
    assert (found.href, found.wrapped, found.start) == (url, True, len(before))
    assert wrap(before + url + after) == f"{before}<<{found.url}>>{after}"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.test/a_(b)",
        "https://shop.test/a_(b_(c))",
        "https://shop.test/?f[0]=a&f[]=b",
        "https://[2001:db8::1]/x",
        "https://shop.test/o'neill,v1.2;x:y!z?a=b?c|d-e~f*g+h$i@j",
        "https://shop.test/a-",
        "https://shop.test/a_",
        "https://shop.test/?next=https://b.test/",
        "https://shop.test/‘a’–b",
        "https://shop.test/日本",
        "https://müller.test/straße",
        "https://user@shop.test:8080/#:~:text=a,b",
    ],
)
def test_url_is_found_as_a_whole(url: str) -> None:
    """A URL is not cut at what only looks like its end: balanced brackets, inner punctuation, letters of any script."""
    assert link(f"({url}).").href == url
    assert link(url).wrapped


@pytest.mark.parametrize(
    "text",
    [
        "xhttp://shop.test/",
        "svn+http://shop.test/",
        "view-http://shop.test/",
        "www.shop.test and shop.test/a",
        "www.shop.test/?to=https://b.test/",
        "shop.test/https://b.test/",
        "mailto:a@shop.test?body=https://b.test/",
        "ftp://shop.test/ mailto:a@shop.test",
        "http:/shop.test http//shop.test http:shop.test",
        "https:// https://. (https://) https://[[data-msys-clicktrack=0]]",
        "",
    ],
)
def test_what_no_client_links_by_its_scheme_stays(text: str) -> None:
    """Only http and https URLs that stand for themselves are found; bare www addresses are not."""
    assert links(text) == ()
    assert wrap(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://a.test,https://b.test/y", ["http://a.test", "https://b.test/y"]),
        ("https://a.test/x,HTTP://b.test/", ["https://a.test/x", "HTTP://b.test/"]),
        ("https://a.test/?a=b,c&d,https://b.test", ["https://a.test/?a=b,c&d", "https://b.test"]),
        (
            "(https://a.test/(x),https://b.test,http://c.test)",
            ["https://a.test/(x)", "https://b.test", "http://c.test"],
        ),
        ("https://a.test/#x,https://b.test/#y", ["https://a.test/#x", "https://b.test/#y"]),
        ("https://a.test/x,https:y,http", ["https://a.test/x,https:y,http"]),
    ],
)
def test_comma_before_a_url_ends_the_one_before(text: str, found: list[str]) -> None:
    """In a list without spaces each URL is a link; any other comma is part of a URL."""
    assert [one.href for one in links(text)] == found
    assert wrap(text).count("<<") == len(found)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("|", "|https"),
        ("**", "**"),
        ("", "'s page"),
        ("", "=x"),
        ("", "^1"),
        ("", "&nbsp;"),
        ("", "~"),
        ("", "[1]"),
        ("", "(1)"),
        ("", ",and"),
        ("", ":x"),
        ("", "—see"),
        ("", "→x"),
        ("", "│x"),
        ("", "®"),
        ("", "…more"),
    ],
)
@pytest.mark.parametrize(
    "url", ["https://shop.test", "http://u:p!@shop.test:80", "https://[2001:db8::1]", "https://例え.test"]
)
def test_authority_ends_at_what_it_cannot_hold(before: str, after: str, url: str) -> None:
    """What no user, host or port can have is text behind the URL."""
    if after == ":x" and url.endswith(":80"):
        return
    assert link(before + url + after).href == url
    assert wrap(before + url + after) == f"{before}<<{link(url).url}>>{after}"


@pytest.mark.parametrize(
    "url",
    [
        "https://a,b:c!d$e&f'g(h)i*j+k;l=m@shop.test/x",
        "https://a@b@shop.test",
        "https://भारत.test/",
        "https://l·l.test/",
        "https://i❤.test/",
        "https://shop.test?x",
        "https://shop.test#x",
        "https://shop.test\\x",
        "https://%73hop.test/",
        "https://[::1]:8080/x",
        "https://a_b.test/",
    ],
)
def test_authority_is_found_as_a_whole(url: str) -> None:
    """All that a user, an international host or a port can have is part of the URL."""
    assert link(f"({url}).").href == url


def test_semicolon_in_an_authority_is_no_end() -> None:
    """A redirect URL would not work with it behind, so such a URL is never cut there."""
    for text in "http://a.test;https://b.test/y", "https://a.test;x":
        assert [one.href for one in links(text)] == [text]
    assert wrap("https://a.test; x") == "<<https://a.test/>>; x"


def test_urls_follow_each_other() -> None:
    """Each of several URLs is found, however little stands between them."""
    text = "<https://a.test/><https://b.test/>、https://c.test/。https://a.test/)https://d.test"
    assert [found.href for found in links(text)] == [
        "https://a.test/",
        "https://b.test/",
        "https://c.test/",
        "https://a.test/",
        "https://d.test",
    ]


def test_angle_brackets_hold_the_whole_url() -> None:
    """Sentence punctuation inside of `<` and `>` belongs to the URL (RFC 3986, appendix C)."""
    assert link("<https://shop.test/wow!>").href == "https://shop.test/wow!"


@pytest.mark.parametrize("end", ["\n", "\r\n", " \r\n"])
def test_url_that_goes_on_in_the_next_line_is_left_alone(end: str) -> None:
    """Some clients join what stands between `<` and `>`: the start alone would become a dead link in them."""
    text = f"<https://shop.test/a-long.{end}path>, <https://shop.test/>"
    assert wrap(text) == text.replace("<https://shop.test/>", "<<<https://shop.test/>>>")
    bracketed = f"<https://shop.test/[[data-msys-linkname=n]]{end}a>"
    assert wrap(bracketed) == bracketed


def test_lines_are_never_joined() -> None:
    """A URL ends with its line, whatever follows."""
    assert wrap("https://shop.test/a-\r\nb\r\n") == "<<https://shop.test/a->>\r\nb\r\n"
    assert wrap("https://shop.test/a\rb") == "<<https://shop.test/a>>\rb"


def test_flowed_text_stays_flowed() -> None:
    """format=flowed (RFC 3676): soft breaks, space-stuffing, quote depth and the signature's line stay as they are."""
    text = (
        "See https://shop.test/a \r\nand https://shop.test/b for \r\nmore.\r\n"
        " From https://shop.test/c\r\n >https://shop.test/d\r\n"
        "> https://shop.test/e \r\n> quoted on\r\n>> https://shop.test/f\r\n>https://shop.test/g\r\n"
        "-- \r\nhttps://shop.test/h\r\n"
    )
    sent = WRAPPER.wrap_text(text)
    assert destinations(sent) == re.sub(r"https://shop\.test/[a-h]", r"<<\g<0>>>", text)
    assert all(" " not in url[0] for url in WRAPPED.finditer(sent))


@pytest.mark.parametrize(
    "placeholder",
    [
        *("{{ url }}", "{{url}}", "{% url 'x' %}", "<%= url %>", "*|URL|*", "%%url%%", "${url}", "[[url]]"),
        *("{{ 'a b'|c }}", "%url%", "$%7Burl%7D", "%7B%7Burl%7D%7D"),
    ],
)
def test_url_with_a_placeholder_is_left_alone(placeholder: str) -> None:
    """What is still to be merged stays for its engine, and is reported with its braces."""
    for url in f"https://shop.test/{placeholder}/x?y=1", f"https://{placeholder}", f"https://shop.test/{placeholder}":
        text = f"(see {url}.)\n"
        assert (link(text).href, link(text).reason) == (url, "placeholder")
        assert WRAPPER.wrap_text(text) == text


@pytest.mark.parametrize(
    ("opener", "closer"), [("{{", "}}"), ("{%", "%}"), ("<%", "%>"), ("*|", "|*"), ("${", "}"), ("[[", "]]")]
)
def test_url_with_an_unclosed_placeholder_is_left_alone(opener: str, closer: str) -> None:
    """A placeholder may be closed in the next line, which is no part of the URL."""
    text = f"https://shop.test/{opener} url\n{closer}\n"
    assert (link(text).href, link(text).reason) == (f"https://shop.test/{opener}", "placeholder")
    assert WRAPPER.wrap_text(text) == text


@pytest.mark.parametrize(
    "placeholder",
    [
        "{id}",
        "{first name}",
        "{contactfield=first name}",
        '{"id":1}',
        "{}",
        "((first name))",
        "((first-name.de, or none))",
        "[subscriber:first name]",
        "[user: 'name']",
        "[пользователь: имя]",
        "((имя получателя))",
        "##first name##",
        "###FIRST NAME###",
        "##_имя: 'x'##",
        "[% path %]",
        "[%= a['b'] %]",
        '<?= "x" ?>',
        "<?php echo $x ?>",
        "{{{ first name }}}",
        "[[first name]]",
        "[[- first name -]]",
        "*|FIRST NAME|*",
        "%FIRST NAME%",
        "%DATE OF BIRTH%",
        "%ADDRESS LINE 1%",
    ],
)
@pytest.mark.parametrize(
    "url",
    [
        "https://shop.test/e/{}/y",
        "https://shop.test/?e={}&b=1",
        "https://shop.test/#{}",
        "https://shop.test/a.{}",
        "https://{}.shop.test/x",
        "https://{}@shop.test/x",
        "https://shop.test:{}/x",
        "https://shop.test/{}",
    ],
)
def test_no_placeholder_is_cut_in_two(placeholder: str, url: str) -> None:
    """A placeholder that a client would cut at white space, quotes or braces leaves its URL alone, all around it."""
    url = url.replace("{}", placeholder)
    for text in f"See {url}", f"<{url}>", f"(see {url}).\r\n":
        assert [one.reason for one in links(text)] in (["placeholder"], [])
        assert WRAPPER.wrap_text(text) == text
        assert WRAPPER.wrap_text(text.encode("utf-16")) == text.encode("utf-16")
        if url.startswith("https://shop.test/"):
            assert link(text).href == url


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.test:%PORT%/x",
        "https://shop.test:$%7Bport%7D/x",
        "https://shop.test:*%7CPORT%7C*/x",
        "https://shop.test$%7Bpath%7D/x",
        "https://shop.test*%7CPATH%7C*/x",
        "https://shop.test%PATH%/x",
    ],
)
def test_placeholder_in_an_authority_is_not_cut_off(url: str) -> None:
    """What stands before it is no URL: a redirect URL in place of that would break what the engine fills in."""
    assert WRAPPER.wrap_text(f"see {url} b") == f"see {url} b"


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.test/{",
        "https://shop.test/x{",
        "https://shop.test{",
        "https://shop.test/{ id",
        "https://shop.test/{a\nb}",
        "https://shop.test/{ https:x }",
        '[x](https://shop.test/[[data-msys-clicktrack="1"]]{id})',
    ],
)
def test_url_directly_before_a_brace_is_left_alone(text: str) -> None:
    """An open brace behind a URL may begin a placeholder, whatever follows."""
    assert (link(text).reason, link(text).url) == ("placeholder", None)
    assert wrap(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "{field=site|https://a.test}",
        "{https://a.test/}",
        "\\url{https://a.test/x}",
        "{a|<https://a.test/>}",
        "x{{y}https://a.test/",
        "{a{b}https://a.test/}",
        "{a,https://a.test,https://b.test/{c},(https://d.test)}",
        "{{#link|https://a.test}}",
        "${url:https://a.test}",
        "{a}{b|https://a.test}",
    ],
)
def test_url_in_braces_is_left_alone(text: str) -> None:
    """In braces without white space and quotes, a URL is part of a placeholder, its default value for example."""
    if text.count("{") > text.count("}"):
        text += "}"
    assert {one.reason for one in links(text)} == {"placeholder"}
    for said in text, f"a {text} b\n":
        assert wrap(said) == said
        assert WRAPPER.wrap_text(said.encode("utf-16")) == said.encode("utf-16")


@pytest.mark.parametrize(
    "text",
    [
        '{"url":"https://a.test/"}',
        "{'url':'https://a.test/'}",
        "{ https://a.test/ }",
        "{a https://a.test/}",
        "{https://a.test/ a}",
        "{a} https://a.test/ {b}",
        "{a}https://a.test/",
        "{a https://a.test/",
        "a} https://a.test/ {b",
        "{“https://a.test/”}",
        "{a\nhttps://a.test/\n}",
    ],
)
def test_url_between_braces_that_do_not_hold_it(text: str) -> None:
    """White space or quotes between braces and URL, as in JSON, say that these braces are no placeholder."""
    assert wrap(text) == text.replace("https://a.test/", "<<https://a.test/>>")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test/f?filter[name]=x&f[0]=1",
        "https://a.test/a[b]",
        "https://a.test/(a)",
        "https://a.test/a_((b))_c".replace("((b))", "(b)"),
        "https://kibana.test/!((enabled:!t))",
        "https://linkedin.test/List((type:a,b:(c)))",
        "https://a.test/[1:2]",
        "https://a.test/[%20a]",
        "https://a.test/[foo,bar]",
        "https://a.test/?d=50%&e=100%25",
        "https://[2001:db8::1]/[::1]",
        "https://a.test/##a",
        "https://a.test/#a##b",
        "https://a.test/##1",
        "https://a.test/?q=[[1,2],[3,4]]",
        "https://a.test/?q=[[%22a%22,[-1]],[3,4]]",
        "https://a.test/?q=*%7Cwarn*",
        "https://a.test/?ip=[fe80::1]",
        "https://a.test/?d=5%off",
        "https://a.test/caf%E9s",
    ],
)
def test_characters_of_a_url_are_no_placeholder(url: str) -> None:
    """Arrays of PHP, filters and others that real URLs hold neither end it nor hold white space."""
    assert link(f"See {url} a]) b").href == url
    assert wrap(f"{url} b:c]") == f"<<{link(url).url}>> b:c]"


def test_brackets_behind_an_array_count() -> None:
    """`[[1,2]]` is part of the URL, and no bracket syntax that stays."""
    found = link('https://a.test/?q=[[1,2]][[data-msys-clicktrack="0"]]')
    assert (found.href, found.reason) == ("https://a.test/?q=[[1,2]]", "opted-out")
    assert wrap('https://a.test/?q=[[1,2]][[data-msys-linkname="n"]] b') == "<<https://a.test/?q=[[1,2]]>> b"


def test_opt_out_of_a_url_with_a_placeholder() -> None:
    """An opt-out goes before a placeholder that only the text shows."""
    found = link("{a|https://a.test/[[data-msys-clicktrack=0]][[data-msys-linkname=n]]}")
    assert (found.reason, found.name, found.url) == ("opted-out", "n", None)


def test_policy_is_not_asked_about_placeholders() -> None:
    """The destination callable sees no URL that is not finished."""
    policy = LinkPolicy(destination=lambda found: pytest.fail(found.href))
    assert link("https://a.test/e/{id}/y", policy).reason == "placeholder"


def test_character_references_are_text() -> None:
    """`&amp;` in a plain text is what the reader's client opens."""
    assert link("https://shop.test/?a=1&amp;b=2").url == "https://shop.test/?a=1&amp;b=2"


# The bracket syntax


@pytest.mark.parametrize(
    ("brackets", "expected"),
    [
        ('[[data-msys-clicktrack="0"]]', {"reason": "opted-out"}),
        ('[[data-msys-clicktrack="1"]]', {"reason": None}),
        ('[[data-msys-linkname="Autumn sale"]]', {"name": "Autumn sale"}),
        ('[[data-msys-link-name="Ä]]b"]]', {"name": "Ä]]b"}),
        ('[[data-msys-linkname="' + "ä" * 40 + '"]]', {"name": "ä" * 31}),
        ('[[data-msys-unsubscribe="1"]]', {"unsubscribe": True}),
        ('[[data-msys-sublink="an app"]]', {"sublink": "an_app"}),
        ('[[data-msys-sublink="a/b"]]', {"sublink": None}),
        ('[[data-msys-linkname="n" data-msys-sublink="s"]]', {"name": "n", "sublink": "s"}),
        ('[[data-msys-linkname="n"]][[data-msys-unsubscribe="1"]]', {"name": "n", "unsubscribe": True}),
        ('[[data-msys-linkname="n"]][[data-msys-linkname="m"]]', {"name": "n"}),
        ("[[ DATA-MSYS-LinkName = 'n' ]]", {"name": "n"}),
        ("[[data-msys-clicktrack=0]]", {"reason": "opted-out"}),
        ('[[data-msys-linkname="https://b.test/"]]', {"name": "https://b.test/"}),
    ],
)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("<", ">"), ("(", ")."), ("", ", b"), ("", "。"), ("", "\r\n")]
)
def test_brackets_are_honoured_and_removed(before: str, after: str, brackets: str, expected: dict[str, object]) -> None:
    """They say of a URL what attributes say of a link, and the reader never sees them."""
    url = "https://shop.test/?a[b]=1"
    found = link(before + url + brackets + after)
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.href, found.start, found.end) == (url, len(before), len(before + url))
    shown = url if found.reason else f"<<{url}>>"
    assert wrap(before + url + brackets + after) == before + shown + after


def test_what_brackets_say_is_in_the_link() -> None:
    """Name, sublink and unsubscribing arrive at the redirect endpoint."""
    brackets = '[[data-msys-linkname="Leave" data-msys-unsubscribe="1" data-msys-sublink="app"]]'
    sent = WRAPPER.wrap_text(f"https://shop.test/leave{brackets}")
    click = Resolver(KEYS).resolve_click(sent)
    assert (click.url, click.link_name, click.unsubscribe) == ("https://shop.test/leave", "Leave", True)
    assert sent.startswith(f"https://{HOST}/f/app/2")


def test_sublink_that_is_none_is_reported() -> None:
    """A sublink that cannot be one is ignored, and the link says so."""
    assert "'a/b'" in (link('https://shop.test/[[data-msys-sublink="a/b"]]').warning or "")


def test_brackets_end_the_url_where_they_stand() -> None:
    """Nothing in front of them is taken for sentence punctuation."""
    assert wrap('https://shop.test/a.[[data-msys-linkname="n"]]') == "<<https://shop.test/a.>>"


@pytest.mark.parametrize("options", [{"click_tracking": False}, {"click_tracking": True}])
def test_brackets_are_removed_from_links_that_are_not_wrapped(options: dict[str, bool]) -> None:
    """They are not shown either where the policy, a placeholder or the sender's options leave a link alone."""
    wrapper = LinkWrapper(KEYS, policy=LinkPolicy(skip_hosts=["shop.test"]))
    text = 'https://shop.test/{}[[data-msys-linkname="n"]], '
    both = text.format("") + text.format("{{ id }}") + "end"
    expected = both.replace('[[data-msys-linkname="n"]]', "")
    assert wrapper.wrap_text(both, **options) == expected
    for charset in "utf-8", "utf-16":
        assert wrapper.wrap_text(both.encode(charset), **options) == expected.encode(charset)


def test_click_tracking_off_leaves_urls_as_they_were() -> None:
    """Only the brackets go."""
    text = 'a https://shop.test/ü[[data-msys-linkname="ü"]] b https://b.test/[[data-msys-clicktrack="0"]].\n'
    expected = "a https://shop.test/ü b https://b.test/.\n"
    assert WRAPPER.wrap_text(text, click_tracking=False) == expected
    assert WRAPPER.wrap_text(text.encode("latin-1"), encoding="latin-1", click_tracking=False) == expected.encode(
        "latin-1"
    )
    assert WRAPPER.wrap_text(text.encode("utf-16"), click_tracking=False) == expected.encode("utf-16")


def test_opt_out_counts_where_the_sender_is_honoured() -> None:
    """A policy that honours no SparkPost markup wraps the URL, and removes the brackets all the same."""
    policy = LinkPolicy(honour=["sendgrid"])
    found = link('https://shop.test/[[data-msys-clicktrack="0"]]', policy)
    assert found.wrapped
    assert found.href == "https://shop.test/"


@pytest.mark.parametrize(
    "brackets",
    [
        '[[data-msys-clicktrack="0"]',
        '[[data-msys-clicktrack="0]]',
        '[[data-msys-clicktrack"0"]]',
        "[[data-msys-clicktrack]]",
        '[[data-msys-clicktrak="0"]]',
        '[[clicktracking="off"]]',
        '[[data-msys-linkname="a\nb"]]',
        '[[data-msys-clicktrack="0"]][[x]]',
        '[[data-msys-clicktrack="0"]]and-more',
        '[[data-msys-clicktrack="0"]](and more)',
        '[[data-msys-clicktrack="0"]]{{ more }}',
        '[[data-msys-clicktrack="0"]].html',
        '[[data-msys-clicktrack="0"]].[[data-msys-clicktrack="0"]]',
        "[[]]",
    ],
)
def test_malformed_brackets_stay(brackets: str) -> None:
    """What is no bracket syntax, or has text glued to it, is text: the URL is left alone and the reason says why."""
    text = f"See https://shop.test/{brackets} now"
    assert links(text)[0].reason == "placeholder"
    assert WRAPPER.wrap_text(text) == text


def test_brackets_behind_no_url_stay() -> None:
    """Brackets count directly behind a URL only."""
    text = '[[data-msys-clicktrack="0"]] www.shop.test[[data-msys-clicktrack="0"]]'
    assert wrap(text) == text
    apart = 'https://shop.test/ [[data-msys-clicktrack="0"]]'
    assert wrap(apart) == apart.replace("https://shop.test/", "<<https://shop.test/>>")


# The template


def test_text_gets_no_pixel() -> None:
    """A plain text shows no images."""
    text = "Hello https://shop.test/"
    template = WRAPPER.compile_text(text)
    assert wrap(text) == "Hello <<https://shop.test/>>"
    assert WRAPPER.render(template, click_tracking=False, open_tracking=True, initial_open=True) == text
    assert template.slotted("{}".format, open_tracking=True, initial_open=True) == "Hello 0"


def test_links_tell_what_was_done() -> None:
    """A link of a text has a place and no element."""
    found = link('a https://shop.test?x="y"')
    assert found == Link(
        href="https://shop.test?x=",
        url="https://shop.test/?x=",
        element="",
        name=None,
        unsubscribe=False,
        sublink=None,
        wrapped=True,
        reason=None,
        conditional=False,
        start=2,
        end=22,
    )


def test_policy_decides_about_urls_of_text() -> None:
    """Skipped hosts and the destination callable see the links of a text as those of a document."""
    seen = []

    def campaign(found: Link) -> str | None:
        seen.append(found)
        return f"{found.url}?utm_campaign=autumn" if "sale" in found.href else None

    policy = LinkPolicy(skip_hosts=["*.acme.test"], destination=campaign)
    found = links("https://www.acme.test/ https://shop.test/sale https://shop.test/", policy)
    assert [(one.url, one.reason) for one in found] == [
        ("https://www.acme.test/", "policy"),
        ("https://shop.test/sale?utm_campaign=autumn", None),
        ("https://shop.test/", "policy"),
    ]
    assert [(one.element, one.start, one.end) for one in seen] == [("", 23, 45), ("", 46, 64)]


def test_one_template_serves_every_recipient() -> None:
    """A compiled text is rendered per recipient, also after it was pickled."""
    template = pickle.loads(pickle.dumps(WRAPPER.compile_text("Hi https://shop.test/")))  # noqa: S301
    for recipient in "r-1", "r-2":
        sent = WRAPPER.render(template, {"rcpt": recipient})
        assert Resolver(KEYS).resolve_click(sent[3:]).metadata == {"rcpt": recipient}
    assert template.links == WRAPPER.compile_text("Hi https://shop.test/").links


def test_slots_for_a_merge_engine() -> None:
    """Where another engine fills in the rest, it gets the URLs by number, and no brackets."""
    text = 'Hi {{ name }}: https://a.test/[[data-msys-linkname="n"]], https://b.test/[[data-msys-clicktrack="0"]]'
    template = WRAPPER.compile_text(text)
    assert template.slotted("{{{{ urls[{}] }}}}".format) == "Hi {{ name }}: {{ urls[0] }}, https://b.test/"
    assert Resolver(KEYS).resolve_click(WRAPPER.urls(template)[0]).link_name == "n"
    assert WRAPPER.urls(template, click_tracking=False)[0] == "https://a.test/"


def test_wrapping_twice_changes_nothing() -> None:
    """A text that passes a second wrapper has no URL wrapped twice."""
    text = "<https://a.test/x.> (https://b.test/(y)), 「https://c.test/」。https://d.test/[[data-msys-linkname=n]].\r\n"
    once = WRAPPER.wrap_text(text, {"rcpt": "r-42"})
    assert WRAPPER.wrap_text(once, {"rcpt": "r-43"}) == once
    assert {found.reason for found in links(once)} == {"already-wrapped"}


# Bytes


@pytest.mark.parametrize("charset", CHARSETS)
def test_bytes_come_out_as_text_does(charset: str) -> None:
    """Whatever the charset, URLs end before its punctuation, and names and links are read in it."""
    text = '前https://a.test/。次「https://b.test/ab」ソhttps://c.test/[[data-msys-linkname="ソゾ"]]、終\r\n表。\r\n'
    data = text.encode(charset)
    sent = WRAPPER.wrap_text(data, sent_at=SENT_AT, encoding=charset)
    assert sent.decode(charset) == WRAPPER.wrap_text(text, sent_at=SENT_AT)
    found = links(data, encoding=charset)
    assert [one.name for one in found] == [None, None, "ソゾ"]
    assert [data[one.start : one.end].decode(charset) for one in found] == [one.href for one in found]


@pytest.mark.parametrize("charset", [charset for charset in CHARSETS if charset != "iso-2022-jp"])
def test_url_in_letters_of_a_charset(charset: str) -> None:
    """A URL with letters that are not ASCII is decoded, and replaced as a whole."""
    data = "前 https://a.test/日本ー。次".encode(charset)
    (found,) = links(data, encoding=charset)
    assert found.href == "https://a.test/日本ー"
    sent = WRAPPER.wrap_text(data, encoding=charset).decode(charset)
    assert destinations(sent) == "前 <<https://a.test/%E6%97%A5%E6%9C%AC%E3%83%BC>>。次"


def test_shifted_run_is_not_cut() -> None:
    """In ISO-2022-JP a URL takes in a whole run of letters, or ends before the run."""
    data = "前https://a.test/日本 https://a.test/日本。".encode("iso-2022-jp")
    assert [found.href for found in links(data)] == ["https://a.test/日本", "https://a.test/"]
    sent = WRAPPER.wrap_text(data).decode("iso-2022-jp")
    assert destinations(sent) == "前<<https://a.test/%E6%97%A5%E6%9C%AC>> <<https://a.test/>>日本。"


@pytest.mark.parametrize(
    "data",
    [
        "Grüße“ https://a.test/”.".encode(),
        "\ufeffhttps://a.test/”.".encode(),
        "\ufeffhttps://a.test/”.".encode("utf-16-le"),
        "\ufeffhttps://a.test/”.".encode("utf-16-be"),
        "これは日本語の文章です。https://a.test/。".encode("iso-2022-jp"),
        "“Grüße” https://a.test/”.".encode("cp1252"),
    ],
    ids=["utf-8", "utf-8-bom", "utf-16-le", "utf-16-be", "iso-2022-jp", "cp1252"],
)
def test_undeclared_encoding_is_found(data: bytes) -> None:
    """Bytes without a declared charset are read by their BOM, or as what they look like."""
    assert [found.href for found in links(data)] == ["https://a.test/"]


def test_markup_declares_nothing_in_a_text() -> None:
    """A text about HTML is not in the encoding that its examples name."""
    data = '<meta charset="shift_jis"> https://a.test/ü?b=“ Größe'.encode()
    assert links(data)[0].href == "https://a.test/ü?b="


@pytest.mark.parametrize("charset", [None, *CHARSETS, "big5", "euc-kr", "iso-2022-kr", "hz-gb-2312"])
def test_invalid_bytes_stay(charset: str | None) -> None:
    """Bytes that say nothing in their charset come out as they went in."""
    data = b"\xe3\x80 \xff\xfe\x80 https://a.test/ \x81\n\x1b$B\x81 \xf0\x9f \xe3"
    sent = WRAPPER.wrap_text(data, encoding=charset)
    url = re.search(rb"https://click\.acme\.test/f/[^ ]+", sent)
    assert (sent.replace(url[0], b"https://a.test/") if url else sent) == data


def test_letter_that_is_cut_off_hides_no_punctuation() -> None:
    """Behind the first byte of a letter that is none, a URL still ends before punctuation, and that stays whole."""
    data = b"https://a.test/\xe3\xe3\x80\x82 \xe3\x80"
    sent = WRAPPER.wrap_text(data, encoding="utf-8")
    assert sent.endswith(b"\xe3\x80\x82 \xe3\x80")
    assert destinations(sent[:-6].decode()) == "<<https://a.test/%EF%BF%BD>>"


def test_shifted_run_that_nobody_can_read_is_no_part_of_a_url() -> None:
    """ISO-2022-CN has no decoder: what is shifted stays."""
    data = b"https://a.test/\x1b$)A\x0e!#\x0f."
    sent = WRAPPER.wrap_text(data, encoding="iso-2022-cn")
    assert sent.endswith(b"\x1b$)A\x0e!#\x0f.")
    assert destinations(sent[:-9].decode()) == "<<https://a.test/>>"


def test_second_spelling_of_a_character_stays() -> None:
    """Shift_JIS has two codes for some characters: the one that was written comes out."""
    data = b"\xfa\x54 \xee\xf9 https://a.test/\xfa\x54\x81\x42 \xfa\x54"
    assert [found.href for found in links(data, encoding="shift_jis")] == ["https://a.test/￢"]
    sent = WRAPPER.wrap_text(data, encoding="shift_jis")
    assert sent.startswith(b"\xfa\x54 \xee\xf9 https://click")
    assert sent.endswith(b"\x81\x42 \xfa\x54")


def test_text_of_a_caller_s_fault() -> None:
    """An argument that is no text, or no encoding, is named in the error."""
    with pytest.raises(TypeError, match="text must be str or bytes, not None"):
        WRAPPER.compile_text(None)  # type: ignore[call-overload]
    for text in (b"", ""):
        with pytest.raises(OptionError, match="unknown encoding 'utf-9'"):
            WRAPPER.wrap_text(text, encoding="utf-9")
        with pytest.raises(OptionError, match="unknown encoding 'utf-9'"):
            WRAPPER.compile_text(text, encoding="utf-9")


@pytest.mark.parametrize(
    "unit",
    [
        "http://a)",
        "http://a(",
        "http://a.test[[",
        "http://a{{",
        "{{",
        "*|",
        "<%",
        'http://a[[data-msys-linkname="x"]]y',
        'http://a[[data-msys-linkname="',
        '[[data-msys-linkname="x"]]...',
        "data-msys-linkname=x ",
        "http://a....",
        "https://",
        "日本。https://a",
        '[[data-msys-unsubscribe="1"]]',
        '[[data-msys-unsubscribe="1"]][[',
        '[[data-msys-unsubscribe="1"]],https://a/',
        "[[data-msys-linkname='[[data-msys-linkname=\"",
        "((a",
        "((a))",
        "([",
        "[a:",
        "[a: b]",
        "=[a:b c",
        "{",
        "}{",
        "{a}",
        "{{a}",
        "{http://a,",
        "{http://a/}",
        "[%",
        "[% a ",
        "<?",
        "<http://a",
        "$",
        "*",
        ",",
        ",http://a",
        "http://a;http://",
        "a@b:c,",
        "a@",
        ":1{",
        "[::1]",
        "##a",
        "%a",
    ],
)
def test_hostile_text_is_done_in_time(unit: str) -> None:
    """No text keeps a sender busy: these are hours where a part of the work grows with the square."""
    many = unit * effort.count(5_000, ci=20_000, endurance=20_000)
    text = "http://a.test[[data-msys-linkname='x' " + many
    template = WRAPPER.compile_text(text.encode())
    assert template.source == text.encode()
    for before in "{http://a.test/", "http://a.test":
        WRAPPER.compile_text(before + many + "x")


def test_real_texts(corpus: Path) -> None:
    """In the plain texts of real mail only URLs change, each leads where it did, and a second pass changes nothing."""
    count = 0
    for path in sorted(corpus.rglob("*.eml")):
        for part in email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32).walk():
            data = part.get_payload(decode=True) if part.get_content_type() == "text/plain" else None
            if not isinstance(data, bytes):
                continue
            template = WRAPPER.compile_text(data)
            wrapped = [found for found in template.links if found.wrapped]
            pattern, position = b"", 0
            for found in wrapped:
                pattern += re.escape(data[position : found.start]) + rb"([\w./:-]+)"
                position = found.end or 0
            sent = WRAPPER.render(template)
            urls = re.fullmatch(pattern + re.escape(data[position:]), sent)
            assert urls is not None, path
            clicks = [Resolver(KEYS).resolve_click(url.decode()) for url in urls.groups()]
            assert [click.url for click in clicks] == [found.url for found in wrapped]
            assert WRAPPER.wrap_text(sent) == sent
            count += len(wrapped)
    assert count > 20


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test;(main)",
        "https://a.test;'x'",
        "https://a.test:80x/",
        "https://a.test:80-90",
        "https://[2001:db8::1]x",
        "https://a.test:8%2F",
        "https://u;x@a.test;!y",
        "https://www.[domain]/x",
        "https://a.[x].test/p",
        "https://a.test:[port]/",
        "https://user[x]@a.test/",
        "https://a.test/e/<id>/y",
        "https://a.test/e/<id>",
        "https://a.test/?e=<EMAIL>",
        "https://a.test/?n=<first name>",
        "https://a.test/?n=<p>&x=1",
        "https://a.test/?u=<b>",
        "https://a.test/[first name]/x",
        "https://a.test/?n=[first name]&x=1",
    ],
)
def test_a_url_that_a_client_reads_on_is_left_alone(url: str) -> None:
    """Where the redirect URL would be read with what is behind it, or half of a placeholder, nothing is wrapped."""
    text = f"see {url} end"
    assert WRAPPER.wrap_text(text) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see https://a.test; then", 1),
        ("(https://a.test/x)", 1),
        ("https://a.test:80; more", 1),
        ("https://a.test/p;a=1;b=2", 1),
        ("https://a.test/f(x)[1] end", 1),
        ("https://a.test,https://b.test", 2),
        ("https://a.test/[foo,bar] end", 1),
        ("https://a.test/x<br>", 1),
        ("<p>https://a.test/x</p>", 1),
        ("<b>https://a.test/x<BR> end", 1),
        ("<https://a.test/x>", 1),
        ("https://a.test/x<https://b.test/y>", 2),
        ("https://a.test/x <ada@b.test>", 1),
        ("https://a.test/x<ada@b.test>", 1),
    ],
)
def test_punctuation_behind_a_url_is_no_part_of_it(text: str, count: int) -> None:
    """What a client leaves out stays behind the redirect URL, which redeems as a client reads it."""
    assert WRAPPER.wrap_text(text).count("/f/a/2") == count
