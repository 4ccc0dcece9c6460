"""`linkwrap inspect`: what it says of each link, as a table and as JSON."""

import json
import re
import unicodedata
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import Result

from linkwrap import Link, LinkWrapper, SigningKeys
from linkwrap._inspection import Found, find_links
from linkwrap.cli.inspect import links_table

Run = Callable[..., Result]

HTML = """<body>
<a href="https://acme.com/sale?a=1&amp;b=2" data-msys-linkname="Sale">x</a>
<!--[if mso]><v:rect href="https://acme.com/button"></v:rect><![endif]-->
  <a data-msys-unsubscribe=1 href='https://acme.com/bye'>x</a><a href=mailto:us@acme.com>x</a>
<a href="{{ url }}">x</a> <a data-msys-sublink="no/segment" href="//acme.com">x</a>
</body>
"""


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A file with mail in it."""
    path = tmp_path / "mail.html"
    path.write_text(HTML, encoding="utf-8", newline="")
    return path


def report(run: Run, *arguments: object, **options: object) -> dict[str, Any]:
    """What inspect prints as JSON."""
    result = run("inspect", "--json", *arguments, **options)
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_table_in_a_pipe(run: Run, mail: Path) -> None:
    """Piped, each link is one line without colours: where it is, what it is, what is done and why, where it leads."""
    result = run("inspect", mail)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:7] == [
        "line  element           name           decision                  destination",
        "2:10  a                 Sale           wrapped                   https://acme.com/sale?a=1&b=2",
        "3:28  v:rect (Outlook)                 wrapped                   https://acme.com/button",
        "4:36  a                 (unsubscribe)  wrapped                   https://acme.com/bye",
        "4:71  a                                left alone (scheme)       mailto:us@acme.com",
        "5:10  a                                left alone (placeholder)  {{ url }}",
        "5:67  a                                wrapped                   https://acme.com/",
    ]


def test_summary(run: Run, mail: Path) -> None:
    """Below the table: how many links are wrapped or left alone and why, the size, and the warnings."""
    counts, size, short, warning, warnings = run("inspect", mail).stdout.splitlines()[7:]
    assert counts == "6 links: 4 wrapped, 2 left alone (1 placeholder, 1 scheme)"
    assert size.startswith(f"{len(HTML)} bytes, ")
    assert size.endswith(
        " when wrapped, before transfer encoding: that is under the 104,448 at which Gmail clips a mail"
    )
    assert short.startswith("Warning: the pixel is the only image")
    assert warning.startswith("Warning: 5:67: the sublink 'no/segment' is ignored")
    assert warnings == "2 warnings (1 image-only, 1 markup)"


def test_piped_lines_are_never_cut_or_broken(run: Run) -> None:
    """Neither a long destination nor a long name is cut in a pipe, whatever width a terminal would have."""
    url = f"https://acme.com/{'x' * 3000}"
    name = "n" * 63
    html = f'<a href="{url}" data-msys-linkname="{name}">x</a>'
    assert run("inspect", "-", input=html, env={"COLUMNS": "40"}).stdout.splitlines()[1].split() == [
        "1:10",
        "a",
        name,
        "wrapped",
        url,
    ]


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_table_in_a_terminal(width: int) -> None:
    """In a terminal the table is no wider than that, and folds destinations without losing a character."""
    url = f"https://acme.com/{'0123456789' * 30}"
    html = f'<p>\n<a href="{url}" data-msys-linkname="A name of several words, that is long">x</a>'
    found = find_links(LinkWrapper(SigningKeys.from_env()).compile(html))
    lines = list(links_table(found).lines(width))
    rule = next(number for number, line in enumerate(lines) if set(line) == {"-"})
    assert max(map(len, lines)) == len(lines[rule]) == width
    column = lines[0].index("destination"[:4])
    assert "".join(line[column:].strip() for line in lines[:rule]) == "destination"
    assert "".join(line[column:].strip() for line in lines[rule + 1 :]) == url


@pytest.mark.parametrize("width", [1, 20, 25, 30, 40, 80, 200])
def test_places_are_never_folded(width: int) -> None:
    """However narrow a terminal is, line and column of each link stand on one line, and nothing else is lost."""
    html = "\n" * 12_344 + f"<p>{' ' * 6780}<a href='https://acme.com/0123456789' data-msys-linkname='新しい商品'>x</a>"
    found = find_links(LinkWrapper(SigningKeys.from_env()).compile(html))
    lines = list(links_table(found).lines(width))
    assert sum(line.startswith("12345:6793") for line in lines) == 1
    cells = [unicodedata.east_asian_width(character) in "WF" for line in lines for character in line]
    assert sum(cells) == 5
    if width >= 25:
        assert max(len(line) + sum(unicodedata.east_asian_width(c) in "WF" for c in line) for line in lines) <= width
    assert "".join("".join(lines).split()).count("新") == 1


def test_size_is_that_of_what_wrap_writes(run: Run, mail: Path) -> None:
    """With the same options, the size is the one that wrap's output has."""
    options = ["--domain", "click.acme.com", "--account", "acme", "-m", "rcpt=r-42", "--initial-open"]
    for more in ([], ["--no-opens"]):
        wrapped = run("wrap", mail, *options, *more).stdout_bytes
        size = report(run, mail, *options, *more)["size"]
        assert size == {"source": len(HTML), "wrapped": len(wrapped), "gmail_clip": 102 * 1024, "clipped": False}


