"""Jinja2: the block `{% linkwrap %}…{% endlinkwrap %}` and the filter `wrap_url`, with the extra `jinja`.

    environment = Environment(extensions=["linkwrap.jinja.LinkWrapExtension"], autoescape=True)
    environment.extend(linkwrap=LinkWrapper(keys, tracking_domain="click.acme.com"))

The environment holds the wrapper, as it holds every extension's state. The context variable `linkwrap` is a mapping of
the `metadata` and the options of one message, as `LinkWrapper.render` takes them. A tag's own options override it.
"""

from typing import Any

from ._blocks import unknown_option, wrap_block, wrap_url
from ._extras import missing_extra
from .errors import OptionError
from .wrapper import LinkWrapper

try:
    from jinja2 import Environment, Undefined, nodes, pass_context, pass_environment
    from jinja2.ext import Extension
    from jinja2.parser import Parser
    from jinja2.runtime import Context
    from markupsafe import Markup
except ModuleNotFoundError as _error:
    raise missing_extra(_error, "jinja", "jinja2", "markupsafe") from None

__all__ = ["LinkWrapExtension"]

_BLOCK_FILTER = "linkwrap_block"


class LinkWrapExtension(Extension):
    """Adds the block and the filter to an environment, async or not.

    - `{% linkwrap %}…{% endlinkwrap %}` wraps the HTML that it renders, included, inherited and translated parts too.
      Options follow the name: `{% linkwrap metadata={"rcpt": rcpt.id}, pixel=true %}`. Pixels are added only where the
      block holds `</body>` or has the option `pixel=true`. Under autoescape the result is `Markup`.
    - `{{ url|wrap_url }}` is the redirect URL for one URL, or the URL itself where it is not wrapped. It takes
      `link_name`, `unsubscribe`, `sublink`, `metadata` and the options of `LinkWrapper.render`.

    Raises:
        TemplateSyntaxError: When a template is compiled: a block has an unknown option, or stands within another block.
        OptionError: When a template is rendered: the environment has no `linkwrap`, or an option cannot be used.
        TypeError: When a template is rendered: the environment's `linkwrap` or an option is of the wrong type.
    """

    tags: set[str] = {"linkwrap"}  # noqa: RUF012

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["wrap_url"] = _wrap_url
        environment.filters[_BLOCK_FILTER] = _wrap_block

    def parse(self, parser: Parser) -> nodes.Node:
        """Parse a block, beginning at its tag's name; Jinja2 calls this."""
        lineno = next(parser.stream).lineno
        options = _parse_options(parser)
        body = parser.parse_statements(("name:endlinkwrap",), drop_needle=True)
        for node in body:
            for inner in (node, *node.find_all(nodes.FilterBlock)):
                if isinstance(inner, nodes.FilterBlock) and inner.filter.name == _BLOCK_FILTER:
                    parser.fail("a linkwrap block stands within another one: end the outer one first", inner.lineno)
        # A filter block keeps the scope, and with it `caller`, which a call block would replace.
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
    if isinstance(wrapper, LinkWrapper):
        return wrapper
    how = "set it with environment.extend(linkwrap=LinkWrapper(keys, …))"
    if wrapper is None:
        raise OptionError(f"the Jinja2 environment has no LinkWrapper: {how}")
    found = type(wrapper).__name__
    del wrapper, environment  # a traceback may show the variables of a frame, and this may be a key
    raise TypeError(f"the Jinja2 environment's linkwrap must be a LinkWrapper, not {found}: {how}")


@pass_environment
def _wrap_block(environment: Environment, html: str, given: object, /, **options: Any) -> str:
    wrapped = wrap_block(_wrapper(environment), html, _defined(given), options)
    return Markup(wrapped) if isinstance(html, Markup) else wrapped  # noqa: S704


# With the context, Jinja2 does not sign a constant URL once for all messages when the template is compiled.
@pass_context
def _wrap_url(context: Context, url: object, /, **options: Any) -> object:
    return wrap_url(_wrapper(context.environment), url, _defined(context.resolve("linkwrap")), options)


def _defined(value: object) -> object:
    return None if isinstance(value, Undefined) else value
