"""Placeholders: which values a template engine still has to fill in, and which URLs only look like it."""

import re
import time
from typing import Any

import pytest

from linkwrap import LinkPolicy, LinkWrapper, OptionError, SigningKeys
from linkwrap._decide.destination import placeholder_of, read_destination
from linkwrap._decide.placeholders import SHOWN, find_placeholder
from linkwrap.policy import DEFAULT_PLACEHOLDERS, placeholder_pattern

WRAPPER = LinkWrapper(SigningKeys("a key for the tests of placeholders"), tracking_domain="click.acme.test")

# By their rule: values that are left alone, each with the piece that is named.
PLACEHOLDERS = {
    "<": [
        ("https://a.test/?e=<span class=f>Email</span>", "<span class=f>"),
        ("https://a.test/?a=<?= ", "<?="),
        ("https://a.test/o/<%= id %>", "<%= id %>"),
        ("https://a.test/<EMAIL>", "<EMAIL>"),
        ("<unsubscribe>", "<unsubscribe>"),
        ("https://a.test/<", "<"),
    ],
    "{name}": [
        ("https://a.test/?e={contactfield=email}", "{contactfield=email}"),
        ("https://{product}.a.test/signup", "{product}"),
        ("https://a.test/{id}", "{id}"),
        ("https://a.test/?n={ first_name }", "{ first_name }"),
        ("https://a.test/?a=1&amp;b={$customer.url}", "{$customer.url}"),
        ("{unsubscribe_url}", "{unsubscribe_url}"),
        ("https://a.test/?k={7a}", "{7a}"),
        ("https://a.test/{名前}", "{名前}"),
        ("https://a.test/?j={'a':{name}}", "{name}"),
        ("https://a.test/?d={date:'Y'}", "{date:'Y'}"),
        ("https://a.test/?n={%E5%90%8D}", "{%E5%90%8D}"),
        ("https://a.test/?n={first%20name}", "{first%20name}"),
    ],
    "{{ and {%": [
        ("https://a.test/{{ id }}", "{{ id }}"),
        ("https://a.test/{{{ id }}}", "{"),
        ("https://a.test/{{ id", "{{"),
        ("https://a.test/{% if x %}a{% endif %}", "{% if x %}"),
        ("https://a.test/{%-x", "{%"),
        ("https://a.test/{%25 x", "{%25"),
    ],
    "[name]": [
        ("https://a.test/hi/?u=[subscriber:email]", "[subscriber:email]"),
        ("https://a.test/?n=[firstname]", "[firstname]"),
        ("https://a.test/?n=[subscriber:first name]", "[subscriber:first name]"),
        ("https://a.test/?n=[subscriber:first%20name]", "[subscriber:first%20name]"),
        ("https://[company].a.test/", "[company]"),
        ("https://[account:host]/", "[account:host]"),
        ("[Unsubscribe_Preferences]", "[Unsubscribe_Preferences]"),
        ("https://a.test/?s=hello%20[name]", "[name]"),
        ("https://a.test/[a-b/c]", "[a-b/c]"),
        ("https://a.test/?u=[user:id]", "[user:id]"),
        ("https://a.test/?u=[fade:to:black:now]", "[fade:to:black:now]"),
    ],
    "[[ and [%": [
        ("https://a.test/[[path]]", "[[path]]"),
        ("https://a.test/?x=[[", "[["),
        ("https://a.test/[% path %]", "[% path %]"),
        ("https://a.test/[%- path -%]", "[%- path -%]"),
        ("https://a.test/?p=[%path", "[%"),
        ("https://a.test/[%%20path", "[%"),
        ("https://a.test/[[ 'a'|trans ]]", "[[ 'a'|trans ]]"),
        ("https://a.test/[[- path -]]", "[[- path -]]"),
    ],
    "((name))": [
        ("https://a.test/p/((reference))", "((reference))"),
        ("https://a.test/?e=((email))&f=1", "((email))"),
        ("((unsubscribe_link))", "((unsubscribe_link))"),
        ("https://((host)).a.test/", "((host))"),
        ("https://a.test/((first name))", "((first name))"),
    ],
    "%name%": [
        ("https://a.test/u?e=%recipient.email%", "%recipient.email%"),
        ("https://a.test/?e=%EMAIL%", "%EMAIL%"),
        ("https://a.test/%user_id%/x", "%user_id%"),
        ("%unsubscribe_url%", "%unsubscribe_url%"),
        ("https://a.test/?a=%address%&b=1", "%address%"),
        ("https://a.test/?x=50%25&y=%subscriber:id%", "%subscriber:id%"),
        ("https://a.test/?text=Hi%20%NAME%", "%NAME%"),
        ("https://a.test/?text=Hi%2C%20%DATE%", "%DATE%"),
        ("https://a.test/?q=5%or10%x", "%or10%"),
        ("https://a.test/%FIRST NAME%/x", "%FIRST NAME%"),
        ("https://a.test/%FIRST%20NAME%/x", "%FIRST%20NAME%"),
        ("https://a.test/?d=%DATE OF BIRTH%", "%DATE OF BIRTH%"),
        ("https://a.test/?a=%ADDRESS LINE 1%&b=1", "%ADDRESS LINE 1%"),
        ("https://a.test/?n=%имя получателя%", "%имя получателя%"),
    ],
    "%%": [
        ("%%view_email_url%%", "%%view_email_url%%"),
        ("%%=RedirectTo(@url)=%%", "%%=RedirectTo(@url)=%%"),
        ("https://a.test/%%_id%%", "%%_id%%"),
        ("https://a.test/%%CA", "%%C"),
    ],
    "##name##": [
        ("https://a.test/s/?c=###SYS_AUTHCODE###", "##SYS_AUTHCODE##"),
        ("https://a.test/?e=##email##", "##email##"),
        ("##unsubscribe##", "##unsubscribe##"),
        ("https://a.test/##first name##/x", "##first name##"),
    ],
    "*| and ${": [
        ("https://a.test/?e=*|EMAIL|*", "*|EMAIL|*"),
        ("*|UNSUB", "*|"),
        ("${order.url}", "${order.url}"),
        ("https://a.test/?x=${id", "${"),
    ],
    "encoded": [
        ("https://a.test/?q=%7B%7Bname%7D%7D", "%7B%7B"),
        ("https://a.test/?q=%7b%7bname%7d%7d", "%7b%7b"),
        ("https://a.test/%7B%25%20if%20x%20%25%7D", "%7B%25"),
        ("https://a.test/?q=%5B%5Btitle%5D%5D", "%5B%5B"),
        ("https://a.test/?q=%5b%5Btitle%5D%5D", "%5b%5B"),
        ("https://a.test/?e=*%7CEMAIL%7C*", "*%7C"),
        ("https://a.test/?e=*%7cEMAIL%7c*", "*%7c"),
        ("https://a.test/?e=*%7CEMAIL|*", "*%7CEMAIL|*"),
        ("https://a.test/?a=*%7C*%7CEMAIL%7C*", "*%7CEMAIL%7C*"),
        ("https://a.test/?s=Check%20this%20out%3A%20%5B%5Btitle%5D%5D&x=1", "%5B%5B"),
        ("https://latex.test/?tex=x%5E%7B%7Ba%7D%7D", "%7B%7B"),
        ("https://a.test/%7B{x", "%7B{"),
        ("https://a.test/$%7Bid%7D", "$%7B"),
        ("https://%7B%7Bhost%7D%7D/", "%7B%7B"),
        ("https://｛｛host｝｝/", "{{host}}"),
    ],
}

