"""docs/howto/command-line.md says what there is, and what it shows is what comes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from linkwrap import LinkWrapper, SigningKeys
from linkwrap.cli.app import commands

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "command-line.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
SUBSECTIONS = dict(re.findall(r"^### (.*)\n((?:(?!###? ).*\n)*)", PAGE, re.MULTILINE))
GROUP = commands.commands["domain"]
assert isinstance(GROUP, click.Group)
COMMANDS = commands.commands | {f"domain {name}": command for name, command in GROUP.commands.items()}
MESSAGE = "Content-Type: text/html\n\n<a href=https://acme.com/sale>x</a>\n"
MAIL = """<body>
<a href="https://acme.com/sale?a=1&amp;b=2" data-msys-linkname="Sale">x</a>
<!--[if mso]><v:rect href="https://acme.com/button"></v:rect><![endif]-->
  <a data-msys-unsubscribe=1 href='https://acme.com/bye'>x</a><a href=mailto:us@acme.com>x</a>
<a href="{{ url }}">x</a>
</body>
"""


def options_of(command: click.Command) -> set[str]:
    """All spellings of a command's options."""
    return {
        name
        for parameter in command.get_params(click.Context(command))
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    }


def said_in(section: str) -> set[str]:
    """The options in the tables of a section."""
    return set(re.findall(r"`(--?[a-z-]+)`", "".join(re.findall(r"^\|.*\n", section, re.MULTILINE))))


@pytest.mark.parametrize("name", COMMANDS.keys() - {"domain"})
def test_every_command_and_option_is_documented(name: str) -> None:
    """Each command has a section, with all its options and none that it does not have."""
    section = (SECTIONS | SUBSECTIONS)[f"linkwrap {name}"]
    assert f"    linkwrap {name}" in section
    assert said_in(section) | {"--help"} == options_of(COMMANDS[name])


def test_options_of_all_commands_of_a_group_are_documented() -> None:
    """A group's section has the options that all its commands share."""
    section = SECTIONS["linkwrap domain"].partition("### ")[0]
    assert "    linkwrap domain" in section
    assert said_in(section) == set.intersection(*map(options_of, GROUP.commands.values()))


def test_every_documented_command_is_there() -> None:
    """No section is about a command that does not exist."""
    titles = {title.removeprefix("linkwrap ") for title in SECTIONS | SUBSECTIONS if title.startswith("linkwrap ")}
    assert titles == COMMANDS.keys()
    for option in options_of(commands):
        assert f"`linkwrap {option}`" in PAGE


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_short_and_explains_every_option(run: Callable[..., Result], name: str) -> None:
    """The help of a command fits on a screen of 80 columns, and no option is without a word of explanation."""
    command = COMMANDS[name]
    result = run(*name.split(), "--help", terminal_width=80)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) <= 35
    assert command.get_short_help_str(60).endswith(".")
    assert "..." not in command.get_short_help_str(60)
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help


def test_table_is_what_comes(run: Callable[..., Result]) -> None:
    """The table on the page is the output for the mail of this test, the length of its tokens aside."""
    shown = re.findall(r"^```text\n(.*?)^```$", SECTIONS["linkwrap inspect"], re.MULTILINE | re.DOTALL)[0]
    size = re.compile(r"[0-9,]+ when wrapped")
    assert size.sub("", run("inspect", "-", input=MAIL).stdout) == size.sub("", shown)


def test_facts_are_what_comes(run: Callable[..., Result], key: str) -> None:
    """The facts of a redirect URL on the page have the names that the command prints."""
    shown = re.findall(r"^```text\n(.*?)^```$", SECTIONS["linkwrap resolve"], re.MULTILINE | re.DOTALL)[0]
    wrapper = LinkWrapper(SigningKeys(key), account_id="acme", tracking_domain="click.acme.com")
    url = wrapper.wrap_url("https://acme.com/sale", {"rcpt": "r-42"}, link_name="Sale")
    times = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert times.sub("", run("resolve", url).stdout) == times.sub("", shown)
    table = SECTIONS["linkwrap resolve"].partition("--json")[2].partition("|\n")[0]
    assert re.findall(r"`([a-z_]+)`", table) == list(json.loads(run("resolve", "--json", url).stdout))


def test_keys_of_json_are_documented(run: Callable[..., Result]) -> None:
    """Every key of inspect's JSON is in the table, and none that does not come."""
    found = json.loads(run("inspect", "--json", "--type", "eml", "-", input=MESSAGE).stdout)
    assert found.keys() == json.loads(run("inspect", "--json", "-", input=MAIL).stdout).keys()
    keys = {"links", "parts", *(f"{part}.{key}" for part in ("summary", "size") for key in found[part])}
    keys |= {f"{part}[].{key}" for part in ("links", "parts") for key in found[part][0]}
    said = set()
    for row in re.findall(r"^\| (`(?:links|parts|summary|size)[^|]*) \|", PAGE, re.MULTILINE):
        first, *more = re.findall(r"`([^`]+)`", row)
        said |= {first, *(first.rpartition(".")[0] + key for key in more)}
    assert said == keys


def keys_of(what: str) -> set[str]:
    """The keys in the table of a domain, a change or a result."""
    table = SUBSECTIONS["JSON of linkwrap domain"].partition(f"| key of a {what} ")[2].partition("\n\n")[0]
    return {key for row in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}


def test_keys_of_domains_are_documented(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """Every key of a domain, a change and a result is in its table, and none that does not come."""
    checks.works("click.acme.com")
    added = json.loads(run("domain", "add", "acme", "click.acme.com", "--vouched", "--json").stdout)
    change, _, result = map(json.loads, run("domain", "watch", "--once", "--json").stdout.splitlines())
    shown = json.loads(run("domain", "show", "click.acme.com", "--json").stdout)
    removed = json.loads(run("domain", "remove", "click.acme.com", "--yes", "--json").stdout)
    assert keys_of("domain") == added.keys() | shown.keys() | removed.keys()
    assert keys_of("change") == change.keys()
    assert keys_of("result") == result.keys()
    row = next(row for row in PAGE.splitlines() if row.startswith("| `records`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"records", "add", "show"} == shown["records"][0].keys()
    row = next(row for row in PAGE.splitlines() if row.startswith("| `findings`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"findings"} == result["findings"].keys() - {"proven"}


@pytest.mark.parametrize("name", ["add", "verify", "watch"])
def test_what_domain_shows_is_what_comes(run: Callable[..., Result], registry: str, checks: Any, name: str) -> None:
    """What the page shows of these commands is what they print, times and the TXT record's value aside."""
    [shown] = re.findall(r"^```text\n(.*?)^```$", SUBSECTIONS[f"linkwrap domain {name}"], re.MULTILINE | re.DOTALL)
    checks.leads("click.acme.com", "spgo.io", None)
    added = run("domain", "add", "acme", "click.acme.com", *(["--vouched"] if name != "add" else []))
    if name == "watch":
        checks.works("click.acme.com")
    came = {
        "add": lambda: added,
        "verify": lambda: run("domain", "verify", "click.acme.com"),
        "watch": lambda: run("domain", "watch", "--once"),
    }[name]()
    changing = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|linkwrap=[\w-]{32}")
    assert changing.sub("", came.stdout) == changing.sub("", shown)


def test_version(run: Callable[..., Result]) -> None:
    """--version names the program and its version."""
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"linkwrap \S.*\n", result.stdout)
