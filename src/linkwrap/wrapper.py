"""`LinkWrapper`: a document in, the same document with signed redirect URLs out.

`compile` finds the links and decides about each, once per template; `render` signs and fills in, per recipient; `wrap`
does both. Nothing raises for bad markup: what cannot be wrapped stays as it is, and the template's `links` say why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from ._compiled import Compiled, compile_html, compile_text
from ._decide.controls import cut_name, read_sublink
from ._decide.decider import Decider, slot_of
from ._decide.decision import Decision
from ._faults import Faults
from ._filling import fill_in, fill_in_message, fill_many, message_urls
from ._mime.template import Mail, MessageTemplate
from ._token import wire
from .account import DEFAULT_TRACKING_DOMAIN, TrackingDomain
from .keys import SigningKeys
from .link import Link
from .options import Contexts, MessageOptions, Settings, apply_options, encode_contexts, plain, read_keys, text_faults
from .policy import LinkPolicy
from .template import LinkTemplate

if TYPE_CHECKING:
    from ._tree import Tree

__all__ = ["LinkWrapper"]

Metadata = Mapping[str, Any] | None
Document = TypeVar("Document", str, bytes)

_DEFAULT_POLICY = LinkPolicy()
_TEMPLATE = "a template that compile returned (wrap does both at once)"


class LinkWrapper:
    """Wraps the links of mail for one service's keys; make it once, use it from any thread.

    All arguments but `keys`, `policy` and `campaign_metadata` are options: every method that takes `options`
    (`MessageOptions`) takes them for one message too.

    Args:
        keys: They sign the URLs, and recognise redirect URLs that are in the mail already.
        account_id: In every token, at most 100 bytes of UTF-8.
        tracking_domain: The host of the redirect URLs: a host name (`click.acme.com`), or a `TrackingDomain`, which
            must be verified. A plain host name is taken as verified, and its URLs are https.
        click_tracking: Whether links are wrapped.
        open_tracking: Whether the open pixel is added.
        initial_open: Whether the initial-open pixel is added.
        policy: Which links are wrapped.
        anonymous: Whether messages are anonymous, as `MessageOptions` says.
        campaign_metadata: The keys of the metadata that anonymous messages carry, those that name no recipient.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: An option cannot be used, or no key is for the tracking domain.
        DomainError: The tracking domain is not a host name, or not verified.
    """

    __slots__ = ("_campaign_metadata", "_decider", "_keys", "_settings")

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
        anonymous: bool = False,
        campaign_metadata: Sequence[str] = ("campaign_id",),
    ) -> None:
        faults = Faults()
        if not isinstance(keys, SigningKeys):
            found = f"{type(keys).__name__}: SigningKeys('…') makes them of a secret"
            faults.wrong_type("keys", "SigningKeys", keys, found)
            # A traceback that prints the variables of a frame must not print a key.
            del keys
        if not isinstance(policy, LinkPolicy):
            faults.wrong_type("policy", "a LinkPolicy", policy)
        self._campaign_metadata = read_keys(campaign_metadata, faults)
        options: MessageOptions = {
            "account_id": account_id,
            "tracking_domain": tracking_domain,
            "click_tracking": click_tracking,
            "open_tracking": open_tracking,
            "initial_open": initial_open,
            "anonymous": anonymous,
        }
        self._settings = apply_options(Settings(), options, faults)
        if tracking_domain is not DEFAULT_TRACKING_DOMAIN:
            keys._signer(self._settings.host)
        self._keys = keys
        self._decider = Decider(keys, policy)

    @overload
    def compile(self, html: str, *, encoding: str | None = None) -> LinkTemplate[str]: ...
    @overload
    def compile(self, html: bytes, *, encoding: str | None = None) -> LinkTemplate[bytes]: ...
    @overload
    def compile(self, html: str | bytes, *, encoding: str | None = None) -> LinkTemplate[str] | LinkTemplate[bytes]: ...
    def compile(self, html: Any, *, encoding: str | None = None) -> Any:
        """Find the links of an HTML document or fragment and decide about each.

        Args:
            html: The document.
            encoding: The encoding of `bytes`, a WHATWG label. None takes it from a BOM, else from the document's own
                declaration, else detects it. A `str` needs none.

        Raises:
            TypeError: An argument is of the wrong type.
            OptionError: The encoding is unknown.
            Exception: The policy's `destination` raised it. Nothing is raised for bad markup.
        """
        if faults := text_faults("html", html, encoding):
            faults.raise_any()
        return LinkTemplate(compile_html(plain(html), self._decider, encoding))

    @overload
    def render(
        self, template: LinkTemplate[Document], metadata: Metadata = None, **options: Unpack[MessageOptions]
    ) -> Document: ...
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

        Args:
            template: What `compile`, `compile_text` or `compile_message` returned.
            metadata: A JSON object of at most 1,000 bytes, the same in every link of the message. Its receivers can
                read it, so put ids into it and no personal data.
            options: Options for this message.

        Raises:
            TypeError: An argument is of the wrong type, or there is no such option.
            OptionError: The metadata or an option cannot be used.
            DomainError: The tracking domain is not a host name, or not verified.
        """
        if isinstance(template, LinkTemplate):
            settings, context = self._message(metadata, options)
            compiled = template._compiled
            return compiled.fill(fill_in(compiled, self._keys, settings, context))
        faults = Faults()
        if not isinstance(template, MessageTemplate):
            faults.wrong_type("template", _TEMPLATE, template)
        settings, context = self._message(metadata, options, faults)
        return fill_in_message(template, self._keys, settings, context)

    @overload
    def render_many(
        self, template: LinkTemplate[Document], rows: Iterable[Metadata], **options: Unpack[MessageOptions]
    ) -> Iterator[Document]: ...
    @overload
    def render_many(
        self, template: MessageTemplate[Mail], rows: Iterable[Metadata], **options: Unpack[MessageOptions]
    ) -> Iterator[Mail]: ...
    def render_many(
        self,
        template: LinkTemplate[Any] | MessageTemplate[Any],
        rows: Iterable[Metadata],
        **options: Unpack[MessageOptions],
    ) -> Iterator[Any]:
        """Return an iterator over the documents of many recipients: those of `render`, HTML in two thirds of the time.

        Rows are read one at a time, each when its document is asked for; without `sent_at`, that is its time of
        sending. An error of a row names the row's number, from 0, and the iterator goes on with the next one.

        Args:
            template: As in `render`.
            rows: The metadata of each recipient, as in `render`.
            options: Options for all these messages.

        Raises:
            TypeError: As in `render`: about the metadata at its row, about the rest at once.
            OptionError: The same.
            DomainError: The tracking domain is not a host name, or not verified.
        """
        faults = Faults()
        if not isinstance(template, LinkTemplate | MessageTemplate):
            faults.wrong_type("template", _TEMPLATE, template)
        if not isinstance(rows, Iterable) or isinstance(rows, Mapping | str | bytes):
            faults.wrong_type("rows", "an iterable of mappings", rows)
        settings = apply_options(self._settings, options, faults)
        return fill_many(template, rows, self._keys, settings, self._campaign_metadata)

    @overload
    def wrap(
        self, html: str, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> str: ...
    @overload
    def wrap(
        self, html: bytes, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> bytes: ...
    @overload
    def wrap(
        self,
        html: str | bytes,
        metadata: Metadata = None,
        *,
        encoding: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str | bytes: ...
    def wrap(
        self, html: Any, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> Any:
        """Compile and render at once: `wrap(html, m)` is `render(compile(html), m)`.

        The arguments and errors are those of both; one message lists all faults.
        """
        faults = None if type(html) is str and encoding is None else text_faults("html", html, encoding)
        html = html if type(html) is str else plain(html)
        settings, context = self._message(metadata, options, faults)
        compiled: Compiled[Any] = compile_html(html, self._decider, encoding)
        return compiled.fill(fill_in(compiled, self._keys, settings, context))

    @overload
    def compile_text(self, text: str, *, encoding: str | None = None) -> LinkTemplate[str]: ...
    @overload
    def compile_text(self, text: bytes, *, encoding: str | None = None) -> LinkTemplate[bytes]: ...
    @overload
    def compile_text(
        self, text: str | bytes, *, encoding: str | None = None
    ) -> LinkTemplate[str] | LinkTemplate[bytes]: ...
    def compile_text(self, text: Any, *, encoding: str | None = None) -> Any:
        """Find the http and https URLs of a plain text, as mail clients show them as links, and decide about each.

        `render` puts no pixel into a text, and always removes the brackets directly behind a URL
        (`[[data-msys-clicktrack="0"]]`).

        Args:
            text: The text.
            encoding: The encoding of `bytes`, a WHATWG label. None takes it from a BOM, else detects it. A
                `str` needs none.

        Raises:
            TypeError: An argument is of the wrong type.
            OptionError: The encoding is unknown.
            Exception: The policy's `destination` raised it.
        """
        if faults := text_faults("text", text, encoding):
            faults.raise_any()
        return LinkTemplate(compile_text(plain(text), self._decider, encoding))

    @overload
    def wrap_text(
        self, text: str, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> str: ...
    @overload
    def wrap_text(
        self, text: bytes, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> bytes: ...
    @overload
    def wrap_text(
        self,
        text: str | bytes,
        metadata: Metadata = None,
        *,
        encoding: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str | bytes: ...
    def wrap_text(
        self, text: Any, metadata: Metadata = None, *, encoding: str | None = None, **options: Unpack[MessageOptions]
    ) -> Any:
        """Compile and render a plain text at once, as `wrap` does a document."""
        faults = text_faults("text", text, encoding)
        text = plain(text)
        settings, context = self._message(metadata, options, faults)
        compiled: Compiled[Any] = compile_text(text, self._decider, encoding)
        return compiled.fill(fill_in(compiled, self._keys, settings, context))

    def compile_message(self, message: Mail, *, text: bool = False) -> MessageTemplate[Mail]:
        """Find the bodies of a message by its MIME structure, and decide about the links of each.

        The HTML and AMP bodies are wrapped; attachments and forwarded messages never. The template's `parts` say what
        is done to each part, and why: a signed or encrypted message is kept as it is.

        Args:
            message: An `EmailMessage`, a legacy `Message`, or the message's `bytes`; it is not changed.
            text: Whether the plain-text body is wrapped too.

        Raises:
            TypeError: An argument is of the wrong type.
            Exception: The policy's `destination` raised it. Nothing is raised for a malformed message.
        """
        from ._mime.compile import check_message, compile_message

        faults = Faults()
        check_message(message, text, faults)
        faults.raise_any()
        return compile_message(message, self._decider, text=text)

    def wrap_message(
        self, message: Mail, metadata: Metadata = None, *, text: bool = False, **options: Unpack[MessageOptions]
    ) -> Mail:
        """Compile and render a message at once; the result is of the same type, and a message object is a new one."""
        from ._mime.compile import check_message, compile_message

        faults = Faults()
        check_message(message, text, faults)
        settings, context = self._message(metadata, options, faults)
        template = compile_message(message, self._decider, text=text)
        return fill_in_message(template, self._keys, settings, context)

    def urls(
        self, template: LinkTemplate[Any], metadata: Metadata = None, **options: Unpack[MessageOptions]
    ) -> list[str]:
        """Return the URLs for the slots of `template.slotted`, by their numbers.

        They are those of the wrapped links, of the open pixel and of the initial-open pixel. Options change no number:
        the pixels' URLs are always there, and with click tracking off those of the links are the values in the source.

        The arguments and errors are those of `render`.
        """
        faults = Faults()
        if not isinstance(template, LinkTemplate):
            faults.wrong_type("template", _TEMPLATE, template)
        settings, context = self._message(metadata, options, faults)
        compiled = template._compiled
        opened = wire.AMP_OPEN if compiled.pixels and compiled.pixels.amp else wire.OPEN
        urls = message_urls(compiled, self._keys, settings, context, (opened, wire.INITIAL_OPEN))
        return urls if settings.click_tracking else compiled.originals() + urls

    def wrap_tree(self, tree: "Tree", metadata: Metadata = None, **options: Unpack[MessageOptions]) -> tuple[Link, ...]:
        """Wrap the links of a tree in place, as `wrap` does those of its source, and return its links.

        Links in conditional comments and the pixels are included. The links are those of `LinkTemplate.links`, without
        positions.

        Args:
            tree: An lxml element or tree, or a BeautifulSoup document or tag.
            metadata: As in `render`.
            options: Options for this message.

        Raises:
            TypeError: It is no such tree; else as in `render`. Nothing is changed then.
        """
        from ._tree import TreeLinks, check_tree

        faults = Faults()
        check_tree(tree, faults)
        settings, context = self._message(metadata, options, faults)
        found = TreeLinks(tree, self._decider)
        found.fill(fill_in(found, self._keys, settings, context))
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
        """Return the redirect URL for one URL, or the URL itself where it is not wrapped.

        A URL that is no destination, is wrapped already, or is refused by the policy comes back unchanged.

        Args:
            url: The URL; character references are not decoded.
            metadata: As in `render`.
            link_name: The link name, cut to 63 bytes of UTF-8.
            unsubscribe: Whether it is marked as an unsubscribe link.
            sublink: The path segment in place of `a`: 1 to 64 letters, digits, "-" or "_"; a space becomes "_".
            options: Options for this message.

        Raises:
            TypeError: An argument is of the wrong type, or there is no such option.
            OptionError: The sublink, the metadata or an option cannot be used.
            DomainError: The tracking domain is not a host name, or not verified.
        """
        segment, warning = read_sublink(sublink) if isinstance(sublink, str) else (None, None)
        faults = Faults()
        if not isinstance(url, str):
            faults.wrong_type("url", "str", url)
        if link_name is not None and not isinstance(link_name, str):
            faults.wrong_type("link_name", "str or None", link_name)
        if not isinstance(unsubscribe, bool):
            faults.wrong_type("unsubscribe", "bool", unsubscribe)
        if warning:
            faults.wrong_value(f"sublink must be 1 to 64 letters, digits, '-' or '_', not {sublink!r:.80}")
        elif sublink is not None and not isinstance(sublink, str):
            faults.wrong_type("sublink", "str or None", sublink)
        settings, context = self._message(metadata, options, faults)
        draft = Decision(name=cut_name(link_name), unsubscribe=unsubscribe, sublink=segment)
        slot = slot_of(self._decider.decide(url, None, draft), "url") if settings.click_tracking else None
        if slot is None:
            return url
        part = context.own if unsubscribe else context.shared
        return wire.message_urls(self._keys, settings.origin, settings.host, part, [slot])[0]

    def unsubscribe_url(self, metadata: Metadata = None, **options: Unpack[MessageOptions]) -> str:
        """Return the URL of a message's one-click unsubscribe; `unsubscribe_headers` makes headers of it.

        Only a POST to it unsubscribes; in the body of a mail it leads to a page with a button. The arguments and errors
        are those of `render`.
        """
        settings, context = self._message(metadata, options)
        return wire.unsubscribe_url(self._keys, settings.origin, settings.host, context.own)

    def unsubscribe_headers(
        self, metadata: Metadata = None, *, mailto: str | None = None, **options: Unpack[MessageOptions]
    ) -> dict[str, str]:
        """Return the two headers of one-click unsubscribe for one message, by their names (RFC 8058).

        The mail service posts to a URL on the tracking domain, where `linkwrap.endpoint` answers and records the event
        `list_unsubscribe` with this `metadata`. The message's DKIM signature must cover both headers (RFC 8058, 4).

        Args:
            metadata: As in `render`.
            mailto: An address, or a `mailto:` URL, for services that send mail instead.
            options: Options for this message.

        Raises:
            TypeError: An argument is of the wrong type, or there is no such option.
            OptionError: `mailto`, the metadata or an option cannot be used, or the URL would pass the 998 octets that
                the header's line can have.
            DomainError: The tracking domain is not a host name, not verified, or not https.
        """
        from ._mime.unsubscribe import read_mailto, unsubscribe_headers

        faults = Faults()
        address = read_mailto(mailto, faults)
        settings, context = self._message(metadata, options, faults)
        url = wire.unsubscribe_url(self._keys, settings.origin, settings.host, context.own)
        return unsubscribe_headers(url, address)

    def _message(
        self, metadata: Metadata, options: MessageOptions, faults: Faults | None = None
    ) -> tuple[Settings, Contexts]:
        """Return the settings of one message, and the CONTEXT parts of its tokens; raise what `faults` holds."""
        settings = self._settings
        fits = type(metadata) is dict or metadata is None or isinstance(metadata, Mapping)
        if options or faults or not fits:
            faults = faults or Faults()
            if not fits:
                faults.wrong_type("metadata", "a mapping", metadata)
            settings = apply_options(settings, options, faults, metadata)
        return settings, encode_contexts(settings, metadata, self._campaign_metadata)