# Real forms of URLs that come near a rule, by that rule.
LINKS = {
    "<": [
        "https://a.test/?q=a%3Cb",
        "https://a.test/?q=%3C%25",
        "https://a.test/?q=a>b",
        "https://a.test/-%3E/x",
        "https://a.test/?html=%3Cspan%3E",
    ],
    "%%": [
        "https://a.test/100%%20off",
        "https://a.test/100%%C3%A9",
        "https://a.test/?d=50%%",
        "https://a.test/?d=%%&e=1",
        "https://a.test/?d=100%%25",
    ],
    "{name}": [
        'https://api.a.test/?filter={"id":1}',
        'https://api.a.test/?filter={"where":{"name":"x"},"limit":5}',
        "https://api.a.test/?filter={%22where%22:{%22name%22:%22x%22}}",
        "https://a.test/?q={'a':1}",
        "https://a.test/?q={%27a%27:1}",
        'https://a.test/?q={ "a": 1 }',
        "https://a.sharepoint.test/?SourceDoc={6F9619FF-8B86-D011-B42D-00CF4FC964FF}&action=default",
        "https://a.sharepoint.test/?List={6f9619ff-8b86-d011-b42d-00cf4fc964ff}",
        "https://a.test/?page={1}",
        "https://a.test/?q={}",
        "https://a.test/?set={1,2,3}",
        "https://a.test/?q={open",
        "https://a.test/%7Bid%7D",
        "https://a.test/?q={%0A%22a%22:1}",
        "https://a.test/?q={%0D%0A%20%20%22a%22:1}",
        'https://a.test/?q={%09"a":1}',
        "https://a.test/?q={%0A}",
        'https://a.test/?q={"a":"{\\"b\\":1}"}',
        "https://a.test/?q={%22a%22:%22{%5C%22b%5C%22:1}%22}",
        "https://a.test/?set={1%2C2%2C3}",
    ],
    "{% and [%": [
        "https://a.test/?q=[%22a%22,%22b%22]",
        "https://a.test/?q={%22a%22:1}",
        "https://a.test/?q=[%20]",
        "https://a.test/[%E4%BD%A0]",
        "https://a.test/?q={%31}",
        "https://a.test/?q=[[1,2],[3,4]]",
        "https://a.test/?geo=[[-122.4,37.7],[-122.5,37.8]]",
        "https://odoo.test/web?domain=[[%22state%22,%22=%22,%22sale%22]]",
        "https://a.test/?q=[['a','b']]",
    ],
    "[name]": [
        "https://a.test/f?filter[name]=x&f[0]=1",
        "https://a.test/?q=[foo,bar]",
        "https://a.test/?q=[foo%2Cbar]",
        "https://a.test/?a[b][c]=1",
        "https://a.test/?a[]=1&a[]=2",
        "https://a.test/?q=[see this]",
        "https://a.test/?q=[see%20this]",
        "https://a.test/?range=[1,5]",
        "https://a.test/?q=[1 TO 5]",
        "https://a.test/Foo_[bar]",
        "https://[2001:db8::1]/x",
        "https://[dead:beef::1]:8080/x",
        "https://user@[fe80::1]/",
        "https://a.test/?fields[articles]=title,body&page[number]=3",
        "https://a.test/?q=[open",
        "https://pubmed.test/?term=smith[author]",
        "https://a.test/?ip=[fe80::1]",
        "https://a.test/?ip=[fe80::1]:8080&x=1",
        "https://a.test/?ip=[fe80::1%25eth0]",
        "https://a.test/?url=http://[dead:beef::1]/",
        "https://a.test/?ip=[fe80%3A%3A1]",
        "https://a.test/?ip=[abcd:ef01:2345:6789:abcd:ef01:2345:6789]",
    ],
    "((name))": [
        "https://www.linkedin.test/feed/?filters=List((type:people,values:List(x)))",
        "https://kibana.test/app/discover#/?_a=(filters:!((enabled:!t,meta:(a:b))))",
        "https://de.wikipedia.test/wiki/Foo_(bar)",
        "https://a.test/?q=((1,2),(3,4))",
        "https://a.test/?geo=POLYGON((10.1 20.2,30.3 40.4))",
        "https://a.test/?q=((name)",
        "https://a.test/?f=and((a(b)))",
    ],
    "%name%": [
        "https://a.test/100%25",
        "https://a.test/?d=50%",
        "https://a.test/?d=5%off%20or%2010%off",
        "https://a.test/?q=%u4E2D",
        "https://a.test/?q=%u4E2D%u6587",
        "https://a.test/?q=%C3%A9t%C3%A9",
        "https://a.test/?a=50%&b=60%",
        "https://a.test/%20name%20",
        "https://a.test/%E9t%E9%",
        "https://a.test/?x=%ab%",
        "https://a.test/?d=5%off or 10%off",
        "https://a.test/?d=20%off%20%20and%2010%off",
        "https://a.test/caf%E9s are 50%",
        "https://a.test/?q=%C3%A9tude x%",
        "https://a.test/?q=%u4E2D text%",
        "https://a.test/?q=%a  b%",
        "https://a.test/?q=%first name%20",
    ],
    "##name##": [
        "https://a.test/#section",
        "https://a.test/##",
        "https://a.test/#a#b#c",
        "https://a.test/##top",
        "https://a.test/?q=c%23%23x%23%23",
        "https://a.test/##1##",
    ],
    "encoded": [
        "https://a.test/?q=%7B%22a%22%3A1%7D",
        "https://a.test/?q=%7Bid%7D",
        "https://a.test/?ids%5B%5D=1&ids%5B%5D=2",
        "https://a.test/?filter%5Bname%5D=x",
        "https://a.test/?q=a%7Cb",
        "https://a.test/?q=*%20%7C",
        "https://a.test/?q=*%7Cwarn*",
        "https://a.test/?q=*%7C",
        "https://a.test/?q=error*%7Cwarn*%7Cinfo",
        "https://a.test/?q=a*%7Cb%7Cc*",
        "https://a.test/?ids%5B0%5D%5Bname%5D=x",
        "https://a.test/?q=%5B%5B1%2C2%5D%2C%5B3%2C4%5D%5D",
        "https://a.test/?q=%7D%7D",
    ],
    "*| and ${": [
        "https://a.test/?price=$5",
        "https://a.test/*x*",
        "https://a.test/?q=a|b",
        "https://a.test/?$filter=price",
        "https://a.test/$1",
    ],
}


