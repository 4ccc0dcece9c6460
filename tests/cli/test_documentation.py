"""docs/howto/command-line.md says what there is, and what it shows is what comes."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from linkwrap import LinkWrapper, SigningKeys
from linkwrap.cli.app import commands

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "command-line.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
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


@pytest.mark.parametrize("name", commands.commands)
def test_every_command_and_option_is_documented(name: str) -> None:
    """Each command has a section, with all its options and none that it does not have."""
    section = SECTIONS[f"linkwrap {name}"]
    assert f"    linkwrap {name}" in section
    assert said_in(section) | {"--help"} == options_of(commands.commands[name])


def test_every_documented_command_is_there() -> None:
    """No section is about a command that does not exist."""
    assert {title.split()[1] for title in SECTIONS if title.startswith("linkwrap ")} == set(commands.commands)
    for option in options_of(commands):
        assert f"`linkwrap {option}`" in PAGE


@pytest.mark.parametrize("name", commands.commands)
def test_help_is_short_and_explains_every_option(run: Callable[..., Result], name: str) -> None:
    """The help of a command fits on a screen of 80 columns, and no option is without a word of explanation."""
    command = commands.commands[name]
    result = run(name, "--help", terminal_width=80)
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


def test_version(run: Callable[..., Result]) -> None:
    """--version names the program and its version."""
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"linkwrap \S.*\n", result.stdout)
