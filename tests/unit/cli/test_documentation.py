"""docs/howto/command-line.md says what there is, and what it shows is what comes."""

import glob
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import Result

from helpers.events import an_event
from helpers.paths import DOCS
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.cli.app import commands
from linkwrap.domains.lifecycle import WATCHED_FOR
from linkwrap.domains.model import METHODS, STATES, ChangeKind, DnsRecord, Domain
from linkwrap.domains.results import Evidence, Probe, ProbeStatus
from linkwrap.domains.traces import AnswerKind, Trace, TraceFailure, TraceStatus
from linkwrap.events import EventType
from linkwrap.server.store import Store

PAGE = (DOCS / "howto" / "command-line.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
SUBSECTIONS = dict(re.findall(r"^### (.*)\n((?:(?!###? ).*\n)*)", PAGE, re.MULTILINE))
GROUPS = {name: group.commands for name, group in commands.commands.items() if isinstance(group, click.Group)}
OF_DOMAIN = GROUPS["domain"]
COMMANDS = {**commands.commands} | {f"{group} {name}": each for group in GROUPS for name, each in GROUPS[group].items()}
EVENTS = [
    an_event(0, rcpt_meta={"rcpt": "r-42", "message_id": "m-1"}),
    an_event(
        7, type="open", target_link_url=None, target_link_name=None, visitor="image-proxy", rcpt_meta={"rcpt": "r-7"}
    ),
    an_event(40_000, visitor="scanner", target_link_name=None, target_link_url="https://acme.com/sale"),
    an_event(90_000, type="link_unsubscribe", target_link_name="Unsubscribe", rcpt_meta={"rcpt": "r-42"}),
]
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
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def said_in(section: str) -> set[str]:
    """The options in the tables of a section."""
    return set(re.findall(r"`(--?[a-z-]+)`", "".join(re.findall(r"^\|.*\n", section, re.MULTILINE))))


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - GROUPS.keys()))
def test_every_command_and_option_is_documented(name: str) -> None:
    """Each command has a section, with all its options and none that it does not have."""
    section = (SECTIONS | SUBSECTIONS)[f"linkwrap {name}"]
    assert f"    linkwrap {name}" in section
    assert said_in(section) | {"--help"} == options_of(COMMANDS[name])


@pytest.mark.parametrize("group", GROUPS)
def test_options_of_all_commands_of_a_group_are_documented(group: str) -> None:
    """A group's section has the options that all its commands share."""
    section = SECTIONS[f"linkwrap {group}"].partition("### ")[0]
    assert f"    linkwrap {group}" in section
    assert said_in(section) == set.intersection(*map(options_of, GROUPS[group].values()))


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
    mail = wrapper.compile('<a href="https://acme.com/sale" data-msys-linkname="Sale">x</a>')
    url = wrapper.urls(mail, {"rcpt": "r-42"})[0]
    times = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|/f/a/2.*")
    assert times.sub("", run("resolve", url).stdout) == times.sub("", shown)
    table = SECTIONS["linkwrap resolve"].partition("--json")[2].partition("|\n")[0]
    assert re.findall(r"`([a-z_]+)`", table) == list(json.loads(run("resolve", "--json", url).stdout))


def test_keys_of_json_are_documented(run: Callable[..., Result]) -> None:
    """Every key of inspect's JSON is in the table, and none that does not come."""
    found = json.loads(run("inspect", "--json", "--type", "eml", "-", input=MESSAGE).stdout)
    assert found.keys() == json.loads(run("inspect", "--json", "-", input=MAIL).stdout).keys()
    keys = {"links", "warnings", "parts", *(f"{part}.{key}" for part in ("summary", "size") for key in found[part])}
    keys |= {f"{part}[].{key}" for part in ("links", "warnings", "parts") for key in found[part][0]}
    said = set()
    for row in re.findall(r"^\| (`(?:links|warnings|parts|summary|size)[^|]*) \|", PAGE, re.MULTILINE):
        first, *more = re.findall(r"`([^`]+)`", row)
        said |= {first, *(first.rpartition(".")[0] + key for key in more)}
    assert said == keys


def rows_of(what: str) -> dict[str, str]:
    """The table of a request, a domain, a change, a result or evidence: what it says of each key."""
    table = SUBSECTIONS["JSON of linkwrap domain"].partition(f"| key of {what} |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*) \| (.*) \|$", table, re.MULTILINE)
    assert rows
    return {key: text for keys, text in rows for key in re.findall(r"`([^`]+)`", keys)}


