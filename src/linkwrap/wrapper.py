"""`LinkWrapper`: a document in, the same document with signed redirect URLs out.

There is one way through: `compile` finds and decides (once per template), `render` signs and fills in (per recipient),
`wrap` does both. Nothing raises for bad markup: what cannot be wrapped stays as it is and is told in `.links`.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from ._compiler import Compiler
from ._decide.controls import DEFAULT_SUBLINK, Controls, cut_name, read_sublink
from ._mime.template import Mail, MessageTemplate
from ._token import wire
from .account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from .errors import OptionError
from .keys import SigningKeys
from .link import Link
from .options import MessageOptions, Settings, make_settings
from .policy import LinkPolicy
from .template import LinkTemplate, Slotted, pixel_tag

if TYPE_CHECKING:
    from ._tree import Tree

Text = TypeVar("Text", str, bytes)
Metadata = Mapping[str, Any] | None

_DEFAULT_POLICY = LinkPolicy()


class LinkWrapper:
    """Wraps the links of mail for one service's keys; make it once, use it from any thread.

    - `keys`: sign the URLs, and tell which are wrapped already.
    - `account_id`: in every token, at most 100 bytes of UTF-8.
    - `tracking_domain`: the host that the URLs are on, a host name (`click.acme.com`, `localhost:8080`) or a
      `TrackingDomain`, which must be verified. A plain host name is your word for it, and its URLs are https.
    - `click_tracking`, `open_tracking`, `initial_open`: whether links are wrapped, and which pixels are added.
    - `policy`: which links are wrapped.

    All but `keys` and `policy` can be given per message too, to every method that takes `options` (`MessageOptions`).
    Raises `OptionError` or `DomainError` for what cannot be used.
    """

    __slots__ = ("_compiler", "_keys", "_options", "_settings")

    def __init__(
        self,
        keys: SigningKeys,
        *,
        account_id: str = "",
        tracking_domain: str | TrackingDomain = DEFAULT_TRACKING_DOMAIN,
        click_tracking: bool = True,
        open_tracking: bool = True,
        initial_open: bool = False,
        policy: LinkPolicy = _DEFAULT_POLICY,
    ) -> None:
        if not isinstance(keys, SigningKeys):
            raise OptionError(
                f"keys takes SigningKeys, not {type(keys).__name__}: SigningKeys('…') makes them of a secret"
            )
        if not isinstance(policy, LinkPolicy):
            raise OptionError(f"policy takes a LinkPolicy, not {type(policy).__name__}")
        self._keys = keys
        self._compiler = Compiler(keys, policy)
        self._options: MessageOptions = {
            "account_id": account_id,
            "tracking_domain": tracking_domain,
            "click_tracking": click_tracking,
            "open_tracking": open_tracking,
            "initial_open": initial_open,
        }
        self._settings = make_settings(self._options)

    def compile(self, html: Text, *, encoding: str | None = None) -> LinkTemplate[Text]:
        """Find the links of an HTML document or fragment and decide about each.

        `bytes` are read in `encoding`, a WHATWG label, or else by their BOM, their own declaration, or detection.
        Raises `OptionError` for an unknown `encoding`, `TypeError` for what is no text, and what the policy's
        `destination` raises; nothing for bad markup.
        """
        if not isinstance(html, (str, bytes)):
            raise TypeError(f"html takes str or bytes, not {type(html).__name__}")
        return self._compiler.compile(_plain(html), encoding)

    @overload
    def render(
        self, template: LinkTemplate[Text], metadata: Metadata = None, **options: Unpack[MessageOptions]
    ) -> Text: ...
    @overload
    def render(
        self, template: MessageTemplate[Mail], metadata: Metadata = None, **options: Unpack[MessageOptions]
    ) -> Mail: ...
    def render(
        self,
        template: LinkTemplate[Any] | MessageTemplate[Any],
        metadata: Metadata = None,
        **options: Unpack[MessageOptions],
    ) -> Any:
        """Return the document, text or message for one recipient, of the type that it was compiled from.

        `metadata` is a JSON object of at most 1000 bytes, the same in every link of the message; its receivers can read
        it, so it holds ids and no personal data. Raises `OptionError` for metadata or an option that cannot be used.
        """
        _check_template(template)
        settings, context = self._message(metadata, options)
        if isinstance(template, MessageTemplate):
            return template.fill(lambda body: self._texts(body, settings, context))
        return template.fill(*self._texts(template, settings, context))

    def _texts(self, template: Slotted[Any], settings: Settings, context: str) -> tuple[list[str] | None, str, str]:
        """Return what `template.fill` takes."""
        urls = self._click_urls(template, settings, context) if settings.click_tracking else None
        pixel = initial = ""
        if template.amp and not settings.origin.startswith("https:"):
            return urls, pixel, initial
        if settings.open_tracking and (settings.account_id, False) not in template.pixels:
            pixel = pixel_tag(self._open_url(settings, context, initial=False), amp=template.amp)
        if (
            settings.initial_open
            and template.initial_at is not None
            and (settings.account_id, True) not in template.pixels
        ):
            initial = pixel_tag(self._open_url(settings, context, initial=True), amp=template.amp, initial=True)
        return urls, pixel, initial

    def wrap(
        self, html: Text, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> Text:
        """Compile and render at once: `wrap(html, m)` is `render(compile(html), m)`."""
        return self.render(self.compile(html, encoding=encoding), metadata, **options)

    def compile_text(self, text: Text, *, encoding: str | None = None) -> LinkTemplate[Text]:
        """Find the http and https URLs of a plain text, as mail clients show them as links, and decide about each.

        `bytes` are read in `encoding`, a WHATWG label, or else by their BOM or detection. `render` puts no pixel into a
        text, and always removes the brackets directly behind a URL (`[[data-msys-clicktrack="0"]]`).
        Raises as `compile` does.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text takes str or bytes, not {type(text).__name__}")
        return self._compiler.compile_text(_plain(text), encoding)

    def wrap_text(
        self, text: Text, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> Text:
        """Compile and render a plain text at once."""
        return self.render(self.compile_text(text, encoding=encoding), metadata, **options)

    def compile_message(self, message: Mail, *, text: bool = False) -> MessageTemplate[Mail]:
        """Find the bodies of a message by its MIME structure, and decide about the links of each.

        `message` is an `EmailMessage`, a legacy `Message`, or the message's `bytes`; it is only read. The HTML and AMP
        bodies are wrapped, with `text` the plain-text body too; attachments and forwarded messages never. What is done
        to each part, and why, is in the template's `.parts`: a signed or encrypted message is kept as it is.
        Raises as `compile` does; nothing for a message that is malformed.
        """
        from ._mime.compile import compile_message

        return compile_message(message, self._compiler, text=text)

    def wrap_message(
        self, message: Mail, metadata: Metadata = None, *, text: bool = False, **options: Unpack[MessageOptions]
    ) -> Mail:
        """Compile and render a message at once; the result is of the same type, and a message object is a new one."""
        return self.render(self.compile_message(message, text=text), metadata, **options)

    def urls(
        self, template: LinkTemplate[Any], metadata: Metadata = None, **options: Unpack[MessageOptions]
    ) -> list[str]:
        """Return the URLs for the slots of `template.slotted`: the wrapped links', the open pixel's, the initial one's.

        All of them are returned always, so that a slot's number does not depend on options; with click tracking off,
        the links' are the values as the source has them.
        """
        _check_template(template)
        settings, context = self._message(metadata, options)
        urls = self._click_urls(template, settings, context) if settings.click_tracking else template.originals()
        return urls + [self._open_url(settings, context, initial=initial) for initial in (False, True)]

    def wrap_tree(self, tree: "Tree", metadata: Metadata = None, **options: Unpack[MessageOptions]) -> tuple[Link, ...]:
        """Wrap the links of an lxml element or tree, or of a BeautifulSoup document, in place; return its links.

        It does to the tree what `wrap` does to the source, conditional comments and pixels included, and says of each
        link what `LinkTemplate.links` says of it. Raises `TypeError` for what is no such tree, and `OptionError` as
        `render` does, before anything is changed.
        """
        from ._tree import TreeLinks

        found = TreeLinks(tree, self._compiler)
        found.fill(*self._texts(found, *self._message(metadata, options)))
        return found.links

    def wrap_url(
        self,
        url: str,
        metadata: Metadata = None,
        *,
        link_name: str | None = None,
        unsubscribe: bool = False,
        sublink: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Return the redirect URL for one plain URL (no character references in it).

        What is no destination, is wrapped already, or is refused by the policy comes back unchanged.
        """
        if not isinstance(url, str):
            raise TypeError(f"url takes a str, not {type(url).__name__}")
        if not (
            isinstance(link_name, str | None) and isinstance(sublink, str | None) and isinstance(unsubscribe, bool)
        ):
            raise OptionError("link_name and sublink take a string or None, unsubscribe takes True or False")
        segment, warning = read_sublink(sublink)
        if warning:
            raise OptionError("sublink takes 1 to 64 letters, digits, '-' or '_'")
        settings, context = self._message(metadata, options)
        if not settings.click_tracking:
            return url
        controls = Controls(name=cut_name(link_name), unsubscribe=unsubscribe, sublink=segment)
        decision = self._compiler.decide(url, None, controls, element="", conditional=False)
        if decision.part is None:
            return url
        slots = [(decision.part, segment or DEFAULT_SUBLINK)]
        return wire.click_urls(self._keys, settings.origin, settings.host, context, slots)[0]

    def unsubscribe_url(self, metadata: Metadata = None, **options: Unpack[MessageOptions]) -> str:
        """Return the URL of a message's one-click unsubscribe; `unsubscribe_headers` makes headers of it.

        Only a POST to it unsubscribes; in the body of a mail it leads to a page with a button.
        """
        settings, context = self._message(metadata, options)
        return wire.unsubscribe_url(self._keys, settings.origin, settings.host, context)

    def unsubscribe_headers(
        self, metadata: Metadata = None, *, mailto: str | None = None, **options: Unpack[MessageOptions]
    ) -> dict[str, str]:
        """Return the two headers of one-click unsubscribe for one message, by their names (RFC 8058).

        The mail service posts to a URL on the tracking domain, where `linkwrap.endpoint` answers and records the event
        `list_unsubscribe` with this `metadata`. `mailto` is an address, or a `mailto:` URL, for services that send mail
        instead. Both headers must be covered by the message's DKIM signature (RFC 8058, 4).

        Raises `DomainError` where the tracking domain is not https, and `OptionError` for a `mailto` that is none, or
        for metadata so long that the header's line would pass 998 octets; else as `render` does.
        """
        from ._mime.unsubscribe import unsubscribe_headers

        return unsubscribe_headers(self.unsubscribe_url(metadata, **options), mailto)

    def _message(self, metadata: Metadata, options: MessageOptions) -> tuple[Settings, str]:
        """Return the settings of one message, and the CONTEXT part of its tokens."""
        settings = make_settings({**self._options, **options}) if options else self._settings
        sent_at = int(time.time()) if settings.sent_at is None else settings.sent_at
        return settings, wire.encode_context(settings.account_id, sent_at, metadata)

    def _click_urls(self, template: Slotted[Any], settings: Settings, context: str) -> list[str]:
        return wire.click_urls(self._keys, settings.origin, settings.host, context, template.slots)

    def _open_url(self, settings: Settings, context: str, *, initial: bool) -> str:
        return wire.open_url(self._keys, settings.origin, settings.host, context, initial=initial)


def _plain(text: Text) -> Text:
    """Return text without the ways of its own that a subclass has: markupsafe's would escape what is put into it."""
    return str.__str__(text) if isinstance(text, str) else text


def _check_template(template: object) -> None:
    if not isinstance(template, LinkTemplate | MessageTemplate):
        raise TypeError(f"template takes what compile returned, not {type(template).__name__}: wrap does both at once")
