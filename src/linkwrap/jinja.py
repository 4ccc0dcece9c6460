"""Jinja2: the block `{% linkwrap %}…{% endlinkwrap %}` and the filter `wrap_url`. It needs the extra `jinja`.

    environment = Environment(extensions=["linkwrap.jinja.LinkWrapExtension"], autoescape=True)
    environment.extend(linkwrap=LinkWrapper(keys, tracking_domain="click.acme.com"))

The environment holds the wrapper, as it holds every extension's state. The context variable `linkwrap`, a mapping,
says what is the message's: `metadata` and the options of `LinkWrapper.render`. The tag's own options come before it.
"""

from typing import Any

from jinja2 import Environment, Undefined, nodes, pass_context, pass_environment
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from markupsafe import Markup

from ._blocks import unknown_option, wrap_block, wrap_url
from .errors import OptionError
from .wrapper import LinkWrapper

__all__ = ["LinkWrapExtension"]

_BLOCK_FILTER = "linkwrap_block"


class LinkWrapExtension(Extension):
    """Adds the block and the filter to an environment, async or not.

    - `{% linkwrap %}…{% endlinkwrap %}` wraps what it renders: what it includes, inherits and translates too. Options
      follow the name: `{% linkwrap metadata={"rcpt": rcpt.id}, pixel=true %}`. Pixels are added only where the block
      holds `</body>` or says `pixel=true`. Under autoescape the result is `Markup`. An unknown option, or a block
      within a block, is a `TemplateSyntaxError` when the template is compiled.
    - `{{ url|wrap_url }}` is the redirect URL for one URL, or the URL itself where it is not to be wrapped. It takes
      `link_name`, `unsubscribe`, `sublink`, `metadata` and the options of `LinkWrapper.render`.

    Rendering raises `OptionError` where the environment has no `linkwrap`, and for options that cannot be used.
    """

    tags = {"linkwrap"}  # noqa: RUF012

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["wrap_url"] = _wrap_url
        environment.filters[_BLOCK_FILTER] = _wrap_block

    def parse(self, parser: Parser) -> nodes.Node:
        """Parse the block from its tag's name on (called by Jinja2)."""
        lineno = next(parser.stream).lineno
        options = _parse_options(parser)
        body = parser.parse_statements(("name:endlinkwrap",), drop_needle=True)
        for node in body:
            for inner in (node, *node.find_all(nodes.FilterBlock)):
                if isinstance(inner, nodes.FilterBlock) and inner.filter.name == _BLOCK_FILTER:
                    parser.fail("a linkwrap block stands within another one: end the outer one first", inner.lineno)
        # A filter's block keeps the scope, and with it `caller`, which a call's block would replace.
        given = nodes.Name("linkwrap", "load", lineno=lineno)
        wrap = nodes.Filter(None, _BLOCK_FILTER, [given], options, None, None, lineno=lineno)
        return nodes.FilterBlock(body, wrap, lineno=lineno)


def _parse_options(parser: Parser) -> list[nodes.Keyword]:
    stream = parser.stream
    options: dict[str, nodes.Keyword] = {}
    while stream.current.type != "block_end":
        if options:
            stream.expect("comma")
        token = stream.expect("name")
        if fault := unknown_option({token.value}):
            parser.fail(fault, token.lineno)
        if token.value in options:
            parser.fail(f"linkwrap has the option {token.value!r} twice", token.lineno)
        stream.expect("assign")
        options[token.value] = nodes.Keyword(token.value, parser.parse_expression(), lineno=token.lineno)
    return list(options.values())


def _wrapper(environment: Environment) -> LinkWrapper:
    wrapper = getattr(environment, "linkwrap", None)
    if not isinstance(wrapper, LinkWrapper):
        raise OptionError(
            "the Jinja2 environment has no LinkWrapper: set it with environment.extend(linkwrap=LinkWrapper(keys, …))"
        )
    return wrapper


@pass_environment
def _wrap_block(environment: Environment, html: str, given: object, /, **options: Any) -> str:
    wrapped = wrap_block(_wrapper(environment), html, _defined(given), options)
    return Markup(wrapped) if isinstance(html, Markup) else wrapped  # noqa: S704


# The context keeps Jinja2 from signing a constant URL once for all messages, when the template is compiled.
@pass_context
def _wrap_url(context: Context, url: object, /, **options: Any) -> object:
    return wrap_url(_wrapper(context.environment), url, _defined(context.resolve("linkwrap")), options)


def _defined(value: object) -> object:
    return None if isinstance(value, Undefined) else value
