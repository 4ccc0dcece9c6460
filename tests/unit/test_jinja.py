"""Jinja2: what the recipient of a rendered mail gets, and what the author of a template is told."""

import asyncio
import re
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from linkwrap import DomainError, LinkPolicy, LinkWrapper, OptionError, Resolver, SigningKeys

KEYS = SigningKeys("a key for the tests of Jinja2")
RESOLVER = Resolver(KEYS)
HOST = "click.acme.test"
WRAPPER = LinkWrapper(KEYS, account_id="acme", tracking_domain=HOST)
EXTENSION = "linkwrap.jinja.LinkWrapExtension"
PIXEL = re.compile(r'<img border="0" width="1" height="1" alt="" src="[^"]+/q/[^"]+"[^>]*>')
LINK = '<a href="https://shop.test/">x</a>'


def environment(templates: dict[str, str] | None = None, **options: Any) -> Environment:
    """An environment with the extension and a wrapper."""
    options = {"autoescape": True, "extensions": [EXTENSION], "loader": DictLoader(templates or {})} | options
    made = Environment(**options)  # noqa: S701
    made.extend(linkwrap=WRAPPER)
    return made


def render(source: str, **context: Any) -> str:
    """The mail that a template makes."""
    return environment().from_string(source).render(**context)


def hrefs(html: str) -> list[str]:
    """The links of a mail, as a browser engine reads them."""
    return [str(link["href"]) for link in BeautifulSoup(html, "html5lib").select("a[href]")]


def destinations(html: str) -> list[str]:
    """Where each link of a wrapped mail leads."""
    return [RESOLVER.resolve_click(href).url for href in hrefs(html)]


def metadata(html: str) -> dict[str, Any]:
    """The metadata of a mail's one link."""
    (href,) = hrefs(html)
    return RESOLVER.resolve_click(href).metadata


# The block


def test_block_wraps_what_it_renders_and_nothing_else() -> None:
    """Links in the block lead to the tracking domain; what stands around it, and the text in it, stays as it is."""
    html = render(
        '{{ a }}<a href="https://a.test/">a</a>{% linkwrap %}<p>{{ a }} ' + LINK + "</p>{% endlinkwrap %}", a="<"
    )
    assert html.startswith('&lt;<a href="https://a.test/">a</a><p>&lt; <a href="https://click.acme.test/f/a/')
    assert html.endswith('">x</a></p>')
    assert RESOLVER.resolve_click(hrefs(html)[1]).url == "https://shop.test/"


def test_result_is_markup_under_autoescape() -> None:
    """A block that is captured is not escaped when it is printed; without autoescape it is a plain string."""
    source = "{% set mail %}{% linkwrap %}" + LINK + "{% endlinkwrap %}{% endset %}{{ mail }}|{{ mail is escaped }}"
    for autoescape in (True, False):
        html, _, escaped = environment(autoescape=autoescape).from_string(source).render().partition("|")
        assert destinations(html) == ["https://shop.test/"]
        assert escaped == str(autoescape)


def test_autoescape_may_change_within_a_template() -> None:
    """`{% autoescape %}` around the block counts, even where it is only known when the mail is rendered."""
    source = "{% autoescape on %}{% linkwrap %}<b>{{ text }}</b>" + LINK + "{% endlinkwrap %}{% endautoescape %}"
    for on, text in ((True, "<b>&lt;</b>"), (False, "<b><</b>")):
        html = render(source, on=on, text="<")
        assert html.startswith(text)
        assert destinations(html) == ["https://shop.test/"]


def test_metadata_and_options_come_from_the_context() -> None:
    """The variable `linkwrap` holds what is the message's, for the block and for the filter."""
    source = "{% linkwrap %}" + LINK + "{% endlinkwrap %}{{ 'https://b.test/'|wrap_url }}"
    html = render(source, linkwrap={"metadata": {"rcpt": "r-42"}, "tracking_domain": "go.acme.test"})
    assert metadata(html) == {"rcpt": "r-42"}
    assert hrefs(html)[0].startswith("https://go.acme.test/f/")
    click = RESOLVER.resolve_click(html.partition("</a>")[2])
    assert (click.url, click.host, click.metadata) == ("https://b.test/", "go.acme.test", {"rcpt": "r-42"})


