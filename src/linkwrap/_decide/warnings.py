"""What a sender should know about a mail before it is sent: about its links, metadata and HTML, in linear time."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from .._markup.source import open_source
from .._markup.tokenizer import decode_references
from ..link import Link
from .destination import read_destination

OUTLOOK_CUTS: Final = (2083, 1024)
"""Characters of a URL from which on Outlook is reported to cut it: anywhere, and in some places."""
SHORT_HTML: Final = 3200
"""Bytes of HTML up to which SpamAssassin adds points for an image (its rules HTML_IMAGE_ONLY_04 to _32)."""

Kind = Literal[
    "http",
    "image-only",
    "long-url",
    "markup",
    "metadata",
    "mjml",
    "one-time",
    "opted-out",
    "other-host",
    "single-label",
]

_HOST = re.compile(r"https?://(?:[^/?#@]*+@)?(\[[^\]/?#]*+\]|[^/?#:]*+)", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>]@[^\s@.<>]++\.[^\s@.<>]")
_IMAGE = re.compile(r"<img[\s/>]", re.ASCII | re.IGNORECASE)
_OURS = re.compile(
    r"https?://[^/]++/f/[A-Za-z0-9_-]{1,64}+/2[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]{22}(?![^?#])", re.ASCII
)

# Labels that many countries have below their domain, and domains whose subdomains are rented or given away.
_SECOND_LEVEL = frozenset(
    """ac asso co com coop ed edu firm go gob gouv gov gv id ind info ltd me mil ne net nhs nom or org plc pro
    sch""".split()
)
_HOSTING = frozenset(
    """amazonaws.com amplifyapp.com appspot.com azureedge.net azurestaticapps.net azurewebsites.net blogspot.com
    br.com carrd.co cloudapp.net cloudfront.net co.com de.com deno.dev eu.com firebaseapp.com fly.dev framer.app
    framer.website gitbook.io github.io gitlab.io herokuapp.com hf.space hs-sites.com jp.net lovable.app
    myshopify.com netlify.app ngrok-free.app ngrok.app ngrok.io notion.site now.sh onrender.com page.link pages.dev
    pythonanywhere.com r2.dev railway.app readthedocs.io repl.co replit.app run.app sharepoint.com square.site
    streamlit.app substack.com supabase.co surge.sh trafficmanager.net tumblr.com uk.com us.com vercel.app web.app
    webflow.io weebly.com windows.net wixsite.com wordpress.com workers.dev za.com""".split()
)

# The text of a link, from the end of its value on.
_MAX_CONTENT = 2000  # characters behind a value that are read
_TAG_END = re.compile(r"""["']?+(?:[^"'>]|"[^"]*+"|'[^']*+')*+>""", re.ASCII)
_TAGS = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)|<[/!?a-zA-Z][^>]*+>", re.ASCII)
_MAY_HOLD_URL = re.compile(r"//|www\.|&#", re.ASCII | re.IGNORECASE)
_URL_ALONE = re.compile(r"(?:https?://|www\.)[^\s<>{}\[\]%|$*]++", re.ASCII | re.IGNORECASE)

# A document up to the name of its first start tag, over text, comments, declarations and end tags.
_FIRST_ELEMENT = re.compile(
    r"""[^<]*+
    (?:<(?: !--(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+--!?>)
          | !(?!--)[^>]*+>
          | [?/][^>]*+>
          | (?![a-zA-Z/!?]) )[^<]*+)*+
    <([a-zA-Z][^\t\n\f\r />]*+)(?=[\t\n\f\r />])""",
    re.ASCII | re.VERBOSE,
)
_MJML = re.compile(r"mjml\Z|mj-", re.ASCII | re.IGNORECASE)


class MailWarning(NamedTuple):
    """A warning about a mail or one of its links."""

    kind: Kind
    message: str
    """It begins in lower case, so that a place can be set before it."""


def link_warnings(link: Link, redirect_url: str | None = None, text: str = "") -> list[MailWarning]:
    """Return the warnings about one link.

    Args:
        link: The link.
        redirect_url: What replaces it in the mail; None if it is left alone.
        text: The text that the reader sees.
    """
    warnings: list[MailWarning] = []
    if link.warning:
        warnings.append(MailWarning("markup", link.warning))
    url = link.url
    if redirect_url is not None:
        length = len(redirect_url)
        if length > OUTLOOK_CUTS[1]:
            limit = OUTLOOK_CUTS[0] if length > OUTLOOK_CUTS[0] else OUTLOOK_CUTS[1]
            message = f"the redirect URL has {length:,} characters: Outlook is reported to cut some from {limit:,} on"
            warnings.append(MailWarning("long-url", message))
        if getattr(link, "one_time", False):
            message = "looks like a link that works once: a mail scanner that opens it uses it up"
            warnings.append(MailWarning("one-time", message))
    if url is None:
        return warnings
    if url.startswith("http:"):
        warnings.append(MailWarning("http", "the destination is http: others on the way can read and change it"))
    host = _host_of(url)
    if "." not in host and ":" not in host:
        message = f"the host {host!r} is a single label: outside of your own network it does not exist"
        warnings.append(MailWarning("single-label", message))
    shown = _shown_host(text) if text else ""
    leads_to = _host_of(redirect_url or url)
    if shown and not _same_site(shown, leads_to):
        message = f"its text is a URL of {shown}, but it leads to {leads_to}: spam filters mind that, so use words"
        warnings.append(MailWarning("other-host", message))
    return warnings


def looks_wrapped(url: str) -> bool:
    """Tell whether a URL looks like a redirect URL: only the keys can tell for certain."""
    return _OURS.match(url) is not None


def visible_texts(source: str | bytes, encoding: str | None, links: Sequence[Link]) -> Iterator[str]:
    """Yield the text of each link of an HTML document, if there may be a URL in it; else an empty one.

    Args:
        source: The document that the links were found in.
        encoding: The encoding that it was compiled with.
        links: All of its links, in their order.
    """
    document = open_source(source, encoding)
    unit = document.unit
    starts = [(link.start or 0) // unit for link in links] + [len(document.text)]
    for number, link in enumerate(links):
        start = (link.end or 0) // unit
        end = min(starts[number + 1], start + _MAX_CONTENT)
        if not link.element or not _MAY_HOLD_URL.search(document.text, start, end):
            yield ""
            continue
        tag_end = _TAG_END.match(document.text, start, end)
        content = document.decode(tag_end.end(), end) if tag_end else ""
        last = re.search("</" + re.escape(link.element), content, re.ASCII | re.IGNORECASE)
        yield " ".join(decode_references(_TAGS.sub("", content[: last.start()])).split()) if last else ""


def opt_out_warnings(parts: Sequence[Sequence[Link]]) -> list[tuple[int, int, MailWarning]]:
    """Return the warnings about destinations that one part of a message opts out, and another does not.

    Args:
        parts: The links of each part.

    Returns:
        The number of the part and of the link that is wrapped, and the warning, in the order of the parts.
    """
    opted_out: dict[str, set[int]] = {}
    wrapped: list[tuple[int, int, str]] = []
    for number, links in enumerate(parts):
        urls = [(at, link.url) for at, link in enumerate(links) if link.wrapped and link.url is not None]
        wrapped += [(number, at, url) for at, url in urls]
        out = {link.url for link in links if link.reason == "opted-out" and link.url is not None}
        for url in out.difference(url for _, url in urls):
            opted_out.setdefault(url, set()).add(number)
    warning = MailWarning("opted-out", "another part of the message opts this destination out, this part does not")
    return [(number, at, warning) for number, at, url in wrapped if opted_out.get(url)]


def metadata_warnings(metadata: Mapping[str, Any] | None) -> list[MailWarning]:
    """Return a warning for each key of the metadata under which something looks like an email address."""
    return [
        MailWarning("metadata", f"{name} looks like an email address, and who gets the mail can read it: give an id")
        for key, value in (metadata or {}).items()
        for name in (_address_in(key, value),)
        if name
    ]


def pixel_warnings(source: str | bytes, wrapped: str | bytes, encoding: str | None = None) -> list[MailWarning]:
    """Return a warning if the pixel is the only image of HTML so short that spam filters mind.

    Args:
        source: The HTML before it was wrapped.
        wrapped: The HTML that is sent.
        encoding: The encoding of both.
    """
    if len(wrapped) > SHORT_HTML or _has_image(source, encoding) or not _has_image(wrapped, encoding):
        return []
    message = f"the pixel is the only image in HTML of at most {SHORT_HTML:,} bytes: SpamAssassin adds points for that"
    return [MailWarning("image-only", message)]


def document_warnings(source: str | bytes, encoding: str | None = None) -> list[MailWarning]:
    """Return the warnings about a document that was given as HTML.

    MJML source is told by its first element: `<mjml>`, or an `<mj-…>` of a file that others include.
    """
    first = _FIRST_ELEMENT.match(open_source(source, encoding).text)
    if first and _MJML.match(first[1]):
        message = f"<{first[1]}> begins MJML source: compile it to HTML first, its mj- elements are not links yet"
        return [MailWarning("mjml", message)]
    return []


def _host_of(url: str) -> str:
    match = _HOST.match(url)
    return match[1].lower().removesuffix(".") if match else ""


def _shown_host(text: str) -> str:
    """Return the host of a text that is a URL, with or without scheme; else an empty one."""
    shown = text.strip("<>()[].,:;!?")
    if not _URL_ALONE.fullmatch(shown):
        return ""
    url, _ = read_destination(shown if shown[:4].lower() == "http" else f"http://{shown}")
    return _host_of(url) if url else ""


def _same_site(first: str, second: str) -> bool:
    """Tell whether readers and filters take two hosts for one site: both are at or below one registered domain."""
    return _site_of(first) == _site_of(second)


def _site_of(host: str) -> str:
    """Return the registered domain of a host, by a short rule in place of the Public Suffix List.

    It is the last two labels, or three where the second to last is one of `_SECOND_LEVEL` below a country's domain.
    Below the domains of `_HOSTING`, whose names belong to different people, each host is a site of its own; so is an
    IP address. A suffix that is not listed (`kawasaki.jp`) is taken for a site.
    """
    host = host.removeprefix("www.")
    labels = host.split(".")
    if labels[-1].isdigit() or ".".join(labels[-2:]) in _HOSTING:
        return host
    of_country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if of_country else -2 :])


def _address_in(key: str, value: Any) -> str | None:
    """Return what to call the place of an address in a value of the metadata, without quoting it."""
    if _ADDRESS.search(key):
        return "a key of the metadata"
    return f"the metadata {key!r}" if any(map(_ADDRESS.search, _strings(value))) else None


def _strings(value: Any) -> Iterator[str]:
    values: Iterable[Any] = ()
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        values = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        values = value
    for item in values:
        yield from _strings(item)


def _has_image(html: str | bytes, encoding: str | None) -> bool:
    return _IMAGE.search(open_source(html, encoding).text) is not None