def test_gmail_clips(run: Run) -> None:
    """A mail that only wrapping makes too large for Gmail is told."""
    html = HTML + " " * (102 * 1024 - len(HTML))
    assert report(run, "-", input=html)["size"]["clipped"] is True
    assert "over the 104,448 at which Gmail clips" in run("inspect", "-", input=html).stdout


def test_json(run: Run, mail: Path) -> None:
    """JSON holds all that is known of a link, its value as the mail's reader has it, and the summary."""
    found = report(run, mail)
    assert found["parts"] == []
    assert found["links"][0] == {
        "part": None,
        "line": 2,
        "column": 10,
        "href": "https://acme.com/sale?a=1&b=2",
        "url": "https://acme.com/sale?a=1&b=2",
        "element": "a",
        "name": "Sale",
        "unsubscribe": False,
        "sublink": None,
        "wrapped": True,
        "reason": None,
        "conditional": False,
        "start": HTML.index("https://acme.com/sale"),
        "end": HTML.index('" data-msys-linkname'),
        "warning": None,
        "placeholder": None,
        "one_time": False,
    }
    assert [link["reason"] for link in found["links"]] == [None, None, None, "scheme", "placeholder", None]
    assert [link["conditional"] for link in found["links"]] == [False, True, False, False, False, False]
    assert found["summary"] == {
        "links": 6,
        "wrapped": 4,
        "left_alone": {"placeholder": 1, "scheme": 1},
        "perhaps_wrapped_already": 0,
        "warnings": {"image-only": 1, "markup": 1},
        "tracking_domain": "https://spgo.io",
    }


def test_no_links(run: Run) -> None:
    """A mail without links has a summary and no table."""
    result = run("inspect", "-", input="<p>Hi")
    assert result.stdout.splitlines()[0] == "0 links: 0 wrapped, 0 left alone"
    assert report(run, "-", input="<p>")["links"] == []


@pytest.mark.parametrize("href", ["{{ url }}", "https://a b.com", f"https://acme.com/{'x' * 5000}"])
@pytest.mark.parametrize("output", [[], ["--json"]])
def test_strict(run: Run, href: str, output: list[str]) -> None:
    """--strict fails, after the whole report, where a link that should be wrapped cannot be."""
    html = f'<a href="{href}">x</a><a href="https://acme.com/">x</a>'
    relaxed = run("inspect", "-", *output, input=html)
    strict = run("inspect", "-", "--strict", *output, input=html)
    assert (relaxed.exit_code, relaxed.stderr) == (0, "")
    assert (strict.exit_code, strict.stdout) == (1, relaxed.stdout)
    assert strict.stderr.startswith("Error: links that should be wrapped were left alone: 1 ")
    assert strict.stderr.count("\n") == 1