def test_options_of_the_tag_come_first() -> None:
    """What a tag says counts before the context; what it does not say is the context's."""
    source = "{% linkwrap metadata={'rcpt': who}, account_id='b' %}" + LINK + "{% endlinkwrap %}"
    context = {"metadata": {"rcpt": "nobody"}, "account_id": "a", "tracking_domain": "go.acme.test"}
    html = render(source, who="r-1", linkwrap=context)
    click = RESOLVER.resolve_click(hrefs(html)[0])
    assert (click.metadata, click.account_id, click.host) == ({"rcpt": "r-1"}, "b", "go.acme.test")
    assert context["metadata"] == {"rcpt": "nobody"}


def test_context_of_a_scope_counts() -> None:
    """`{% with linkwrap = … %}` and a loop's own variables say what is the message's, too."""
    source = "{% with linkwrap = {'metadata': {'n': 1}} %}{% linkwrap %}" + LINK + "{% endlinkwrap %}{% endwith %}"
    assert metadata(render(source, linkwrap={"metadata": {"n": 0}})) == {"n": 1}


def test_block_without_context_has_no_metadata() -> None:
    """A template needs no variable `linkwrap`, even where undefined variables are errors."""
    html = environment(undefined=StrictUndefined).from_string("{% linkwrap %}" + LINK + "{% endlinkwrap %}").render()
    assert metadata(html) == {}
    assert metadata(render("{% linkwrap %}" + LINK + "{% endlinkwrap %}", linkwrap=None)) == {}


@pytest.mark.parametrize(
    ("block", "pixels"),
    [
        ("{% linkwrap %}<p>x</p>{% endlinkwrap %}", 0),
        ("{% linkwrap pixel=true %}<p>x</p>{% endlinkwrap %}", 1),
        ("{% linkwrap %}<body><p>x</p></BODY\n></html>{% endlinkwrap %}", 1),
        ("{% linkwrap pixel=false %}<body><p>x</p></body>{% endlinkwrap %}", 0),
        ("{% linkwrap %}<p>x</p><!-- </body> -->{% endlinkwrap %}", 0),
        ("{% linkwrap initial_open=true %}<body><p>x</p></body>{% endlinkwrap %}", 2),
        ("{% linkwrap pixel=false, initial_open=true %}<body><p>x</p></body>{% endlinkwrap %}", 0),
        ("{% linkwrap pixel=true, open_tracking=false %}<p>x</p>{% endlinkwrap %}", 0),
    ],
)
def test_pixel_only_where_the_body_ends_or_the_tag_asks(block: str, pixels: int) -> None:
    """A mail made of several blocks is opened once; who wants no pixel gets none, whatever the template says."""
    assert len(PIXEL.findall(render(block))) == pixels


def test_two_blocks_of_one_mail_share_one_pixel() -> None:
    """A header block and a body block give one pixel, before the end of the body."""
    html = render(f"<body>{{% linkwrap %}}{LINK}{{% endlinkwrap %}}{{% linkwrap %}}{LINK}</body>{{% endlinkwrap %}}")
    assert len(PIXEL.findall(html)) == 1
    assert html.index("/q/") > html.rindex("/f/")
    assert destinations(html) == ["https://shop.test/"] * 2


# Where a block may stand, and what may stand in it


def test_inheritance() -> None:
    """A base template wraps what its children fill in, with what `super()` brings."""
    mail = environment(
        {
            "base": "<body>{% linkwrap %}{% block content %}" + LINK + "{% endblock %}</body>{% endlinkwrap %}",
            "child": "{% extends 'base' %}{% block content %}{{ super() }}"
            '<a href="https://b.test/{{ n }}">b</a>{% endblock %}',
        }
    ).get_template("child")
    html = mail.render(n=2, linkwrap={"metadata": {"rcpt": "r-1"}})
    assert destinations(html) == ["https://shop.test/", "https://b.test/2"]
    assert RESOLVER.resolve_click(hrefs(html)[1]).metadata == {"rcpt": "r-1"}


def test_block_in_a_child_template() -> None:
    """A child may wrap what only it fills in, with the context that the mail was rendered with."""
    mail = environment(
        {
            "base": LINK + "{% block content %}{% endblock %}",
            "child": "{% extends 'base' %}{% block content %}{% linkwrap %}" + LINK + "{% endlinkwrap %}{% endblock %}",
        }
    ).get_template("child")
    plain, wrapped = hrefs(mail.render(linkwrap={"metadata": {"rcpt": "r-1"}}))
    assert plain == "https://shop.test/"
    assert RESOLVER.resolve_click(wrapped).metadata == {"rcpt": "r-1"}


