"""The template tags of Django: what the recipient gets, and what the author of a template is told."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Template, TemplateSyntaxError, engines
from django.template.loaders.locmem import Loader
from django.utils.safestring import mark_safe

from linkwrap import OptionError, Resolver

HREF = re.compile(r'href="([^"]+)"')
LINK = '<a href="https://shop.test/">x</a>'
BLOCK = "{% linkwrap %}" + LINK + "{% endlinkwrap %}"


def render(source: str, **context: Any) -> str:
    """The mail that a template makes."""
    return str(Template("{% load linkwrap %}" + source).render(Context(context)))


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Templates to include and extend, by name."""
    (loader,) = engines["django"].engine.template_loaders
    assert isinstance(loader, Loader)
    sources: dict[str, str] = {}
    monkeypatch.setattr(loader, "templates_dict", sources)
    return sources


def test_block_wraps_what_it_renders_and_nothing_else(resolver: Resolver) -> None:
    """Links in the block lead to the tracking domain; what stands around it, and the text in it, stays as it is."""
    html = render(
        '{{ a }}<a href="https://a.test/">a</a>{% linkwrap %}<p>{{ a }}' + LINK + "</p>{% endlinkwrap %}", a="<"
    )
    assert html.startswith('&lt;<a href="https://a.test/">a</a><p>&lt;<a href="https://click.acme.test/f/a/')
    assert html.endswith('">x</a></p>')
    assert resolver.resolve_click(HREF.findall(html)[1]).url == "https://shop.test/"


def test_options_come_from_the_tag_and_the_context(resolver: Resolver) -> None:
    """The variable `linkwrap` holds what is the message's; what the tag says itself comes first."""
    context = {"metadata": {"rcpt": "r-1"}, "tracking_domain": "go.acme.test"}
    source = BLOCK + '{% linkwrap metadata=own account_id="b" %}' + LINK + "{% endlinkwrap %}"
    html = render(source + "{% wrap_url 'https://b.test/' link_name='B' %}", linkwrap=context, own={"n": 1})
    first, second = (resolver.resolve_click(href) for href in HREF.findall(html))
    assert (first.metadata, first.host, first.account_id) == ({"rcpt": "r-1"}, "go.acme.test", "acme")
    assert (second.metadata, second.host, second.account_id) == ({"n": 1}, "go.acme.test", "b")
    third = resolver.resolve_click(html.rpartition("</a>")[2])
    assert (third.url, third.link_name, third.metadata) == ("https://b.test/", "B", {"rcpt": "r-1"})


@pytest.mark.parametrize(
    ("block", "pixels"),
    [
        (BLOCK, 0),
        ("{% linkwrap pixel=True %}x{% endlinkwrap %}", 1),
        ("{% linkwrap %}<body>x</body>{% endlinkwrap %}", 1),
        ("{% linkwrap pixel=False %}<body>x</body>{% endlinkwrap %}", 0),
        ("{% linkwrap pixel=True open_tracking=False %}x{% endlinkwrap %}", 0),
    ],
)
def test_pixel_only_where_the_body_ends_or_the_tag_asks(block: str, pixels: int) -> None:
    """A mail made of several blocks is opened once; who wants no pixel gets none, whatever the template says."""
    assert render(block).count("https://click.acme.test/q/") == pixels