@pytest.mark.parametrize(("href", "piece"), [case for cases in PLACEHOLDERS.values() for case in cases])
def test_value_with_a_placeholder_is_left_alone(href: str, piece: str) -> None:
    """Its link stays byte for byte, and says which piece it is; `wrap_url` returns the value."""
    assert read_destination(href) == (None, "placeholder")
    assert (placeholder_of(href, None, DEFAULT_PLACEHOLDERS) or "").startswith(piece)
    assert WRAPPER.wrap_url(href) == href
    html = f"<p><a title='&amp;' href='{href.replace(chr(39), '&#39;')}' data-msys-linkname=n>x</a></p>"
    (link,) = WRAPPER.compile(html).links
    assert (link.reason, link.wrapped, link.url) == ("placeholder", False, None)
    assert link.placeholder is not None
    assert link.placeholder.startswith(piece.replace("&amp;", "&"))
    assert WRAPPER.wrap(html, open_tracking=False) == html
    assert WRAPPER.wrap(html.encode(), open_tracking=False) == html.encode()


@pytest.mark.parametrize("url", [url for urls in LINKS.values() for url in urls])
def test_url_that_comes_near_stays_a_link(url: str) -> None:
    """URLs of real sites and services that hold the same characters are signed."""
    destination, reason = read_destination(url)
    assert reason is None
    assert destination is not None
    assert read_destination(destination) == (destination, None)
    assert placeholder_of(url, None, DEFAULT_PLACEHOLDERS) is None
    assert WRAPPER.wrap_url(url) != url