def test_includes_and_imports() -> None:
    """What a block includes is wrapped with it, and a block may stand in what is included."""
    mail = environment(
        {
            "mail": "{% from 'macros' import button with context %}"
            "{% linkwrap %}{% include 'part' %}{{ button(1) }}{% endlinkwrap %}{% include 'footer' %}",
            "part": LINK,
            "macros": '{% macro button(n) %}<a href="https://b.test/{{ n }}">b</a>{% endmacro %}',
            "footer": "{% linkwrap %}" + LINK + "{% endlinkwrap %}",
        }
    ).get_template("mail")
    html = mail.render(linkwrap={"metadata": {"rcpt": "r-1"}})
    assert destinations(html) == ["https://shop.test/", "https://b.test/1", "https://shop.test/"]
    assert RESOLVER.resolve_click(hrefs(html)[2]).metadata == {"rcpt": "r-1"}


def test_macros_may_wrap_what_they_are_called_around() -> None:
    """`caller()` in a block is the macro's caller, and a loop's variables are seen in a block."""
    source = (
        "{% macro card() %}{% linkwrap %}{{ caller() }}{% endlinkwrap %}{% endmacro %}"
        '{% for n in (1, 2) %}{% call card() %}<a href="https://b.test/{{ n }}">b</a>{% endcall %}{% endfor %}'
    )
    assert destinations(render(source)) == ["https://b.test/1", "https://b.test/2"]


def test_translations() -> None:
    """The i18n extension's blocks are wrapped in the reader's language, and still found for translators."""
    made = environment(extensions=["jinja2.ext.i18n", EXTENSION])
    made.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: text.replace("Read", "Lesen").replace("/en", "/de"), lambda one, many, n: one, newstyle=True
    )
    source = (
        '{% linkwrap %}{% trans url="https://a.test/?b=1&c=2" %}<a href="https://shop.test/en">Read</a> {{ url }}'
        "{% endtrans %}{% endlinkwrap %}"
    )
    html = made.from_string(source).render()
    assert destinations(html) == ["https://shop.test/de"]
    assert html.endswith(">Lesen</a> https://a.test/?b=1&amp;c=2")
    messages = made.extract_translations(source)  # type: ignore[attr-defined]
    assert [text for _, _, (text, _) in messages] == ['<a href="https://shop.test/en">Read</a> %(url)s']


def test_async_environment() -> None:
    """In an async environment the block waits for what it holds: loops, calls and includes."""

    async def urls() -> AsyncIterator[str]:
        for n in range(3):
            await asyncio.sleep(0)
            yield f"https://shop.test/{n}"

    async def name() -> str:
        await asyncio.sleep(0)
        return "Ada"

    made = environment(
        {
            "mail": "{% extends 'base' %}{% block content %}{{ name() }}{% for url in urls() %}"
            '{% include "part" %}{% endfor %}<a href="{{ url2|wrap_url }}">{% endblock %}',
            "base": "{% linkwrap metadata={'name': name()} %}{% block content %}{% endblock %}{% endlinkwrap %}",
            "part": '<a href="{{ url }}">{{ loop }}</a>',
        },
        enable_async=True,
    )
    context = {"urls": urls, "name": name, "url2": "https://b.test/"}

    async def collect() -> tuple[str, str]:
        template = made.get_template("mail")
        return await template.render_async(context), "".join([part async for part in template.generate_async(context)])

    for html in asyncio.run(collect()):
        assert html.startswith("Ada<a ")
        assert destinations(html) == [*(f"https://shop.test/{n}" for n in range(3)), "https://b.test/"]
        assert RESOLVER.resolve_click(hrefs(html)[0]).metadata == {"name": "Ada"}


def test_sandbox() -> None:
    """Templates of strangers may use the block and the filter, and reach neither the wrapper nor its keys."""
    made = SandboxedEnvironment(extensions=[EXTENSION], autoescape=True)
    made.extend(linkwrap=WRAPPER)
    html = made.from_string("{% linkwrap %}" + LINK + "{% endlinkwrap %}{{ linkwrap }}{{ wrap_url }}").render()
    assert destinations(html) == ["https://shop.test/"]
    assert html.endswith("</a>")


