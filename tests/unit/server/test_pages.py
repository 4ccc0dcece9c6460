"""An operator's own pages: whose, in which language, and which are refused."""

from pathlib import Path

import pytest

from helpers.redirects import HOST, KEY, ONE_CLICK, click_path, unsubscribe_path
from linkwrap import SigningKeys
from linkwrap.endpoint import Response, respond
from linkwrap.resolver import Resolver
from linkwrap.server.pages import Pages

BROWSER = "text/html,*/*;q=0.8"
FORM = '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Bye</button></form>'


def write(folder: Path, **pages: str) -> Path:
    """Write pages by their path, and return the folder."""
    for name, content in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def ask(
    pages: Pages,
    path: str = "/f/a/2forged",
    *,
    method: str = "GET",
    host: str = HOST,
    accept: str = BROWSER,
    languages: str | None = None,
    body: bytes = b"",
    refuse: bool = False,
) -> Response:
    """Send a request, and dress its response."""
    headers = {"accept": accept} | ({} if languages is None else {"accept-language": languages})
    resolver = Resolver(SigningKeys(KEY), refuse=lambda *click: refuse)
    response = respond(resolver, method=method, raw_path=path, host=host, headers=headers, body=body)
    return pages.dress(response, method, host, headers)


def test_each_page_can_be_replaced(tmp_path: Path) -> None:
    """All four pages are the operator's, with the status, the event and the headers of the built-in ones."""
    own = {"404.html": "gone astray", "410.html": "stopped", "unsubscribe.html": FORM, "unsubscribed.html": "done"}
    pages, none = Pages(write(tmp_path, **own)), Pages(None)
    assert pages.faults == []
    cases: list[tuple[str, dict[str, object]]] = [
        ("404.html", {}),
        ("410.html", {"path": click_path(1), "refuse": True}),
        ("unsubscribe.html", {"path": unsubscribe_path(1)}),
        ("unsubscribed.html", {"path": unsubscribe_path(1), "method": "POST", "body": ONE_CLICK}),
    ]
    for name, request in cases:
        mine, built_in = ask(pages, **request), ask(none, **request)  # type: ignore[arg-type]
        assert mine.body.decode() == own[name]
        assert mine.headers == built_in.headers | {"Content-Length": str(len(own[name]))}
        assert (mine.status, mine.event is None) == (built_in.status, built_in.event is None)
        assert b"<h1>" in built_in.body


def test_what_is_no_page_is_left_alone(tmp_path: Path) -> None:
    """Redirects, pixels and answers to programs are as they were; HEAD has no body, but the length of the page."""
    pages = Pages(write(tmp_path, **{"404.html": "gone astray"}))
    assert ask(pages, click_path(1)).status == 302
    assert ask(pages, "/healthz").body == b"ok"
    assert ask(pages, "/q/2forged").headers["Content-Type"] == "image/gif"
    assert ask(pages, accept="*/*").body.startswith(b"This link is not valid.")
    head = ask(pages, method="HEAD")
    assert (head.body, head.headers["Content-Length"]) == (b"", "11")