def test_code_in_a_value_is_left_alone_byte_for_byte() -> None:
    """A quote of the code ends the value, as in a browser: what stands there is left alone, and so is the rest."""
    for html in (
        '<a href="https://a.test/?a=<?= "x" ?>&b=1">x</a>',
        "<a href='https://a.test/?a=<?= 'x' ?>&b=1'>x</a>",
        '<a href="<%= url("x") %>" data-msys-linkname="n">x</a>',
        '<a href="https://a.test/<?php echo "a"; ?>/b">x</a> <p>&amp;</p>',
        "<a href=https://a.test/<?=x?>>x</a>",
    ):
        assert WRAPPER.wrap(html, open_tracking=False) == html
        assert WRAPPER.wrap(html.encode("utf-16"), open_tracking=False) == html.encode("utf-16")


@pytest.mark.parametrize(
    ("href", "reason"),
    [
        ("mailto:a@a.test?subject=[News] for you", "scheme"),
        ("mailto:a@a.test?subject=[News]", "scheme"),
        ("mailto:Ada <a@a.test>", "scheme"),
        ("javascript:if(a<b){open()}", "scheme"),
        ("tel:((ext))", "scheme"),
        ("mailto:{{ address }}", "placeholder"),
        ("mailto:*|EMAIL|*", "placeholder"),
        ("tel:%%phone%%", "placeholder"),
    ],
)
def test_other_schemes(href: str, reason: str) -> None:
    """With another scheme, only what stands in no finished URL is called a placeholder."""
    assert read_destination(href) == (None, reason)


def test_pattern_of_a_policy_replaces_the_default() -> None:
    """A sender's own pattern decides alone, in the value and in the URL, for plain URLs too."""
    policy = LinkPolicy(placeholders=re.compile(r"~\w+~|%21%21"))
    wrapper = LinkWrapper(SigningKeys("a key for the tests of placeholders"), policy=policy)
    html = "<a href='https://a.test/~id~'><a href='https://a.test/{id}'><a href='https://a.test/?%21%21'>"
    own, other, encoded = wrapper.compile(html).links
    assert (own.reason, own.placeholder) == ("placeholder", "~id~")
    assert (other.reason, other.placeholder, other.url) == (None, None, "https://a.test/%7Bid%7D")
    assert (encoded.reason, encoded.placeholder) == ("placeholder", "%21%21")
    assert wrapper.wrap_url("https://a.test/~id~") == "https://a.test/~id~"