def test_overlay_may_have_a_wrapper_of_its_own() -> None:
    """An overlay shares the wrapper until it is given another, which its templates then use."""
    base = environment()
    other = base.overlay(trim_blocks=True)
    assert isinstance(other, Environment)
    source = "{% linkwrap %}" + LINK + "{% endlinkwrap %}{{ 'https://b.test/'|wrap_url }}"
    assert "click.acme.test" in other.from_string(source).render()
    other.linkwrap = LinkWrapper(KEYS, tracking_domain="go.acme.test")  # type: ignore[attr-defined]
    html = other.from_string(source).render()
    assert "click.acme.test" not in html
    assert html.count("https://go.acme.test/f/") == 2
    assert "go.acme.test" not in base.from_string(source).render()


# What the author of a template is told


@pytest.mark.parametrize(
    "inner",
    [
        "{% linkwrap %}x{% endlinkwrap %}",
        "{% if a %}\n\n{% linkwrap %}x{% endlinkwrap %}{% endif %}",
        "{% block b %}{% linkwrap %}x{% endlinkwrap %}{% endblock %}",
        "{% macro m() %}{% linkwrap %}x{% endlinkwrap %}{% endmacro %}",
    ],
)
def test_nested_blocks_are_an_error_when_the_template_is_compiled(inner: str) -> None:
    """The error names the line of the inner block."""
    source = "\n{% linkwrap %}" + inner + "{% endlinkwrap %}"
    with pytest.raises(TemplateSyntaxError, match="within another one") as error:
        environment().from_string(source)
    assert error.value.lineno == source[: source.rindex("{% linkwrap")].count("\n") + 1


def test_block_that_includes_a_block_wraps_once() -> None:
    """Nesting that only shows when the mail is rendered does no harm: one redirect for a link, and one pixel."""
    made = environment({"inner": "{% linkwrap %}" + LINK + "</body>{% endlinkwrap %}"})
    html = made.from_string("{% linkwrap %}<body>{% include 'inner' %}</body>{% endlinkwrap %}").render()
    assert destinations(html) == ["https://shop.test/"]
    assert len(PIXEL.findall(html)) == 1


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("{% linkwrap pixle=true %}", "no option 'pixle': there are account_id, .*, pixel, "),
        ("{% linkwrap pixel=true, pixel=false %}", "'pixel' twice"),
        ("{% linkwrap pixel=true metadata={} %}", "expected token ','"),
        ("{% linkwrap {'rcpt': 1} %}", "expected token 'name'"),
        ("{% linkwrap metadata %}", "expected token '='"),
    ],
)
def test_tag_is_checked_when_the_template_is_compiled(tag: str, message: str) -> None:
    """A misspelt option is an error before the first mail, and says what there is."""
    with pytest.raises(TemplateSyntaxError, match=message):
        environment().from_string(tag + "x{% endlinkwrap %}")


def test_missing_end() -> None:
    """A block that does not end is an error that names its end tag."""
    with pytest.raises(TemplateSyntaxError, match="endlinkwrap"):
        environment().from_string("{% linkwrap %}x")


@pytest.mark.parametrize("source", ["{% linkwrap %}x{% endlinkwrap %}", "{{ 'https://a.test/'|wrap_url }}"])
@pytest.mark.parametrize(("wrapper", "error"), [(None, OptionError), ("click.acme.test", TypeError)])
def test_environment_without_wrapper(source: str, wrapper: object, error: type[Exception]) -> None:
    """The error says how to set one; compiling the template works without it, as tools that read templates need."""
    made = Environment(extensions=[EXTENSION], autoescape=True)
    if wrapper:
        made.extend(linkwrap=wrapper)
    template = made.from_string(source)
    with pytest.raises(error, match=r"environment\.extend\(linkwrap=LinkWrapper\(keys, …\)\)") as caught:
        template.render()
    assert wrapper is None or "must be a LinkWrapper, not str" in str(caught.value)
    frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if "linkwrap" in frame.f_globals["__name__"]]
    assert frames
    assert [frame for frame in frames if wrapper and str(wrapper) in repr(frame.f_locals)] == []


