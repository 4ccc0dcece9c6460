"""The redirect server of the newsletter, for any WSGI server; it writes each event as a line of JSON.

    LINKWRAP_KEYS=… python redirects.py        serves on port 8000

It has no one-click unsubscribe, for which `respond` needs the request's body: see docs/howto/endpoint.md.
"""

import json
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.simple_server import make_server

from linkwrap import Resolver, SigningKeys
from linkwrap.endpoint import respond
from linkwrap.events import Event

EVENTS = Path(os.environ.get("EVENTS", Path(__file__).parents[1] / "out" / "events.jsonl"))
resolver = Resolver(SigningKeys.from_env())


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request."""
    response = respond(
        resolver,
        method=environ["REQUEST_METHOD"],
        raw_path=quote(environ["PATH_INFO"], encoding="latin-1"),
        host=environ.get("HTTP_HOST", ""),
        headers={name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")},
        ip_address=environ.get("REMOTE_ADDR"),
    )
    if response.event is not None:
        record(response.event)
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", list(response.headers.items()))
    return [response.body]


def record(event: Event) -> None:
    """Store an event; the reader gets the page even if that fails."""
    try:
        EVENTS.parent.mkdir(exist_ok=True)
        with EVENTS.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(event.as_dict()) + "\n")
    except OSError as error:
        print(f"an event was lost: {error.strerror}")


if __name__ == "__main__":
    with make_server("", 8000, application) as server:
        server.serve_forever()
