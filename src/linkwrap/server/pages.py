"""An operator's own pages for readers, per host and per language, in place of the built-in ones.

A folder holds HOST/PAGE.html and PAGE.html, and PAGE.LANGUAGE.html beside them: `404.html`, `404.de.html`. They are
sent as they are, with the headers of the built-in pages: no script runs, and nothing is loaded from elsewhere.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Final

from .._pages import HEADERS, HTML, PAGES, wants_html
from ..endpoint import Response
from .files import host_of, read_folder

_NAME = re.compile(rf"({'|'.join(PAGES)})(?:\.([A-Za-z]{{2,3}}(?:-[A-Za-z0-9]{{1,8}})*))?\.html", re.ASCII)
_RANGE = re.compile(
    r"[\t ]*+([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*+|\*)[\t ]*+(?:;[\t ]*+q=([01](?:\.[0-9]{0,3})?)[\t ]*+)?",
    re.ASCII | re.IGNORECASE,
)
_LONGEST: Final = 512
_MOST: Final = 16


class Pages:
    """The pages of a folder.

    Args:
        folder: The folder; None has no pages, and leaves the built-in ones.

    Attributes:
        faults: A sentence for each page that is not used.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self.faults: list[str]
        found, self.faults = ({}, []) if folder is None else read_folder(folder, _fault)
        self._pages: dict[tuple[str, str], dict[str, bytes]] = {}
        """By host and page: each language's, and under an empty one that for all others."""
        for (host, name), content in found.items():
            if match := _NAME.fullmatch(name):
                languages = self._pages.setdefault((host, match[1]), {})
                languages[(match[2] or "").lower()] = content
        for languages in self._pages.values():
            if content := languages.get("", b""):
                languages.setdefault(_Reader.of(content).language, content)

    def dress(self, response: Response, method: str, host: str | None, headers: Mapping[str, str]) -> Response:
        """Return the response with the operator's page, if there is one for it; names of headers in lower case."""
        if not self._pages:
            return response
        name = _page_of(response)
        if name is None or (name != "unsubscribe" and not wants_html(headers)):
            return response
        for place in (host_of(host), ""):
            languages = self._pages.get((place, name), {})
            for language in (*_wanted(headers.get("accept-language", "")), ""):
                if page := languages.get(language):
                    sent = {**response.headers, **HEADERS, "Content-Type": HTML, "Content-Length": str(len(page))}
                    return replace(response, headers=sent, body=b"" if method == "HEAD" else page)
        return response


def _page_of(response: Response) -> str | None:
    """Return the name of the page that a response of `linkwrap.endpoint.respond` is."""
    if response.status in (404, 410):
        return str(response.status)
    if response.status != 200:
        return None
    if response.event is not None:
        return "unsubscribed" if response.event.type == "list_unsubscribe" else None
    return "unsubscribe" if response.headers.get("Content-Type") == HTML else None


def _wanted(header: str) -> Iterator[str]:
    """Yield the languages of `Accept-Language` (RFC 9110, 12.5.4), the best first, each shortened step by step.

    That is the lookup of RFC 4647, 3.4. Of a long header only the beginning is read.
    """
    ranges = [_RANGE.fullmatch(part) for part in header[:_LONGEST].split(",")[:_MOST]]
    weighed = [(float(found[2] or 1), found[1].lower()) for found in ranges if found is not None]
    for weight, language in sorted(weighed, key=lambda pair: -pair[0]):
        if language == "*" or not weight:
            continue
        while language:
            yield language
            language = language.rpartition("-")[0]


def _fault(host: str, name: str, content: bytes) -> str | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return f"is not a page: the names are {', '.join(f'{page}.html' for page in PAGES)}, or such as 404.de.html"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    if not content.strip():
        return "is empty"
    reader = _Reader.of(content)
    if reader.has_script:
        return "has a script, which no reader's browser would run"
    if found[1] == "unsubscribe" and not reader.has_form:
        return (
            'needs a form that posts to the page itself, <form method="post"> without an action, with '
            '<input type="hidden" name="List-Unsubscribe" value="One-Click"> and a <button> in it'
        )
    return None


class _Reader(HTMLParser):
    """What has to be known of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.language = ""
        self.has_script = False
        self.has_form = False
        self._in_form = self._has_field = False

    @classmethod
    def of(cls, content: bytes) -> "_Reader":
        """Read a page in UTF-8."""
        reader = cls()
        reader.feed(content.decode())
        reader.close()
        return reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See what a tag is for."""
        values = {name: value or "" for name, value in reversed(attrs)}
        if tag == "html":
            self.language = self.language or values.get("lang", "").strip().lower()
        elif tag == "script":
            self.has_script = True
        elif tag == "form":
            self._in_form = (
                values.get("method", "").lower() == "post"
                and not values.get("action")
                and values.get("enctype", "").lower() != "text/plain"
            )
            self._has_field = False
        elif self._in_form and tag == "input" and "disabled" not in values:
            self._has_field |= (values.get("name"), values.get("value")) == ("List-Unsubscribe", "One-Click")
        if self._in_form and _submits(tag, values):
            self.has_form |= self._has_field

    def handle_endtag(self, tag: str) -> None:
        """End a form."""
        if tag == "form":
            self._in_form = False


def _submits(tag: str, values: Mapping[str, str]) -> bool:
    """Whether a tag is a button that sends its form as the form says."""
    if values.keys() & {"disabled", "formaction", "formmethod", "formenctype"}:
        return False
    kind = values.get("type", "").lower()
    return kind in ("submit", "image") if tag == "input" else tag == "button" and kind not in ("button", "reset")