def test_inheritance_and_includes(templates: dict[str, str], resolver: Resolver) -> None:
    """What a block's children and includes bring is wrapped; an include that wraps for itself wraps once."""
    templates["base"] = "{% load linkwrap %}{% linkwrap %}{% block content %}{% endblock %}</body>{% endlinkwrap %}"
    templates["part"] = "{% load linkwrap %}{% linkwrap %}" + LINK + "</body>{% endlinkwrap %}"
    source = "{% extends 'base' %}{% block content %}<body>" + LINK + "{% include 'part' %}{% endblock %}"
    html = Template(source).render(Context({"linkwrap": {"metadata": {"rcpt": "r-1"}}}))
    clicks = [resolver.resolve_click(href) for href in HREF.findall(html)]
    assert [click.url for click in clicks] == ["https://shop.test/"] * 2
    assert [click.metadata for click in clicks] == [{"rcpt": "r-1"}] * 2
    assert html.count("/q/") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% linkwrap %}" + BLOCK + "{% endlinkwrap %}", "within another one"),
        (
            "{% linkwrap %}{% if a %}{% block b %}" + BLOCK + "{% endblock %}{% endif %}{% endlinkwrap %}",
            "within another",
        ),
        ("{% linkwrap pixle=True %}{% endlinkwrap %}", "no option 'pixle': there are account_id, "),
        ("{% linkwrap metadata %}{% endlinkwrap %}", "NAME=VALUE, not 'metadata'"),
        ("{% linkwrap %}", "endlinkwrap"),
    ],
)
def test_faults_are_told_when_the_template_is_compiled(source: str, message: str) -> None:
    """A nested block or a misspelt option is an error before the first mail."""
    with pytest.raises(TemplateSyntaxError, match=message):
        Template("{% load linkwrap %}" + source)


def test_faults_of_the_calling_code(configure: Callable[..., None]) -> None:
    """Wrong types and values are named, a setting that cannot be used is Django's error."""
    with pytest.raises(TypeError, match=r"variable linkwrap must be a mapping, .*, not str"):
        render(BLOCK, linkwrap="r-1")
    with pytest.raises(OptionError, match="more than the 1000"):
        render(BLOCK, linkwrap={"metadata": {"big": "x" * 1000}})
    with pytest.raises(TypeError, match="no option 'colour'"):
        render("{% wrap_url 'https://a.test/' colour=1 %}")
    configure(KEYS=["short"])
    with pytest.raises(ImproperlyConfigured, match="shorter than 16"):
        render(BLOCK)


def test_escaped_ampersands_reach_the_site_as_ampersands(resolver: Resolver) -> None:
    """mautic #1702 #1711, postal #296 #2568, listmonk #844, mail-tracker #18 #24: `&amp;` literal or encoded twice."""
    source = '<a href="{{ url }}">x</a>'
    url = "https://shop.test/?a=1&copy=2&b='"
    seen = "https://shop.test/?a=1&copy=2&b=%27"
    in_block = render("{% linkwrap %}" + source + "{% endlinkwrap %}", url=url)
    by_tag = render('<a href="{% wrap_url url %}">x</a>', url=url)
    of_html = render('<a href="{% wrap_url url %}">x</a>', url=mark_safe("https://shop.test/?a=1&amp;copy=2&amp;b=%27"))
    for html in (in_block, by_tag, of_html):
        assert resolver.resolve_click(HREF.findall(html)[0]).url == seen


def test_url_that_is_not_to_be_wrapped_is_escaped_once() -> None:
    """A `mailto:` comes out as any other variable would; nothing comes of nothing."""
    url = "mailto:a@b.test?subject=a&body=b"
    assert render("{% wrap_url url %}|{% wrap_url missing %}", url=url) == url.replace("&", "&amp;") + "|"
    assert render("{% autoescape off %}{% wrap_url url %}{% endautoescape %}", url=url) == url


def test_placeholders_of_a_later_engine_stay() -> None:
    """premailer #72 #130 #248 #297, mautic #3825 #7268, listmonk #667: placeholders encoded as `{{%20url%20}}`."""
    later = '<p>{{ name }} <a href="{{ url }}">a</a> <a href="https://shop.test/{{ id }}">b</a></p>'
    assert render("{% linkwrap %}{% verbatim %}" + later + "{% endverbatim %}{% endlinkwrap %}") == later


def test_mail_that_a_template_wrapped_is_not_wrapped_again(outbox: list[Any]) -> None:
    """pytracking #25, Momentum BZ3811: wrapped by the template and by the backend, a link counts once."""
    from django.core.mail import send_mail

    html = render("{% linkwrap %}<body>" + LINK + "</body>{% endlinkwrap %}")
    send_mail("Sale", "text", None, ["ada@example.com"], html_message=html)
    assert outbox[0].alternatives[0][0] == html
