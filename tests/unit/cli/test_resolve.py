"""`linkwrap resolve`: what a redirect URL holds."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result

from linkwrap import LinkWrapper, SigningKeys

Run = Callable[..., Result]
SENT = datetime(2026, 11, 23, 13, 4, 5, tzinfo=UTC)
METADATA = {"rcpt": "r-42", "tags": ["a", "é"]}


@pytest.fixture
def wrapper(key: str) -> LinkWrapper:
    """A wrapper with the keys that the command has."""
    return LinkWrapper(SigningKeys(key), account_id="acme", tracking_domain="click.acme.com")


@pytest.fixture
def link(wrapper: LinkWrapper) -> str:
    """A link's redirect URL."""
    return wrapper.wrap_url("https://acme.com/sale", METADATA, link_name="Sale", unsubscribe=True, sent_at=SENT)


def test_click(run: Run, link: str) -> None:
    """One line for each fact."""
    result = run("resolve", link)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "kind         click\n"
        "destination  https://acme.com/sale\n"
        "link name    Sale\n"
        "unsubscribe  yes\n"
        "part         url\n"
        "index\n"
        "account id   acme\n"
        'metadata     {"rcpt": "r-42", "tags": ["a", "é"]}\n'
        "host         click.acme.com\n"
        "sent at      2026-11-23T13:04:05Z\n"
        "expired      no\n"
        "anonymous    no\n"
        f"token        {link.removeprefix('https://click.acme.com')}\n"
    )


def test_json(run: Run, link: str) -> None:
    """JSON has the same facts."""
    assert json.loads(run("resolve", "--json", link).stdout) == {
        "kind": "click",
        "destination": "https://acme.com/sale",
        "link_name": "Sale",
        "unsubscribe": True,
        "part": "url",
        "index": None,
        "account_id": "acme",
        "metadata": METADATA,
        "host": "click.acme.com",
        "sent_at": "2026-11-23T13:04:05Z",
        "expired": False,
        "anonymous": False,
        "token": link.removeprefix("https://click.acme.com"),
    }


def test_link_of_a_mail(run: Run, wrapper: LinkWrapper) -> None:
    """A link says which one it is, and its token is without what was put behind it."""
    links = wrapper.compile('<a href="#top">0</a><a href="https://acme.com/sale">1</a>')
    url = wrapper.urls(links, METADATA, sent_at=SENT)[0]
    found = json.loads(run("resolve", "--json", url + ")").stdout)
    assert (found["part"], found["index"]) == ("html", 1)
    assert found["token"] == url.removeprefix("https://click.acme.com")


@pytest.mark.parametrize(("number", "kind"), [(0, "open"), (1, "initial_open")])
def test_pixels(run: Run, wrapper: LinkWrapper, number: int, kind: str) -> None:
    """A pixel's URL says which pixel it is, and has the same keys without a destination."""
    url = wrapper.urls(wrapper.compile("<body>"), METADATA, sent_at=SENT)[number]
    found = json.loads(run("resolve", "--json", url).stdout)
    assert (found["kind"], found["destination"], found["metadata"]) == (kind, None, METADATA)
    assert run("resolve", url).stdout.startswith(f"kind         {kind}\ndestination\nlink name\nunsubscribe  no\n")


def test_unsubscribe(run: Run, wrapper: LinkWrapper) -> None:
    """A message's one-click unsubscribe URL has the same keys; a pixel and a plain link are none to unsubscribe."""
    url = wrapper.unsubscribe_url(METADATA, sent_at=SENT)
    found = json.loads(run("resolve", "--json", url).stdout)
    assert (found["kind"], found["destination"], found["link_name"]) == ("unsubscribe", None, None)
    assert (found["unsubscribe"], found["metadata"], found["sent_at"]) == (True, METADATA, "2026-11-23T13:04:05Z")
    link = wrapper.wrap_url("https://acme.com/", sent_at=SENT)
    assert json.loads(run("resolve", "--json", link).stdout)["unsubscribe"] is False


def test_expired(run: Run, wrapper: LinkWrapper) -> None:
    """A link of more than a year ago is no error."""
    url = wrapper.wrap_url("https://acme.com/", sent_at=datetime(2020, 1, 1, tzinfo=UTC))
    result = run("resolve", url)
    assert result.exit_code == 0
    assert "sent at      2020-01-01T00:00:00Z\nexpired      yes\n" in result.stdout


def test_standard_input(run: Run, link: str) -> None:
    """With - the URL is read from standard input, white space around it aside."""
    assert run("resolve", "-", input=f"  {link}\r\n").stdout == run("resolve", link).stdout


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda url: url.replace("click.acme.com", "click.evil.com"), "signature"),
        (lambda url: url[:-1], "malformed"),
        (lambda url: url + "a" * 40_000, "too-long"),
        (lambda url: "", "malformed"),
        (lambda url: "sale\n\x1b[2J", "malformed"),
        (lambda url: url[:-1] + "\udcff", "malformed"),
        (lambda url: f"{url}\n{url * 10}", "malformed"),
        (lambda url: url + "/x", "malformed"),
    ],
)
def test_invalid(run: Run, link: str, damage: Callable[[str], str], reason: str) -> None:
    """A URL that cannot be redeemed is one line with the reason and nothing of the URL, and exit status 1."""
    result = run("resolve", "--json", damage(link))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {reason}: ")
    assert result.stderr.count("\n") == 1
    assert link[30:50] not in result.stderr


def test_what_a_token_holds_cannot_command_the_terminal(run: Run, wrapper: LinkWrapper) -> None:
    """Control characters of a link name or of metadata are shown as text, one fact a line."""
    url = wrapper.wrap_url("https://acme.com/", {"a": "\x1b\u202e\n"}, link_name="a\n\x1b[2J")
    lines = run("resolve", url).stdout.splitlines()
    assert len(lines) == 13
    assert lines[2] == r"link name    a\n\x1b[2J"
    assert all(line.isprintable() for line in lines)
