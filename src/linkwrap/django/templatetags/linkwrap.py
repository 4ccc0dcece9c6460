"""`{% load linkwrap %}`: the block `{% linkwrap %}…{% endlinkwrap %}` and the tag `{% wrap_url url %}`.

They are for mail that Django renders and does not send; `linkwrap.django.backend` wraps the mail that it sends. The
wrapper is the setting's. The context variable `linkwrap` is a mapping of the `metadata` and the options of one message,
as `LinkWrapper.render` takes them; a tag's own options override it.
"""

from typing import Any

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from ..._blocks import message_options, unknown_option, wrap_block
from ..._blocks import wrap_url as wrap_one
from .. import conf

register: template.Library = template.Library()


class LinkWrapNode(Node):
    """A block that is wrapped when it is rendered."""

    def __init__(self, nodelist: NodeList, options: dict[str, FilterExpression]) -> None:
        self.nodelist = nodelist
        self.options = options

    def render(self, context: Context) -> SafeString:
        """Return the content of the block, wrapped."""
        said = {name: expression.resolve(context) for name, expression in self.options.items()}
        html = self.nodelist.render(context)
        return mark_safe(wrap_block(conf.load().wrapper, html, None, _options(context, said)))  # noqa: S308


@register.tag("linkwrap")
def linkwrap_block(parser: Parser, token: Token) -> LinkWrapNode:
    """Wrap what the block renders: `{% linkwrap metadata=metadata pixel=True %}…{% endlinkwrap %}`.

    Pixels are added only where the block holds `</body>` or has the option `pixel=True`. An unknown option, or a block
    within a block, is a `TemplateSyntaxError` when the template is compiled.
    """
    bits = token.split_contents()[1:]
    options = token_kwargs(bits, parser)
    fault = unknown_option(set(options))
    if bits:
        fault = f"linkwrap takes options as NAME=VALUE, not {bits[0]!r}"
    if fault:
        raise template.TemplateSyntaxError(fault)
    nodelist = parser.parse(("endlinkwrap",))
    parser.delete_first_token()
    if nodelist.get_nodes_by_type(LinkWrapNode):
        raise template.TemplateSyntaxError("a linkwrap block stands within another one: end the outer one first")
    return LinkWrapNode(nodelist, options)


@register.simple_tag(takes_context=True)
def wrap_url(context: Context, url: object, **options: Any) -> object:
    """Return the redirect URL for one URL, or the URL itself where it is not wrapped.

    It takes `link_name`, `unsubscribe`, `sublink`, `metadata` and the options of `LinkWrapper.render`.
    """
    return wrap_one(conf.load().wrapper, url, None, _options(context, options))


def _options(context: Context, said: dict[str, Any]) -> dict[str, Any]:
    return conf.with_tracking_domain({**message_options(context.get("linkwrap")), **said})
