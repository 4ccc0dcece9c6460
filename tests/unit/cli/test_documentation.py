"""docs/howto/command-line.md says what there is, and what it shows is what comes."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import click
import pytest
from click.testing import Result

from helpers.paths import DOCS
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.cli.app import commands
from linkwrap.domains import Findings, Proof, ServerAnswer, Trace
from linkwrap.domains.domain import METHODS, STATES, What
from linkwrap.domains.proof import Outcome
from linkwrap.domains.states import WATCHED_FOR
from linkwrap.domains.trace import Said, Verdict

PAGE = (DOCS / "howto" / "command-line.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
SUBSECTIONS = dict(re.findall(r"^### (.*)\n((?:(?!###? ).*\n)*)", PAGE, re.MULTILINE))
GROUP = commands.commands["domain"]
assert isinstance(GROUP, click.Group)
OF_DOMAIN = GROUP.commands
COMMANDS = {**commands.commands, **{f"domain {name}": command for name, command in OF_DOMAIN.items()}}
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


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"domain"}))
def test_every_command_and_option_is_documented(name: str) -> None:
    """Each command has a section, with all its options and none that it does not have."""
    section = (SECTIONS | SUBSECTIONS)[f"linkwrap {name}"]
    assert f"    linkwrap {name}" in section
    assert said_in(section) | {"--help"} == options_of(COMMANDS[name])


def test_options_of_all_commands_of_a_group_are_documented() -> None:
    """A group's section has the options that all its commands share."""
    section = SECTIONS["linkwrap domain"].partition("### ")[0]
    assert "    linkwrap domain" in section
    assert said_in(section) == set.intersection(*map(options_of, OF_DOMAIN.values()))


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


def rows_of(what: str) -> dict[str, str]:
    """The table of a domain, a change, a result or findings: what it says of each key."""
    table = SUBSECTIONS["JSON of linkwrap domain"].partition(f"| key of {what} |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*) \| (.*) \|$", table, re.MULTILINE)
    assert rows
    return {key: text for keys, text in rows for key in re.findall(r"`([^`]+)`", keys)}


def named_in(text: str) -> set[str]:
    """What a text names as code, options and commands aside."""
    return set(re.findall(r"`([\w-]+)`", text))


