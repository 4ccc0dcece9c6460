"""Redirect URLs whose parts a test chooses."""

from collections.abc import Iterable

from linkwrap._token import wire
from linkwrap.keys import SigningKeys


def click_urls(keys: SigningKeys, origin: str, host: str, context: str, links: Iterable[tuple[str, str]]) -> list[str]:
    """The redirect URL of each link, given by its LINK part and its sublink; the rest as in `message_urls`."""
    slots = [wire.slot(sublink, "html", index, link) for index, (link, sublink) in enumerate(links)]
    return wire.message_urls(keys, origin, host, context, slots)


def open_url(keys: SigningKeys, origin: str, host: str, context: str, *, initial: bool = False) -> str:
    """The open pixel's URL, that of the initial-open pixel if `initial`; the rest as in `message_urls`."""
    return wire.message_urls(keys, origin, host, context, (), (wire.INITIAL_OPEN if initial else wire.OPEN,))[0]
