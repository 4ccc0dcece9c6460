"""The golden emails: `python tests/emails/renew.py [case …]` writes each case's expected.html anew.

A case is a folder with `input.html`, wrapped as bytes, and `expected.html`. An `options.json` holds keyword options of
`LinkWrapper.wrap`, and under "policy" those of `LinkPolicy`. The expected mail is the wrapped one with each token
replaced by what it stands for, so that a diff shows where a link goes and does not depend on the build of zlib:

    https://click.acme.test/f/a/{DESTINATION}     or {DESTINATION|NAME} or {DESTINATION|NAME|unsubscribe}
    https://click.acme.test/q/{open}              or {initial_open}

The same in an `input.html` is a link or the pixel of a mail that was wrapped before, on any host.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from linkwrap import Click, InvalidToken, LinkPolicy, LinkWrapper, Resolver, SigningKeys

FOLDER = Path(__file__).parent
CASES = sorted(path.parent.name for path in FOLDER.glob("*/input.html"))
KEYS = SigningKeys("the fixed key of the golden emails")
METADATA = {"message_id": "m-1", "rcpt": "r-42"}
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)

_TOKEN_URL = re.compile(r"(https?://[^/\"' ]+/(?:f/[A-Za-z0-9_-]+|q)/)2[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")

_STAND_IN = re.compile(r"https://([a-z.]+)/(?:f/([A-Za-z0-9_-]+)/\{([^}|]+)\|?([^}|]*)\}|q/\{open\})")


def read(case: str) -> bytes:
    """The mail of a case, as it goes in."""
    html = (FOLDER / case / "input.html").read_bytes()
    return _STAND_IN.sub(_wrapped_before, html.decode("latin-1")).encode("latin-1")


def rewrap(case: str) -> Callable[[bytes], bytes]:
    """What wraps the mail of a case, with its options."""
    file = FOLDER / case / "options.json"
    options: dict[str, Any] = json.loads(file.read_bytes()) if file.exists() else {}
    policy = LinkPolicy(**options.pop("policy", {}))
    wrapper = LinkWrapper(KEYS, account_id="acme", tracking_domain="click.acme.test", policy=policy)
    return lambda html: wrapper.wrap(html, METADATA, sent_at=SENT_AT, **options)


def readable(html: bytes) -> bytes:
    """Wrapped mail with each token replaced by what it stands for."""
    codec = _codec(html)
    return _TOKEN_URL.sub(_stand_in, html.decode(codec, "surrogatepass")).encode(codec, "surrogatepass")


def _codec(html: bytes) -> str:
    """One character per unit, whatever the charset: a redirect URL is ASCII."""
    if html.startswith(b"\xff\xfe"):
        return "utf-16-le"
    return "utf-16-be" if html.startswith(b"\0") else "latin-1"


def _wrapped_before(match: re.Match[str]) -> str:
    host, sublink, url, name = match.groups()
    wrapper = LinkWrapper(KEYS, account_id="acme", tracking_domain=host)
    if url is None:
        return wrapper.urls(wrapper.compile(""), METADATA, sent_at=SENT_AT)[0]
    return wrapper.wrap_url(url, METADATA, link_name=name or None, sublink=sublink, sent_at=SENT_AT)


def _stand_in(match: re.Match[str]) -> str:
    try:
        found = Resolver(KEYS).resolve(match[0])
    except InvalidToken:
        return match[0]
    assert (found.account_id, found.metadata, found.sent_at) == ("acme", METADATA, SENT_AT)
    if isinstance(found, Click):
        parts = [found.url, found.link_name or "", "unsubscribe" if found.unsubscribe else ""]
        text = "|".join(parts).rstrip("|").encode("ascii", "backslashreplace").decode()
    else:
        text = "initial_open" if found.initial else "open"
    return f"{match[1]}{{{text}}}"


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        expected = FOLDER / case / "expected.html"
        before = expected.read_bytes() if expected.exists() else None
        after = readable(rewrap(case)(read(case)))
        if after != before:
            expected.write_bytes(after)
            print("renewed" if before is not None else "new", case)