def test_strict_leaves_what_is_meant(run: Run) -> None:
    """--strict has nothing against links that nobody wants wrapped."""
    html = (
        '<a href="#top">x</a><a href="tel:1">x</a><a href="https://acme.com/" clicktracking=off>x</a><a href="">x</a>'
    )
    assert run("inspect", "-", "--strict", input=html).exit_code == 0


def test_without_keys(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys are needed; that links may be wrapped already is said only where they look so and no key can tell."""
    html = '<a href="https://acme.com/f/a/2x">x</a>'
    wrapped = run("wrap", input=html).stdout_bytes
    with_keys = run("inspect", "-", input=wrapped).stdout
    assert "1 already-wrapped" in with_keys
    assert "already: only" not in with_keys
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("LINKWRAP_KEYS")
        else:
            monkeypatch.setenv("LINKWRAP_KEYS", value)
        assert "already: only" not in run("inspect", "-", input=html).stdout
        assert "Warning: 1 of them may be wrapped already" in run("inspect", "-", input=wrapped).stdout
        assert report(run, "-", input=wrapped)["summary"]["perhaps_wrapped_already"] == 1


def test_mail_cannot_command_the_terminal(run: Run) -> None:
    """Escape sequences, line breaks and direction marks of a mail are shown as text, rich's markup too."""
    html = '<a href="x:\x1b]0;owned\x07\n[red]\u202e" data-msys-linkname="\x1b[2J[bold]\u2028">x</a>'
    lines = run("inspect", "-", input=html.encode()).stdout.splitlines()
    assert len(lines) == 6
    assert r"\x1b[2J[bold]\u2028" in lines[1]
    assert lines[1].endswith(r"x:\x1b]0;owned\x07\n[red]\u202e")


def test_link_that_is_no_destination_may_be_long(run: Run) -> None:
    """An image in a data: URL does not flood the screen; JSON has all of it."""
    html = f'<a href="data:image/png;base64,{"A" * 90_000}">x</a>'
    assert len(run("inspect", "-", input=html).stdout) < 5000
    assert len(report(run, "-", input=html)["links"][0]["href"]) > 90_000


def test_encoding(run: Run) -> None:
    """Columns count characters of the mail's encoding, given or found."""
    html = "<p>ソース<a href=https://acme.com/ソ>"
    for charset, options in (("utf-16", []), ("cp932", ["--encoding", "shift_jis"]), ("utf-8", [])):
        (link,) = report(run, "-", *options, input=html.encode(charset))["links"]
        assert (link["line"], link["column"], link["href"]) == (1, 15, "https://acme.com/ソ")


def test_output_without_unicode(execute: Callable[..., Any], mail: Path) -> None:
    """Where the output's encoding lacks a character, it is escaped."""
    mail.write_text('<a href="https://acme.com/" data-msys-linkname="Grüße 山">x</a>', encoding="utf-8")
    done = execute("inspect", str(mail), env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Gr\xfc\xdfe \\u5c71" in done.stdout


@pytest.mark.parametrize("columns", [30, 70])
def test_real_terminal(command: list[str], at_terminal: Callable[..., Any], mail: Path, columns: int) -> None:
    """In a terminal there are colours, and no line of the table is longer than it is wide."""
    shown = at_terminal([*command, "inspect", str(mail)], ["stdout"], columns=columns)
    assert (shown.status, shown.stderr) == (0, "")
    assert "\x1b[32mwrap" in shown.terminal
    table = re.sub(r"\x1b\[[0-9;]*m", "", shown.terminal).partition("6 links")[0].splitlines()
    assert max(map(len, table)) == columns
    for place in ("2:10", "3:28", "4:36", "4:71", "5:10", "5:67"):
        assert sum(line.startswith(f"{place} ") for line in table) == 1


def test_colours_are_not_wanted(
    command: list[str], at_terminal: Callable[..., Any], mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With NO_COLOR there are none."""
    shown = at_terminal(["env", "NO_COLOR=1", *command, "inspect", str(mail)], ["stdout"])
    assert "\x1b" not in shown.terminal


def test_table_of_many_links(run: Run) -> None:
    """The table of many links lists each once, and its lines are as long as its columns need."""
    html = "".join(f'<a href="https://acme.com/{number}">x</a>\n' for number in range(3000))
    lines = run("inspect", "-", input=html).stdout.splitlines()
    places = [line.split()[0] for line in lines[1:3001]]
    assert places == [f"{number}:10" for number in range(1, 3001)]
    assert len(report(run, "-", input=html)["links"]) == 3000


LONG = f"https://acme.com/{'x' * 1100}"
BAD = f"""<a href="http://intranet/">https://www.acme.com/</a>
<a href="{LONG}">x</a>"""
"""HTML with a warning of several kinds."""
PLACES = [
    ("metadata", None, None),
    ("image-only", None, None),
    ("http", 1, 10),
    ("single-label", 1, 10),
    ("other-host", 1, 10),
    ("long-url", 2, 10),
]


def test_warnings(run: Run) -> None:
    """Each warning is a line with its place, and an object in JSON; the summary counts them by kind."""
    options = ["--domain", "click.example", "-m", "rcpt=ada@acme.com"]
    lines = [line for line in run("inspect", "-", *options, input=BAD).stdout.splitlines() if "arning" in line]
    found = report(run, "-", *options, input=BAD)
    assert [(said["kind"], said["line"], said["column"]) for said in found["warnings"]] == PLACES
    assert {said["part"] for said in found["warnings"]} == {None}
    assert lines == [
        *(f"Warning: {said['message']}" for said in found["warnings"][:2]),
        *(f"Warning: {said['line']}:{said['column']}: {said['message']}" for said in found["warnings"][2:]),
        "6 warnings (1 http, 1 image-only, 1 long-url, 1 metadata, 1 other-host, 1 single-label)",
    ]
    assert found["summary"]["warnings"] == {kind: 1 for kind, _, _ in sorted(PLACES)}
    assert "ada@acme.com" not in "".join(lines)


def test_warnings_of_a_message(run: Run) -> None:
    """Warnings name the part that they are about; those about the whole mail do not."""
    message = EmailMessage()
    message["From"] = "a@acme.com"
    message.set_content('Leave: https://acme.com/x[[data-msys-clicktrack="0"]]')
    message.add_alternative('<a href="https://acme.com/x">x</a><img src="x.png">', subtype="html")
    found = report(run, "-", "--type", "eml", "--text", input=bytes(message))
    [warning] = found["warnings"]
    assert (warning["kind"], warning["part"], warning["line"], warning["column"]) == ("opted-out", 1, 1, 10)
    shown = run("inspect", "-", "--type", "eml", "--text", input=bytes(message)).stdout.splitlines()
    assert shown[-2:] == [f"Warning: text/html: 1:10: {warning['message']}", "1 warning (1 opted-out)"]


def test_mjml_source_is_told(run: Run) -> None:
    """MJML that was not compiled has no links yet."""
    mjml = "<mjml><mj-body><mj-button href='https://acme.com/'>x</mj-button></mj-body></mjml>"
    assert "Warning: <mjml> begins MJML source: compile it" in run("inspect", "-", input=mjml).stdout


def test_mail_without_warnings(run: Run) -> None:
    """Nothing is said of a mail that has no fault."""
    html = '<img src="x.png"><a href="https://acme.com/">https://acme.com/</a>'
    options = ["--domain", "click.acme.com", "-m", "rcpt=r-42"]
    assert "arning" not in run("inspect", "-", *options, input=html).stdout
    assert report(run, "-", *options, input=html)["warnings"] == []


@pytest.mark.parametrize(("piece", "shown"), [("{id}", "placeholder {id}"), (None, "placeholder")])
def test_table_names_the_placeholder(piece: str | None, shown: str) -> None:
    """The piece of a value that is a placeholder is named beside the reason, unless it is all of the value."""
    link = SimpleNamespace(
        href="https://acme.com/{id}",
        url=None,
        element="a",
        name=None,
        unsubscribe=False,
        wrapped=False,
        reason="placeholder",
        conditional=False,
        placeholder=piece,
    )
    [row] = links_table([Found(1, 10, cast("Link", link))]).rows
    assert row[3] == (f"left alone ({shown})", "red")
    link.href = " {id}"
    [row] = links_table([Found(1, 10, cast("Link", link))]).rows
    assert row[3] == ("left alone (placeholder)", "red")