def named_in(text: str) -> set[str]:
    """What a text names as code, options and commands aside."""
    return set(re.findall(r"`([\w-]+)`", text))


def test_keys_of_domains_are_documented(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """Every key of a request, a domain, a change and a result is in its table, and none that does not come."""
    host = "click.acme.com"
    checks.works(host)
    added = json.loads(run("domain", "add", host, "--account", "acme", "--ownership-trusted", "--json").stdout)
    change, _, result = map(json.loads, run("domain", "watch", "--once", "--json").stdout.splitlines())
    assert (list(change), list(result)) == (["change"], ["result"])
    change, result = change["change"], result["result"]
    shown = json.loads(run("domain", "show", host, "--json").stdout)
    assert rows_of("a request").keys() == added.keys() | shown.keys()
    assert added["domain"].keys() == {field.name for field in fields(Domain)} == shown["domain"].keys()
    assert rows_of("a domain").keys() == shown["domain"].keys()
    [listed] = json.loads(run("domain", "list", "--json").stdout)
    for name in (["default"], ["secure", "--off"], ["assign", "a.test"], ["unassign", "a.test"], ["remove", "--yes"]):
        changed = json.loads(run("domain", name[0], host, *name[1:], "--json").stdout)
        assert changed.keys() == listed.keys() == rows_of("a domain").keys()
    assert rows_of("a change").keys() == change.keys() == shown["history"][0].keys()
    assert rows_of("a result").keys() == result.keys()
    assert result["domain"].keys() == listed.keys() - {"evidence"}
    names = {field.name for field in fields(DnsRecord)} | {"zone_line"}
    assert named_in(rows_of("a request")["records"]) == shown["records"][0].keys() == names
    evidence = result["evidence"].keys() | {"advice"}
    assert shown["domain"]["evidence"].keys() == evidence == change["evidence"].keys()


def test_keys_of_evidence_are_documented(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """Every key of evidence is in the table, at any depth, and none that does not come."""
    checks.works("click.acme.com")
    run("domain", "add", "click.acme.com", "--account", "acme", "--ownership-trusted")
    found = json.loads(run("domain", "check", "click.acme.com", "--json").stdout)["evidence"]
    rows = rows_of("evidence")
    top = {re.split(r"[.\[]", key)[0] for key in rows if not key.startswith(".")}
    assert top == found.keys() == {field.name for field in fields(Evidence)}
    trace = {"cname.status", "cname.cname_target", ".at_apex", "cname.failure", ".detail", "cname.hops[]"}
    assert trace <= rows.keys()
    assert {key.rpartition(".")[2].removesuffix("[]") for key in trace} == found["cname"].keys()
    assert {field.name for field in fields(Trace)} == found["cname"].keys() - {"status", "at_apex"}
    assert named_in(rows["cname.hops[]"]) == found["cname"]["hops"][0].keys()
    assert named_in(rows["cname.hops[].answers[]"]) == found["cname"]["hops"][0]["answers"][0].keys()
    assert named_in(rows["dns_resolvers[]"]) == found["dns_resolvers"][0].keys()
    probe = {"http.scheme", ".status", ".address", ".detail"}
    assert probe <= rows.keys()
    assert {key.rpartition(".")[2] for key in probe} == found["http"].keys() == {field.name for field in fields(Probe)}


def test_values_of_json_are_documented() -> None:
    """What a key may hold is what its row says, all of it and nothing else."""
    domain, change, evidence = rows_of("a domain"), rows_of("a change"), rows_of("evidence")
    assert named_in(domain["state"]) == set(STATES)
    assert named_in(domain["method"]) == set(METHODS)
    assert named_in(change["kind"]) == set(get_args(ChangeKind))
    assert named_in(evidence["cname.status"]) == set(get_args(TraceStatus))
    assert named_in(evidence["cname.hops[].answers[].kind"]) == set(get_args(AnswerKind))
    assert named_in(evidence["http.status"]) == set(get_args(ProbeStatus))
    assert named_in(evidence["cname.failure"]) == set(get_args(TraceFailure))


def test_changes_hold_what_the_page_says(run: Callable[..., Result], registry: str, checks: Any) -> None:
    """The states and the value of each kind of change are what its rows say."""
    host = "click.acme.com"
    checks.works(host)
    run("domain", "add", host, "--account", "acme", "--ownership-trusted")
    for arguments in (["check"], ["check", "--method", "http"], ["default"], ["secure", "--off"]):
        assert run("domain", *arguments, host).exit_code == 0
    for name in ("assign", "unassign"):
        run("domain", name, host, "mail.acme.com")
    shown = json.loads(run("domain", "show", host, "--json").stdout)
    run("domain", "remove", host, "--yes")
    after = str(shown["history"][-1]["id"])
    last = json.loads(run("domain", "watch", "--once", "--json", "--after", after).stdout.splitlines()[-1])["change"]
    came = {
        change["kind"]: (change["previous_state"], change["state"], change["value"])
        for change in [*shown["history"], last]
    }
    assert came == {
        "added": (None, "pending", None),
        "state": ("pending", "verified", None),
        "method": ("verified", "verified", "http"),
        "default": ("verified", "verified", True),
        "secure": ("verified", "verified", False),
        "assigned": ("verified", "verified", "mail.acme.com"),
        "unassigned": ("verified", "verified", "mail.acme.com"),
        "removed": ("verified", None, None),
    }
    assert came.keys() == set(get_args(ChangeKind))


def test_who_makes_a_registry_and_who_needs_keys_is_documented() -> None:
    """The commands that take a CNAME target create a registry, and those that take keys need them, as the page says."""
    takes = {
        option: [name for name in OF_DOMAIN if option in options_of(OF_DOMAIN[name])]
        for option in ("--cname-target", "--key-file")
    }
    assert takes == {"--cname-target": ["add", "watch"], "--key-file": ["check", "watch"]}
    assert "\n`add` and `watch` create the registry if there is none" in SECTIONS["linkwrap domain"]
    assert re.search(r"need the keys .* `domain check` and `domain watch`", SECTIONS["Keys"])


def test_times_are_documented() -> None:
    """The hours that a domain is looked at are those of the page, wherever it says them."""
    hours = int(WATCHED_FOR.total_seconds() / 3600)
    for name in ("check", "watch"):
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


def commands_in(section: str) -> list[list[str]]:
    """The calls of linkwrap in the shell blocks of a section, as their arguments; a pattern is expanded."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"\blinkwrap ((?:[^\n|<>()#'\"]|'[^']*'|\"[^\"]*\")*)", blocks)
    calls = [shlex.split(line) for line in lines]
    return [[name for word in call for name in sorted(glob.glob(word)) or [word]] for call in calls]


def test_commands_of_the_page_can_be_called() -> None:
    """Each call of linkwrap on the page is of a command that there is, with options that it has."""
    calls = commands_in(PAGE)
    assert len(calls) >= 15
    for words in calls:
        name = " ".join(words[:2]) if words[0] == "domain" else words[0]
        COMMANDS[name].make_context(name, words[name.count(" ") + 1 :], resilient_parsing=True)


@pytest.fixture
def page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: Any, run: Callable[..., Result]
) -> Callable[[str], list[Result]]:
    """Run the commands of a section in a folder with mail; nothing is set but the keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LINKWRAP_DOMAIN")
    checks.target = "go.example.com"
    Path("mails").mkdir()
    for name in ("mail.html", "mails/a.html"):
        Path(name).write_text(MAIL)
    for name in ("mails/b.eml", "mails/c.eml"):
        Path(name).write_text(MESSAGE)

    def run_all(section: str) -> list[Result]:
        results = []
        for words in commands_in(section):
            results.append(run(*words, *(["--once"] if "watch" in words else [])))
            assert (words, results[-1].exit_code) == (words, 0)
        return results

    return run_all


def shown_in(section: str, number: int = 0) -> str:
    """One of the outputs that a section shows."""
    return re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[number]


CHANGING = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|linkwrap=[\w-]{32}")


def test_commands_of_the_page_work(
    page: Callable[[str], list[Result]], checks: Any, run: Callable[..., Result]
) -> None:
    """The page's way from a request to wrapped mail can be gone as it is written, with the output that it shows."""
    first = SECTIONS["linkwrap domain"].partition("### ")[0]
    checks.works("click.acme.com")
    added, checked, watched, made_default, wrapped = page(first)
    note = "Note: the registry is linkwrap.db in this folder"
    assert all(result.stderr.startswith(note) for result in (added, checked, watched, made_default))
    assert CHANGING.sub("", added.stdout) == CHANGING.sub("", shown_in(SUBSECTIONS["linkwrap domain add"]))
    assert "https://click.acme.com/f/a/" in wrapped.stdout
    [result] = page(SUBSECTIONS["Tracking domains from the registry"])
    assert "https://click.acme.com/f/a/" in Path("wrapped/b.eml").read_text()
    warning = shown_in(SUBSECTIONS["Tracking domains from the registry"])
    mistyped = run("wrap", "mail.html", "--registry", "sqlite:///linkwrap.db", "--account", "acmee")
    assert mistyped.stderr == warning
    [result] = page(SUBSECTIONS["Many files"])
    assert result.stderr == "3 files: 3 wrapped, 0 left, 0 failed\n"
    [result] = page(SUBSECTIONS["A local try"])
    assert result.stderr == ""
    assert "http://localhost:8080/f/a/" in Path("wrapped.html").read_text()


def test_what_check_and_watch_show_is_what_comes(
    page: Callable[[str], list[Result]], checks: Any, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page shows of them is what they print in the registry of the page, times aside."""
    monkeypatch.setenv("LINKWRAP_REGISTRY", "sqlite:///linkwrap.db")
    host = "click.acme.com"
    [adding] = [words for words in commands_in(SECTIONS["linkwrap domain"]) if "add" in words]
    assert run(*adding, "--ownership-trusted").exit_code == 0
    checks.leads(host, "go.example.com", None)
    section = SUBSECTIONS["linkwrap domain check"]
    assert CHANGING.sub("", run("domain", "check", host).stdout) == CHANGING.sub("", shown_in(section))
    run("domain", "remove", host, "--yes")
    assert run(*adding, "--ownership-trusted").exit_code == 0
    checks.works(host)
    watched = run("domain", "watch", "--once").stdout
    assert CHANGING.sub("", watched) == CHANGING.sub("", shown_in(SUBSECTIONS["linkwrap domain watch"]))
    run("domain", "remove", host, "--yes")
    assert run(*adding, "--ownership-trusted", "--method", "http").exit_code == 0
    checks.found[host] = Evidence(
        ownership_verified=True,
        http=Probe("http", "no-answer", "cannot be connected to", "192.0.2.99"),
        https=Probe("https", "no-answer", "no answer in time", "192.0.2.99"),
        cname_target_probe=Probe("http", "confirmed", "the redirect server answers", "192.0.2.80"),
    )
    assert shown_in(section, 1) in run("domain", "check", host).stdout


def test_events_are_what_comes(page: Callable[[str], list[Result]], run: Callable[..., Result]) -> None:
    """What the page shows of events is what their commands print, and its calls work."""
    with Store("linkwrap-events.db", create=True) as store:
        store.add(EVENTS)
    for name in ("list", "tail", "stats"):
        assert run("events", name).stdout == shown_in(SUBSECTIONS[f"linkwrap events {name}"])
    log = b"starting\n" + run("events", "export").stdout_bytes + json.dumps(an_event(5).as_dict()).encode()
    imported = run("events", "import", "-", input=log)
    assert imported.stdout == shown_in(SUBSECTIONS["linkwrap events import"])
    section = SECTIONS["linkwrap events"].partition("### ")[0]
    calls = section.replace("tail --follow ", "tail ")
    assert calls != section
    results = page(calls)
    assert results[-1].stdout.startswith("2 events deleted.")
    rows = re.findall(r"^\| (`[^|]*) \| with `(\w+)`: ", SUBSECTIONS["JSON of linkwrap events"], re.MULTILINE)
    said: dict[str, set[str]] = {}
    for keys, name in rows:
        said.setdefault(name, set()).update(named_in(keys))
    calls_of = {"stats": [], "import": ["-"], "delete": ["--before", "1d", "--yes"], "backup": ["second.db"]}
    assert said == {
        name: json.loads(run("events", name, *words, "--json", input="").stdout).keys()
        for name, words in calls_of.items()
    }
    assert named_in(
        SUBSECTIONS["linkwrap events list"].partition("Only those of a type: ")[2].partition("\n")[0]
    ) == set(get_args(EventType))


def test_version(run: Callable[..., Result]) -> None:
    """--version names the program and its version."""
    result = run("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"linkwrap \S.*\n", result.stdout)