def test_keys_of_domains_are_documented(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """Every key of a domain, a change and a result is in its table, and none that does not come."""
    checks.works("click.acme.com")
    added = json.loads(
        run("domain", "add", "click.acme.com", "--account", "acme", "--ownership-trusted", "--json").stdout
    )
    change, _, result = map(json.loads, run("domain", "watch", "--once", "--json").stdout.splitlines())
    shown = json.loads(run("domain", "show", "click.acme.com", "--json").stdout)
    removed = json.loads(run("domain", "remove", "click.acme.com", "--yes", "--json").stdout)
    assert rows_of("a domain").keys() == added.keys() | shown.keys() | removed.keys()
    assert rows_of("a change").keys() == change.keys()
    assert rows_of("a result").keys() == result.keys()
    assert named_in(rows_of("a domain")["records"]) - {"add", "show"} == shown["records"][0].keys()
    assert shown["evidence"].keys() == result["findings"].keys() | {"advice"} == change["evidence"].keys()


def test_keys_of_findings_are_documented(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """Every key of findings is in the table, at any depth, and none that does not come."""
    checks.works("click.acme.com")
    run("domain", "add", "click.acme.com", "--account", "acme", "--ownership-trusted")
    found = json.loads(run("domain", "check", "click.acme.com", "--json").stdout)["findings"]
    rows = rows_of("findings")
    top = {re.split(r"[.\[]", key)[0] for key in rows if not key.startswith(".")}
    assert top == found.keys() == {field.name for field in fields(Findings)}
    assert {"dns.verdict", "dns.target", "dns.failure", "dns.hops[]"} <= rows.keys()
    assert found["dns"].keys() == {"verdict", "target", "failure", "detail", "hops"}
    assert {field.name for field in fields(Trace)} == found["dns"].keys() - {"verdict"}
    assert named_in(rows["dns.hops[]"]) - {"owner"} == found["dns"]["hops"][0].keys()
    assert named_in(rows["dns.hops[].answers[]"]) == found["dns"]["hops"][0]["answers"][0].keys()
    assert {field.name for field in fields(ServerAnswer)} == found["dns"]["hops"][0]["answers"][0].keys()
    assert named_in(rows["resolvers[]"]) == found["resolvers"][0].keys()
    assert {"http.scheme", ".outcome", ".address", ".detail"} <= rows.keys()
    assert found["http"].keys() == {"scheme", "outcome", "address", "detail"}


def test_values_of_json_are_documented() -> None:
    """What a key may hold is what its row says, all of it and nothing else."""
    domain, change, findings = rows_of("a domain"), rows_of("a change"), rows_of("findings")
    assert named_in(domain["state"]) == set(STATES)
    assert named_in(domain["method"]) == set(METHODS)
    assert named_in(change["what"]) == set(get_args(What))
    assert named_in(findings["dns.verdict"]) == set(get_args(Verdict))
    assert named_in(findings["dns.hops[].answers[].said"]) == set(get_args(Said))
    assert named_in(findings["http.outcome"]) == set(get_args(Outcome))
    failures = get_args(get_args(get_type_hints(Trace)["failure"])[0])
    assert named_in(findings["dns.failure"]) - {"owner"} == set(failures)


def test_changes_hold_what_the_page_says(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """`old` and `new` of each kind of change hold what its row says."""
    host = "click.acme.com"
    checks.works(host)
    run("domain", "add", host, "--account", "acme", "--ownership-trusted")
    for arguments in (["check"], ["check", "--method", "http"], ["default"], ["secure", "--off"]):
        assert run("domain", *arguments, host).exit_code == 0
    for name in ("assign", "unassign"):
        run("domain", name, host, "mail.acme.com")
    shown = json.loads(run("domain", "show", host, "--json").stdout)
    run("domain", "remove", host, "--yes")
    last = json.loads(
        run("domain", "watch", "--once", "--json", "--after", str(shown["history"][-1]["id"])).stdout.splitlines()[-1]
    )
    came = {change["what"]: (change["old"], change["new"]) for change in [*shown["history"], last]}
    assert came == {
        "added": (None, "pending"),
        "state": ("pending", "verified"),
        "method": ("cname", "http"),
        "default": ("False", "True"),
        "secure": ("True", "False"),
        "linked": (None, "mail.acme.com"),
        "unlinked": ("mail.acme.com", None),
        "removed": ("verified", None),
    }
    assert came.keys() == set(get_args(What))


def test_who_makes_a_registry_and_who_needs_keys_is_documented() -> None:
    """The commands that take a target make a registry, and those that take keys need them, as the page says."""
    takes = {
        option: [name for name in OF_DOMAIN if option in options_of(OF_DOMAIN[name])]
        for option in ("--cname-target", "--key-file")
    }
    assert takes == {"--cname-target": ["add", "watch"], "--key-file": ["check", "watch"]}
    assert "\n`add` and `watch` make the registry where there is none" in SECTIONS["linkwrap domain"]
    assert re.search(r"need the keys .* `domain verify` and `domain watch`", SECTIONS["Keys"])


def test_times_are_documented() -> None:
    """The hours that a domain is looked at are those of the page, wherever it says them."""
    hours = int(WATCHED_FOR.total_seconds() / 3600)
    for name in ("verify", "watch"):
        assert re.findall(r"\b(\d+)\s+hours", SUBSECTIONS[f"linkwrap domain {name}"]) == [str(hours)]


def test_statuses_are_documented() -> None:
    """The exit statuses of the page are those that there are."""
    assert re.findall(r"^\| (\d+) \|", SECTIONS["Exit status"], re.MULTILINE) == ["0", "1", "2", "130", "143"]


def test_unit_of_systemd_calls_what_there_is() -> None:
    """The unit starts watch with options that it has, and takes the status after SIGTERM as a success."""
    [unit] = re.findall(r"^```ini\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    [arguments] = re.findall(r"^ExecStart=\S+/linkwrap domain watch (.*)$", unit, re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", arguments)) <= options_of(OF_DOMAIN["watch"])
    assert "\nSuccessExitStatus=143\n" in unit


def test_warning_of_an_unknown_account_is_what_comes(run: Callable[..., Result], registry: str) -> None:
    """The warning on the page is the one that wrap gives."""
    [shown] = re.findall(
        r"^```text\n(.*?)^```$", SUBSECTIONS["Tracking domains from the registry"], re.MULTILINE | re.DOTALL
    )
    run("domain", "add", "click.acme.com", "--account", "acme", "--cname-target", "go.example.com")
    assert run("wrap", "--registry", registry, "--account", "acmee", input=MAIL).stderr == shown


def test_comparison_with_the_target_is_what_comes(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """What the page shows of a redirector that is not reached is what verify prints."""
    shown = re.findall(r"^```text\n(.*?)^```$", SUBSECTIONS["linkwrap domain verify"], re.MULTILINE | re.DOTALL)[1]
    checks.found["click.acme.com"] = Findings(
        None,
        None,
        True,
        http=Proof("http", "silent", "cannot be connected to", "192.0.2.99"),
        https=Proof("https", "silent", "no answer in time", "192.0.2.99"),
        control=Proof("http", "proven", "the redirector answers", "192.0.2.80"),
    )
    run("domain", "add", "click.acme.com", "--account", "acme", "--ownership-trusted", "--method", "http")
    assert shown in run("domain", "check", "click.acme.com").stdout


@pytest.mark.parametrize("name", ["add", "watch", "--account", "verify"])
def test_what_domain_shows_is_what_comes(run: Callable[..., Result], registry: str, checks: Any, name: str) -> None:
    """What the page shows of these commands is what they print, times and the TXT record's value aside."""
    shown = re.findall(r"^```text\n(.*?)^```$", SUBSECTIONS[f"linkwrap domain {name}"], re.MULTILINE | re.DOTALL)[0]
    checks.leads("click.acme.com", "spgo.io", None)
    added = run(
        "domain", "add", "click.acme.com", "--account", "acme", *(["--ownership-trusted"] if name != "add" else [])
    )
    if name == "watch":
        checks.works("click.acme.com")
    came = {
        "add": lambda: added,
        "verify": lambda: run("domain", "check", "click.acme.com"),
        "watch": lambda: run("domain", "watch", "--once"),
    }[name]()
    changing = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|linkwrap=[\w-]{32}")
    assert changing.sub("", came.stdout) == changing.sub("", shown)


def test_version(run: Callable[..., Result]) -> None:
    """--version names the program and its version."""
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"linkwrap \S.*\n", result.stdout)