def test_pages_of_a_host_go_first(tmp_path: Path) -> None:
    """A host's own page, in whatever language, goes before one for all hosts."""
    pages = Pages(write(tmp_path, **{f"{HOST}/404.html": "host", "404.html": "all", "404.de.html": "alle"}))
    assert ask(pages, languages="de", host="CLICK.acme.com.:443").body == b"host"
    assert ask(pages, languages="de", host="other.example").body == b"alle"
    assert ask(pages, host="..").body == b"all"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, ""), ("", ""), ("de", "de"), ("DE-at", "de"), ("pt-BR, pt;q=0.9", "pt-br"), ("pt", ""),
        ("fr;q=0.5, de;q=0.8", "de"), ("fr, de", "fr"), ("nl, fr;q=0.1", "fr"), ("de;q=0, fr", "fr"), ("*", ""),
        ("nl, *;q=0.5, de;q=0.1", "de"), ("en-US,en;q=0.9,de;q=0.8", ""), ("de;q=x, fr", "fr"),
        ("de;q=0.8;x=1, fr", "fr"), ("de-", ""), (";q=1", ""), ("zh-Hant-TW", "zh-hant"), ("\xff, de", "de"),
        ("../../etc, de", "de"), ("de\0", ""),
    ],
)  # fmt: skip
def test_language_is_the_readers(tmp_path: Path, header: str | None, language: str) -> None:
    """The best language that there is, by weight and then by order; that of the plain page is what its markup says."""
    names = {f"404.{name}.html": name.lower() for name in ("de", "fr", "pt-BR", "zh-Hant")}
    pages = Pages(write(tmp_path, **names, **{"404.html": "<html lang=en>plain"}))
    assert pages.faults == []
    assert ask(pages, languages=header).body.decode() == (language or "<html lang=en>plain")


@pytest.mark.parametrize("header", ["de;q=0." * 100_000, "a," * 100_000 + "de", "-" * 1_000_000, "\t " * 500_000])
def test_of_a_long_header_only_the_beginning_is_read(tmp_path: Path, header: str) -> None:
    """A header of any length gets a page."""
    pages = Pages(write(tmp_path, **{"404.html": "plain", "404.de.html": "de"}))
    assert ask(pages, languages=header).body == b"plain"


def test_a_language_alone_leaves_the_built_in_page_to_others(tmp_path: Path) -> None:
    """Without a page for all languages, readers of others get the built-in one."""
    pages = Pages(write(tmp_path, **{"404.de.html": "de"}))
    assert ask(pages, languages="de").body == b"de"
    assert b"This link does not work" in ask(pages, languages="fr").body


FAULTS = {
    "misspelled": ("405.html", "x", "is not a page"),
    "no language": ("404.german-.html", "x", "is not a page"),
    "empty": ("404.html", " \n", "is empty"),
    "script": ("404.html", "<script>1</script>", "has a script"),
    "no form": ("unsubscribe.html", "<p>x", "needs a form"),
    "no field": ("unsubscribe.de.html", FORM.replace("One-Click", "yes"), "needs a form"),
    "field of another name": ("unsubscribe.html", FORM.replace("List-", ""), "needs a form"),
    "no button": ("unsubscribe.html", FORM.replace("<button>", "<b>"), "needs a form"),
    "a button that sends nothing": ("unsubscribe.html", FORM.replace("<button", "<button type=reset"), "needs a form"),
    "a button to elsewhere": ("unsubscribe.html", FORM.replace("<button", "<button formaction=/x"), "needs a form"),
    "no post": ("unsubscribe.html", FORM.replace('method="post"', ""), "needs a form"),
    "elsewhere": ("unsubscribe.html", FORM.replace("<form", '<form action="/bye"'), "needs a form"),
    "text": ("unsubscribe.html", FORM.replace("<form", "<form enctype=text/plain"), "needs a form"),
    "in a comment": ("unsubscribe.html", f"<!-- {FORM} -->", "needs a form"),
    "behind the form": ("unsubscribe.html", "<form method=post></form>" + FORM[20:], "needs a form"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told(tmp_path: Path, name: str) -> None:
    """A page that readers could not use is one sentence, and the built-in one stays."""
    file, content, words = FAULTS[name]
    pages = Pages(write(tmp_path, **{file: content}))
    assert len(pages.faults) == 1
    assert words in pages.faults[0]
    assert b"<h1>" in ask(pages, languages="de").body
    assert b"One-Click" in ask(pages, unsubscribe_path(1), languages="de").body


def test_a_page_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """Pages are sent as UTF-8."""
    (tmp_path / "404.html").write_bytes(b"\xe9")
    [fault] = Pages(tmp_path).faults
    assert "is not UTF-8" in fault
