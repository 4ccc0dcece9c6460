"""Mail for the redirect server: links signed for one host, each with a number that its event brings back."""

from collections import Counter
from pathlib import Path

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.server.store import Store

KEY = "a key for the tests of the redirect server"
HOST = "click.acme.com"
SHOP = "https://shop.test/sale?id=1"
RESOLVER = Resolver(SigningKeys(KEY))
WRAPPER = LinkWrapper(SigningKeys(KEY), account_id="acme", tracking_domain=HOST)
_ORIGIN = f"https://{HOST}"
_TEMPLATE = WRAPPER.compile(f'<a href="{SHOP}">x</a>')
ONE_CLICK = b"List-Unsubscribe=One-Click"


def click_path(number: int = 0) -> str:
    """The path of a link of the message with this number."""
    html = WRAPPER.render(_TEMPLATE, {"n": number}, open_tracking=False)
    return html.partition(f'href="{_ORIGIN}')[2].partition('"')[0]


def open_path(number: int = 0) -> str:
    """The path of the message's pixel."""
    html = WRAPPER.render(_TEMPLATE, {"n": number}, click_tracking=False)
    return html.partition(f'src="{_ORIGIN}')[2].partition('"')[0]


def unsubscribe_path(number: int = 0) -> str:
    """The path of the message's unsubscribe URL."""
    return WRAPPER.unsubscribe_url({"n": number}).removeprefix(_ORIGIN)


def numbers(path: Path) -> Counter[int]:
    """How often the event of each message is in a store."""
    with Store(path) as store:
        return Counter(found.event.rcpt_meta["n"] for found in store.events())


def import_fallback(path: Path, fallback: Path) -> None:
    """Import the lines of a fallback, if there are any; each was an event."""
    if fallback.exists():
        with Store(path, create=True) as store, fallback.open("rb") as lines:
            done = store.import_lines(lines)
            assert (done.unreadable, done.other) == (0, 0)