@pytest.mark.parametrize(
    ("context", "error", "message"),
    [
        ({"colour": 1}, TypeError, "no option 'colour'"),
        ({"metadata": {"big": "x" * 1000}}, OptionError, "more than the 1000"),
        ({"tracking_domain": "127.0.0.1"}, DomainError, "127"),
        ("r-42", TypeError, "variable linkwrap must be a mapping, .*, not str"),
    ],
)
def test_options_of_the_context_are_checked(context: object, error: type[Exception], message: str) -> None:
    """A fault of the calling code is an exception of linkwrap, from the block as from the filter."""
    for source in ("{% linkwrap %}x{% endlinkwrap %}", "{{ 'https://a.test/'|wrap_url }}"):
        with pytest.raises(error, match=message):
            render(source, linkwrap=context)


# The filter


def test_filter_wraps_one_url() -> None:
    """A URL in a template, in HTML or in plain text, becomes the redirect URL, with its name and metadata."""
    html = render(
        "<a href=\"{{ url|wrap_url(link_name='Shop', sublink='app', unsubscribe=true, metadata={'n': 1}) }}\">x</a>",
        url="https://shop.test/?a=1&b=2",
    )
    click = RESOLVER.resolve_click(hrefs(html)[0])
    assert (click.url, click.link_name, click.unsubscribe) == ("https://shop.test/?a=1&b=2", "Shop", True)
    assert click.metadata == {"n": 1}
    assert hrefs(html)[0].startswith("https://click.acme.test/f/app/")


def test_filter_leaves_alone_what_is_not_to_be_wrapped() -> None:
    """A `mailto:` or a refused host comes out as it went in, escaped once; nothing comes of nothing."""
    made = environment()
    made.linkwrap = LinkWrapper(KEYS, tracking_domain=HOST, policy=LinkPolicy(skip_hosts=["own.test"]))  # type: ignore[attr-defined]
    source = '<a href="{{ url|wrap_url }}">{{ missing|wrap_url }}</a>'
    for url in ("mailto:a@b.test?subject=a&body=b", "https://own.test/?a=1&b=2"):
        escaped = url.replace("&", "&amp;")
        assert made.from_string(source).render(url=url) == f'<a href="{escaped}"></a>'
        assert made.from_string(source).render(url=Markup(escaped)) == f'<a href="{escaped}"></a>'  # noqa: S704


def test_filter_in_a_block_wraps_once() -> None:
    """A URL that the filter has wrapped is left alone by the block around it."""
    html = render("{% linkwrap %}<a href=\"{{ 'https://shop.test/'|wrap_url(link_name='A') }}\">x</a>{% endlinkwrap %}")
    (href,) = hrefs(html)
    assert RESOLVER.resolve_click(href).link_name == "A"


def test_constant_url_is_signed_per_message() -> None:
    """A URL written in the template is signed for each recipient, not once when the template is compiled."""
    template = environment().from_string("{{ 'https://shop.test/'|wrap_url }}")
    for rcpt in ("r-1", "r-2"):
        url = template.render(linkwrap={"metadata": {"rcpt": rcpt}})
        assert RESOLVER.resolve_click(url).metadata == {"rcpt": rcpt}


# Damage that others do to templates


def test_escaped_ampersands_reach_the_site_as_ampersands() -> None:
    """mautic #1702 #1711, postal #296 #2568, listmonk #844, mail-tracker #18 #24: `&amp;` literal or encoded twice."""
    url = "https://shop.test/?a=1&copy=2&b='\">"
    source = '<a href="{{ url }}">x</a>'
    seen = "https://shop.test/?a=1&copy=2&b=%27%22%3E"
    assert destinations(render("{% linkwrap %}" + source + "{% endlinkwrap %}", url=url)) == [seen]
    assert destinations(render(source.replace("url", "url|wrap_url"), url=url)) == [seen]
    safe = Markup("https://shop.test/?a=1&amp;copy=2")
    assert destinations(render(source.replace("url", "url|wrap_url"), url=safe)) == ["https://shop.test/?a=1&copy=2"]


def test_placeholders_of_a_later_engine_stay() -> None:
    """premailer #72 #130 #248 #297, mautic #3825 #7268, listmonk #667: placeholders encoded as `{{%20url%20}}`."""
    later = '<p>{{ name }} <a href="{{ url }}">a</a> <a href="https://shop.test/{{ id }}">b</a></p>'
    assert render("{% linkwrap %}{% raw %}" + later + "{% endraw %}{% endlinkwrap %}") == later


