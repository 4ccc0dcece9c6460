"""`linkwrap serve`: the redirect server."""

from typing import Any, get_args

import click

from ..endpoint import Ip
from .options import option, with_options

_OPTIONS = (
    option("--listen", default="127.0.0.1:8025", metavar="ADDRESS:PORT", help="Where to answer requests."),
    option("--store", default="linkwrap-events.db", metavar="FILE", help="SQLite file for events, on a local disk."),
    option("--workers", default=1, metavar="N", help="How many processes answer requests."),
    option(
        "--durability",
        type=click.Choice(["process", "power"]),
        default="process",
        help="What events outlive: killed processes, or loss of power.",
    ),
    option("--fallback", metavar="FILE", help="Where events go that cannot be stored."),
    option("--ip", type=click.Choice(get_args(Ip)), default="cut", help="What events hold of an IP address."),
    option("--keep", default="400d", metavar="DAYS", help="How long events are kept."),
    option("--keep-bytes", metavar="SIZE", help="Bytes that events may take, such as 10GB."),
    option("--replay-limit", default=60, metavar="N", help="Events a minute of one link."),
    option(
        "--trusted-proxy", "trusted_proxies", multiple=True, metavar="NETWORK", help="Whose X-Forwarded-For counts."
    ),
    option("--forwarded-host", is_flag=True, help="Take its X-Forwarded-Host for the host."),
    option("--limit", default=120, metavar="N", help="Invalid requests a minute of a network."),
    option("--blocks", metavar="FILE", help="Block list; else STORE.blocks."),
    option("--files", metavar="DIR", help="Well-known files, such as those of app links."),
    option("--pages", metavar="DIR", help="Pages for readers of your own."),
)


@click.command()
@with_options(*_OPTIONS)
def serve(listen: str, keep: str, keep_bytes: str | None, **values: Any) -> None:
    """Answer clicks and opens, and store their events.

    Keys are read from LINKWRAP_KEYS, or from the file that LINKWRAP_KEYS_FILE names: one a line, the current one first.
    Put a proxy in front that takes TLS connections and passes on Host. SIGTERM and Ctrl-C stop the server, after it has
    answered what it has taken.
    """
    # They need the extra `server`, which the other commands do not.
    from ..server.serve import serve as run
    from ..server.settings import Settings, parse_bytes, parse_keep, parse_listen

    address, port = parse_listen(listen)
    most = None if keep_bytes is None else parse_bytes(keep_bytes)
    run(Settings(address=address, port=port, keep_seconds=parse_keep(keep), keep_bytes=most, **values))