@pytest.mark.parametrize(
    ("href", "piece"),
    [
        ("https://a.test/?u=UNSUB_URL", "UNSUB_URL"),
        ("https://a.test/<<first name>>/x", "<<first name>>"),
        ("https://a.test/?e=<<a<<b>>", "<<b>>"),
        ("https://a.test/?e=$(x.y)", "$(x.y)"),
        ("https://a.test/?e=<<open", None),
        ("https://a.test/?e={{ url }}", None),
        ("https://a.test/?e=unsub_url", None),
        ("https://a.test/?e=$x.y", None),
    ],
)
def test_pattern_of_texts_and_pairs(href: str, piece: str | None) -> None:
    """A text is a placeholder as it stands, and a pair with what is between, up to the next beginning."""
    policy = LinkPolicy(placeholders=placeholder_pattern("UNSUB_URL", ("<<", ">>"), ("$(", ")")))
    wrapper = LinkWrapper(SigningKeys("a key for the tests of placeholders"), policy=policy)
    (link,) = wrapper.compile(f"<a href='{href}'>x</a>").links
    assert (link.placeholder, link.reason) == (piece, piece and "placeholder")


def test_pattern_of_nothing_is_refused() -> None:
    """Neither no form nor an empty text, which would be in every link."""
    for forms in ((), ("",), (("<<", ""),)):
        with pytest.raises(OptionError, match="form"):
            placeholder_pattern(*forms)
    wrong: Any = (("a", "b", "c"), 5, ["a", "b"], b"x")
    for form in wrong:
        with pytest.raises(TypeError, match="each form must be a str or a pair of them"):
            placeholder_pattern(form)


def test_finished_mail_has_no_placeholders() -> None:
    """With None every destination is wrapped, and what a URL cannot hold is encoded as a browser does."""
    wrapper = LinkWrapper(SigningKeys("a key for the tests of placeholders"), policy=LinkPolicy(placeholders=None))
    html = "<base href='https://a.test/{{x}}/'><a href='%7B%7B'>a</a><a href='https://a.test/{{id}}?q=<b>'>b</a>"
    assert [link.url for link in wrapper.compile(html).links] == [
        "https://a.test/%7B%7Bx%7D%7D/%7B%7B",
        "https://a.test/%7B%7Bid%7D%7D?q=%3Cb%3E",
    ]
    assert [link.url for link in WRAPPER.compile(html).links] == [None, None]


def test_piece_is_cut() -> None:
    """A placeholder that never ends is shown by its beginning."""
    assert find_placeholder("<" + "x" * 1000, DEFAULT_PLACEHOLDERS) == "<" + "x" * (SHOWN - 1)
    assert find_placeholder("", DEFAULT_PLACEHOLDERS) is None
    assert find_placeholder("{{x}}", None) is None


HOSTILE = """{ [ ( % # * $ < } ] ) a {a [a ((a ((a) %a %aaa ##a {' [a: [: {% [% [a% {1 (( %u4E2D %%C3%A9 %7B %5B *%7
{+ {%20 %zz ## [%2C //[a: @[a: [a%20 {a%7D {%0A {\\ {%5C {%2C [a:: [%3A [a%3A [::%25 *%7C *%7Ca %a%20a [[1""".split()


@pytest.mark.parametrize("unit", [*HOSTILE, "{ ", "[a b", "%a a", "%a a ", " a"])
def test_search_takes_linear_time(unit: str) -> None:
    """A hostile value of a million characters costs no more than reading it, whatever it repeats."""
    begin = time.process_time()
    DEFAULT_PLACEHOLDERS.search(" " + "1" * 8 + unit * (1_000_000 // len(unit)))
    assert time.process_time() - begin < 1


@pytest.mark.parametrize("unit", ["<<", "<<x", "aba", "ab", "<", ">>", "<<x>"])
def test_search_for_texts_and_pairs_takes_linear_time(unit: str) -> None:
    """The pattern that `placeholder_pattern` makes does not either, nor do beginnings that overlap."""
    pattern = placeholder_pattern("UNSUB_URL", ("<<", ">>"), ("aba", "!"), ("aa", "!"))
    begin = time.process_time()
    assert pattern.search(unit * (1_000_000 // len(unit))) is None
    assert time.process_time() - begin < 1