def test_placeholders_of_the_template_stay_when_its_source_is_wrapped() -> None:
    """premailer #72, lxml: wrapping a template's source encoded its placeholders, and nothing was filled in."""
    source = (
        '<p title="{{ a }}">{% if a < 2 %}<a href="{{ url }}">a</a>{% endif %}<a href="https://b.test/{{ a }}">b</a>'
    )
    assert WRAPPER.compile(source).slotted(lambda number: "", open_tracking=False) == source


def test_markup_around_the_links_stays() -> None:
    """Outlook's markup, a button's table, doctype, entities and charset were damaged: mautic #4328, premailer #192."""
    mail = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><head><meta charset="latin1"></head><body>&nbsp;é'
        "<![if !mso]><b>{0}</b><![endif]><!--[if mso]><v:rect href='{0}'/><![endif]-->"
        '<a href="{0}"><table><tr><td>Buy</td></tr></table></a\n>{{{{ later }}}}</body>'
    )
    html = render("{% linkwrap %}{% raw %}" + mail.format("https://shop.test/") + "{% endraw %}{% endlinkwrap %}")
    wrapped = re.findall(r"""["']https://click\.acme\.test/f/[^"']+""", html)
    assert [RESOLVER.resolve_click(url[1:]).url for url in wrapped] == ["https://shop.test/"] * 2
    restored = re.sub(r"https://click\.acme\.test/f/[^\"']+", "https://shop.test/", PIXEL.sub("", html))
    assert restored == mail.format("https://shop.test/")


def test_each_of_several_equal_links_has_its_slot() -> None:
    """mautic #8928: only the last of several equal links was rewritten."""
    assert destinations(newsletter("<p>" + LINK + LINK + "</p>")) == ["https://shop.test/"] * 2


# Newsletters by slots


def newsletter(source: str, **fields: Any) -> str:
    """A mail by the way that the documentation shows: the template's own links as slots, all else by Jinja2."""
    template = WRAPPER.compile(source)
    engine = environment().from_string(template.slotted(lambda i: f"{{{{ urls[{i}] }}}}"))
    return engine.render(urls=WRAPPER.urls(template, {"rcpt": "r-42"}), **fields)


def test_slots_and_merge_fields_are_filled_in_together() -> None:
    """Static links and the pixel come from slots, a recipient's own URL from the filter, and fields are escaped."""
    html = newsletter(
        '<body><p>Dear {{ name }}, <a href="https://shop.test/?a=1&amp;b=2">shop</a></p>'
        '{% for n in (1, 2) %}<a href="https://b.test/">b</a>{% endfor %}'
        '<a href="{{ own|wrap_url(metadata={"rcpt": "r-42"}) }}">account</a></body>',
        name="<Ada>",
        own="https://c.test/?u=1&v=2",
    )
    assert html.startswith("<body><p>Dear &lt;Ada&gt;, <a href=")
    b = "https://b.test/"
    assert destinations(html) == ["https://shop.test/?a=1&b=2", b, b, "https://c.test/?u=1&v=2"]
    assert {str(RESOLVER.resolve_click(href).metadata) for href in hrefs(html)} == {"{'rcpt': 'r-42'}"}
    assert html.endswith("</body>")
    (pixel,) = PIXEL.findall(html)
    assert RESOLVER.resolve_open(pixel.split('"')[9]).metadata == {"rcpt": "r-42"}


def test_slots_give_what_wrapping_the_merged_mail_gives() -> None:
    """The fast way and the plain way lead to the same places, with the same text."""
    source = '<body>{{ name }} <a href="https://a.test/">a</a> <A HREF=https://b.test>b</A></body>'
    slotted = newsletter(source, name="A&B")
    merged = WRAPPER.wrap(str(environment().from_string(source).render(name="A&B")), {"rcpt": "r-42"})
    assert destinations(slotted) == destinations(merged) == ["https://a.test/", "https://b.test/"]
    assert re.sub(r"https://click[^\">]+", "", slotted) == re.sub(r"https://click[^\">]+", "", merged)


def test_integration_is_loaded_only_when_it_is_asked_for() -> None:
    """`import linkwrap` loads no template engine."""
    code = "import sys, linkwrap; print([name for name in ('jinja2', 'django') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
