"""`linkwrap domain`: what its commands print, as text and as JSON, and what they change."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import Result

from linkwrap.cli.domain import STATES
from linkwrap.domains import DnsResolverAnswer, Evidence, Hop, Probe, ServerAnswer, Trace
from linkwrap.domains.model import State

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]
Verified = Callable[..., None]

HOST = "click.acme.test"
KEY = "a key for the tests of the command line"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
JSON_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
pytestmark = pytest.mark.usefixtures("registry")


def output(run: Run, *arguments: object, status: int = 0, **options: object) -> str:
    """What a command prints on standard output, with nothing on standard error."""
    result = run("domain", *arguments, **options)
    assert (result.exit_code, result.stderr) == (status, "")
    assert "S3CRET" not in result.stdout
    assert KEY not in result.stdout
    return result.stdout


def data(run: Run, *arguments: object, status: int = 0) -> Any:
    """What a command prints as JSON."""
    return json.loads(output(run, *arguments, "--json", status=status))


def assert_fails(result: Result, status: int, *words: str) -> None:
    """One line that says these words and nothing of the registry's URL, that status, and nothing on standard output."""
    assert (result.exit_code, result.stdout) == (status, "")
    assert re.fullmatch(r"Error: .*\n", result.stderr)
    assert "S3CRET" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_add(run: Run) -> None:
    """Add prints the lines for the zone file, ready to paste, and says elsewhere what comes next."""
    result = run("domain", "add", "Click.Acme.Test.", "--account", "acme")
    assert result.exit_code == 0
    cname, txt = result.stdout.splitlines()
    assert cname == "click.acme.test. 300 IN CNAME spgo.io."
    assert re.fullmatch(r'_linkwrap\.click\.acme\.test\. 300 IN TXT "linkwrap=[\w-]{32}"', txt)
    assert result.stderr.startswith("click.acme.test is pending until these records exist: linkwrap domain check")
    assert result.stderr.count("\n") == 1


def test_add_as_json(run: Run) -> None:
    """Its JSON has the domain and the records, as values and as lines."""
    found = data(run, "add", HOST, "--account", "acme", "--subaccount", "news", "--cname-target", "click.linkwrap.test")
    domain = found["domain"]
    assert (domain["host"], domain["account_id"], domain["subaccount"]) == (HOST, "acme", "news")
    assert (domain["state"], domain["method"], domain["checked_at"]) == ("pending", "cname", None)
    assert re.fullmatch(JSON_TIME, domain["added_at"])
    assert found["records"][0] == {
        "name": HOST,
        "type": "CNAME",
        "value": "click.linkwrap.test",
        "ttl": 300,
        "zone_line": f"{HOST}. 300 IN CNAME click.linkwrap.test.",
    }


def test_add_without_records(run: Run) -> None:
    """A host with trusted ownership that is checked by http needs no record."""
    result = run("domain", "add", HOST, "--account", "acme", "--method", "http", "--ownership-trusted")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "is pending and needs no record" in result.stderr


def test_list(run: Run, verified: Verified) -> None:
    """List has a line for each domain, with its state since when, and what it is used for."""
    verified("acme", HOST)
    run("domain", "default", HOST)
    run("domain", "assign", HOST, "mail.acme.test")
    run("domain", "add", "go.beta.test", "--account", "beta", "--subaccount", "news")
    title, *rows = output(run, "list").splitlines()
    assert title.split() == ["host", "account", "state", "since", "use"]
    assert re.fullmatch(rf"click\.acme\.test +acme +verified +{TIME} +default, https, from mail\.acme\.test", rows[0])
    assert re.fullmatch(rf"go\.beta\.test +beta +pending +{TIME} +subaccount news", rows[1])
    assert [found["host"] for found in data(run, "list")] == [HOST, "go.beta.test"]
    assert [found["host"] for found in data(run, "list", "--account", "beta")] == ["go.beta.test"]
    assert [found["sending_domains"] for found in data(run, "list", "--state", "verified")] == [["mail.acme.test"]]


def test_list_of_nothing(run: Run) -> None:
    """Where there is nothing to list, that is said beside the output."""
    run("domain", "add", HOST, "--account", "acme")
    result = run("domain", "list", "--state", "lapsed")
    assert (result.exit_code, result.output) == (0, "there is no such domain in the registry\n")
    assert data(run, "list", "--account", "nobody") == []
    run("domain", "remove", HOST, "--yes")
    assert run("domain", "list").stderr == "there is no domain in the registry\n"


def test_all_states_are_known() -> None:
    """The states to choose from are those that there are."""
    assert get_args(State) == STATES


def test_show(run: Run, checks: Any) -> None:
    """Show has all facts, the records, the history, and what the last check advises."""
    run("domain", "add", HOST, "--account", "acme")
    checks.leads(HOST, "spgo.io", None)
    run("domain", "check", HOST)
    facts, records, history = output(run, "show", HOST).split("\n\n")
    known = dict(re.findall(r"^(\w[\w ]*?)  +(\S.*)$", facts, re.MULTILINE))
    assert (known["host"], known["account id"], known["state"]) == (HOST, "acme", "propagating")
    assert (known["ownership verified"], known["secure"], known["default"]) == ("no", "no", "no")
    assert re.fullmatch(TIME, known["checked at"])
    assert "To do: ns2.dns.test (192.0.2.2): the name does not exist: wait until it has the new record" in facts
    assert records.startswith("Records:\n  click.acme.test. 300 IN CNAME spgo.io.\n  _linkwrap.")
    added, changed = history.splitlines()[1:]
    assert re.fullmatch(rf"  {TIME} acme click\.acme\.test: added pending", added)
    assert re.fullmatch(rf"  {TIME} acme click\.acme\.test: state pending → propagating", changed)


def test_show_as_json(run: Run, checks: Any) -> None:
    """Its JSON has what the last check found too."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    assert data(run, "show", HOST)["domain"]["evidence"] is None
    checks.leads(HOST, "track.other.test")
    run("domain", "check", HOST)
    found = data(run, "show", HOST)
    evidence = found["domain"]["evidence"]
    assert evidence["advice"] == ["the record points to track.other.test, it must point to spgo.io"]
    assert evidence["cname"]["status"] == "wrong"
    assert [record["type"] for record in found["records"]] == ["CNAME"]
    assert [(change["kind"], change["previous_state"], change["state"]) for change in found["history"]] == [
        ("added", None, "pending"),
        ("state", "pending", "invalid"),
    ]
    assert re.fullmatch(JSON_TIME, found["history"][1]["at"])


def test_show_keeps_the_history_of_others_out(run: Run) -> None:
    """The history is that of one account's claim, if several have the host."""
    run("domain", "add", HOST, "--account", "acme")
    run("domain", "add", HOST, "--account", "beta")
    assert {change["account_id"] for change in data(run, "show", HOST, "--account", "beta")["history"]} == {"beta"}
    assert_fails(run("domain", "show", HOST), 2, "2 accounts claim click.acme.test")


def test_check(run: Run, checks: Any) -> None:
    """A verified domain has exit status 0, and each answer (of a name server, a resolver, a probe) is a line."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.works(HOST, secure=False)
    state, title, *lines, advice, following = output(run, "check", HOST).splitlines()
    assert state == "click.acme.test (acme): verified, previously pending"
    assert title.split() == ["asked", "for", "server", "result", "answer"]
    assert [re.split("  +", line) for line in lines] == [
        ["CNAME click.acme.test", "ns1.dns.test (192.0.2.1)", "ok", "CNAME spgo.io (TTL 60)"],
        ["CNAME click.acme.test", "ns2.dns.test (192.0.2.2)", "ok", "CNAME spgo.io (TTL 60)"],
        ["CNAME click.acme.test", "ns9.dns.test (192.0.2.9)", "warning", "no answer within 2 s"],
        ["CNAME click.acme.test", "DNS resolver 192.0.2.53", "ok", "leads to spgo.io"],
        ["http click.acme.test", "redirect server (192.0.2.80)", "ok", "the redirect server answers"],
        [
            "https click.acme.test",
            "redirect server (192.0.2.80)",
            "warning",
            "no certificate that is valid for the host: it expired",
        ],
    ]
    assert advice.startswith("To do: links are http: for https the redirect server needs a certificate")
    assert re.fullmatch(f"Next check by watch: {TIME}", following)


def test_check_what_is_not_yet_there(run: Run, checks: Any) -> None:
    """A domain that is not verified has exit status 1, and the server that lags behind is named."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.leads(HOST, "spgo.io", None)
    lines = output(run, "check", HOST, status=1).splitlines()
    assert lines[0] == "click.acme.test (acme): propagating, previously pending"
    assert [re.split("  +", line)[2] for line in lines[2:5]] == ["ok", "no", "warning"]
    assert output(run, "check", HOST, status=1).splitlines()[0] == "click.acme.test (acme): propagating"


def test_check_while_the_redirect_server_is_away(run: Run, checks: Any) -> None:
    """Where not even the target answers, a line tells so, and a resolver that is silent is a warning."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.works(HOST)
    silent = Probe("http", "no-answer", "cannot be connected to", "192.0.2.80")
    resolvers = (DnsResolverAnswer("192.0.2.54", False, False, "no answer within 2 s"),)
    checks.found[HOST] = replace(
        checks.found[HOST], http=silent, https=None, cname_target_probe=silent, dns_resolvers=resolvers
    )
    lines = [re.split("  +", line) for line in output(run, "check", HOST, status=1).splitlines()]
    assert ["CNAME click.acme.test", "DNS resolver 192.0.2.54", "warning", "no answer within 2 s"] in lines
    control = [
        "http CNAME target",
        "redirect server (192.0.2.80)",
        "no",
        "cannot be connected to",
    ]
    assert control in lines


@pytest.mark.parametrize(
    ("status", "mark", "control", "control_mark"),
    [
        ("no-answer", "no", "confirmed", "ok"),
        ("no-answer", "no", "not-asked", "warning"),
        ("no-address", "no", "confirmed", "ok"),
        ("unexpected", "no", "unexpected", "no"),
        ("blocked", "no", "no-answer", "no"),
        ("invalid-certificate", "warning", "confirmed", "ok"),
        ("not-asked", "warning", "not-asked", "warning"),
    ],
)
def test_check_by_http_that_fails(
    run: Run, checks: Any, status: Any, mark: str, control: Any, control_mark: str
) -> None:
    """What could not be asked is a warning, the rest is held against it; the target has its name by http too."""
    run(
        "domain",
        "add",
        HOST,
        "--account",
        "acme",
        "--ownership-trusted",
        "--method",
        "http",
        "--cname-target",
        "links.mailer.test",
    )
    checks.found[HOST] = Evidence(
        ownership_verified=True,
        http=Probe("http", status, "D"),
        https=Probe("https", status, "D"),
        cname_target_probe=Probe("http", control, "C"),
    )
    lines = [re.split("  +", line) for line in output(run, "check", HOST, status=1).splitlines()]
    assert lines[2:5] == [
        [f"http {HOST}", "redirect server", mark, "D"],
        [f"https {HOST}", "redirect server", mark, "D"],
        ["http CNAME target", "redirect server", control_mark, "C"],
    ]
    assert {
        probe: data(run, "check", HOST, status=1)["evidence"][probe]["status"]
        for probe in ("http", "cname_target_probe")
    } == {
        "http": status,
        "cname_target_probe": control,
    }


def test_check_of_ownership(run: Run, checks: Any) -> None:
    """Of the TXT record, each name server that has the challenge is good, and one without authority is a warning."""
    run("domain", "add", HOST, "--account", "acme")
    challenge = data(run, "show", HOST)["domain"]["challenge"]
    name = f"_linkwrap.{HOST}"
    answers = (
        ServerAnswer("ns1.dns.test", "", "records", (f'"{challenge}"',), 60, "TXT record"),
        ServerAnswer("ns2.dns.test", "", "records", ("another",), 60, "other records"),
        ServerAnswer("ns3.dns.test", "", "no-records", (), 60, "the name does not exist"),
        ServerAnswer("ns4.dns.test", "", "lame", (), 60, "it does not serve the zone"),
    )
    checks.leads(HOST, "spgo.io")
    ownership = Trace((Hop(name, "acme.test", answers, 0),), "")
    checks.found[HOST] = replace(checks.found[HOST], ownership=ownership, ownership_verified=False)
    lines = [re.split("  +", line) for line in output(run, "check", HOST, status=1).splitlines()]
    assert [line[1:3] for line in lines if line[0] == f"TXT {name}"] == [
        ["ns1.dns.test", "ok"],
        ["ns2.dns.test", "no"],
        ["ns3.dns.test", "no"],
        ["ns4.dns.test", "warning"],
    ]
    checks.found[HOST] = replace(checks.found[HOST], ownership_verified=True)
    lines = [re.split("  +", line) for line in output(run, "check", HOST, status=1).splitlines()]
    assert [line[2] for line in lines if line[0] == f"TXT {name}"] == ["ok", "ok", "ok", "warning"]


def test_check_of_https_links(run: Run, verified: Verified, checks: Any) -> None:
    """A certificate that is missing is held against links that are https, also in the check that ends their use."""
    verified("acme", HOST)
    checks.works(HOST, secure=False)
    lines = [re.split("  +", line) for line in output(run, "check", HOST, status=1).splitlines()]
    assert lines[0] == ["click.acme.test (acme): suspended, previously verified"]
    assert [line[2] for line in lines if line[0].startswith("http")] == ["ok", "no"]


def test_check_of_what_was_not_asked(run: Run, checks: Any) -> None:
    """A name server that the check had no time for is a warning, and what it means is told."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.works(HOST)
    [hop] = checks.found[HOST].cname.hops
    unasked = ServerAnswer("ns8.dns.test", "192.0.2.8", "not-asked", (), 0, "not asked: no time is left")
    way = replace(checks.found[HOST].cname, hops=(replace(hop, answers=(*hop.answers, unasked)),))
    checks.found[HOST] = replace(checks.found[HOST], cname=way)
    lines = output(run, "check", HOST, status=1).splitlines()
    assert ["CNAME click.acme.test", "ns8.dns.test (192.0.2.8)", "warning", "not asked: no time is left"] in [
        re.split("  +", line) for line in lines
    ]
    assert any(line.startswith("To do: some name servers were not asked") for line in lines)


def test_check_of_a_check_that_failed(run: Run, checks: Any) -> None:
    """A check that has a fault of its own says so, without a table, and changes nothing."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    fault = "the check failed here (RuntimeError): see the log"
    checks.found[HOST] = Evidence(error=fault)
    state, told, _ = output(run, "check", HOST, status=1).splitlines()
    assert (state, told) == ("click.acme.test (acme): pending", f"To do: {fault}")
    assert data(run, "check", HOST, status=1)["evidence"]["error"] == fault


def test_check_of_a_misplaced_record(run: Run, checks: Any) -> None:
    """Where the record is instead is told, and part of the JSON."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.leads(HOST, None)
    checks.found[HOST] = replace(checks.found[HOST], misplaced_at=f"{HOST}.acme.test")
    assert f"{HOST}.acme.test: the zone was appended" in output(run, "check", HOST, status=1)
    assert data(run, "check", HOST, status=1)["evidence"]["misplaced_at"] == f"{HOST}.acme.test"


def test_show_after_its_advice_was_followed(run: Run, verified: Verified, checks: Any) -> None:
    """Show has no advice of a check that was overtaken by what somebody did since."""
    verified("acme", HOST)
    run("domain", "secure", HOST, "--off")
    run("domain", "check", HOST)
    assert "To do: a valid certificate is there" in output(run, "show", HOST)
    run("domain", "secure", HOST)
    assert "To do" not in output(run, "show", HOST)
    assert data(run, "show", HOST)["domain"]["evidence"]["advice"] == []


def test_target_is_kept(run: Run, verified: Verified, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target is that of the first call, whoever asks later, and another one is refused."""
    monkeypatch.setenv("LINKWRAP_CNAME_TARGET", "links.mailer.test")
    assert "CNAME links.mailer.test." in run("domain", "add", HOST, "--account", "acme").stdout
    monkeypatch.delenv("LINKWRAP_CNAME_TARGET")
    assert "CNAME links.mailer.test." in run("domain", "add", "go.acme.test", "--account", "acme").stdout
    assert "CNAME links.mailer.test." in output(run, "show", HOST)
    for arguments in (["add", "x.acme.test", "--account", "acme"], ["watch", "--once"]):
        result = run("domain", *arguments, "--cname-target", "spgo.io")
        assert_fails(result, 2, "the CNAME target of this registry is links.mailer.test, not spgo.io: leave it out")
    assert len(data(run, "list")) == 2


@pytest.mark.parametrize("arguments", [["list"], ["show", HOST], ["check", HOST], ["assign", HOST, "mail.acme.test"]])
def test_target_of_other_commands(run: Run, checks: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """Commands that use a registry take no target, and none that the environment has for others troubles them."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.works(HOST)
    for target in ("https://x.test", "other.mailer.test"):
        monkeypatch.setenv("LINKWRAP_CNAME_TARGET", target)
        assert output(run, *arguments)
    assert_fails(run("domain", *arguments, "--cname-target", "spgo.io"), 2, "--cname-target")


def test_check_as_json(run: Run, checks: Any) -> None:
    """Its JSON has the state, the advice and all that was found, with the same exit status."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.leads(HOST, None)
    found = data(run, "check", HOST, status=1)
    assert (found["verified"], found["state"], found["previous_state"]) == (False, "pending", "pending")
    assert found["advice"] == ["create a CNAME record for click.acme.test with the value spgo.io"]
    checks.works(HOST)
    found = data(run, "check", HOST)
    assert (found["verified"], found["state"], found["previous_state"]) == (True, "verified", "pending")
    assert found["evidence"]["https"]["status"] == "confirmed"
    assert re.fullmatch(JSON_TIME, found["domain"]["next_check"])


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize(("columns", "width"), [(30, 30), (60, 60), (80, 77), (200, 77)])
def test_check_at_a_terminal(run: Run, at_terminal: Callable[..., Any], columns: int, width: int) -> None:
    """At a terminal a spinner turns on standard error, and the table has colours, is as wide, and loses nothing."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    shown = at_terminal([*script_of(WITHOUT_NETWORK), "domain", "check", HOST], columns=columns)
    assert shown.status == 1
    assert "Checking click.acme.test" in shown.terminal
    assert "\x1b[31mno" in shown.terminal
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.terminal)
    lines = plain[plain.index("click.acme.test (acme): pending") :].splitlines()
    rule = next(number for number, line in enumerate(lines) if set(line) == {"-"})
    end = next(number for number, line in enumerate(lines) if line.startswith("To do"))
    assert max(map(len, lines[rule:end])) == len(lines[rule]) == width
    first = lines[1].index("serv")
    asked = "".join(line[:first].strip() for line in lines[rule + 1 : end])
    assert asked.replace(" ", "") == "CNAMEclick.acme.test" * 2


# Checks that ask no network, in a process of their own.
WITHOUT_NETWORK = """
from functools import partial
from linkwrap import domains
from linkwrap.domains import Evidence, Hop, ServerAnswer, Trace

async def check(domain):
    answers = [
        ServerAnswer(f"ns{number}.dns.test", "192.0.2.1", "no-records", (), 0, "the name does not exist")
        for number in (1, 2)
    ]
    trace = Trace((Hop(domain.host, "acme.test", tuple(answers), 0),), "spgo.io")
    return Evidence(cname=trace, ownership_verified=True)

domains.DomainRegistry = partial(domains.DomainRegistry, check=check)
from linkwrap.cli import main
main()
"""


def script_of(text: str) -> list[str]:
    """What starts the command with checks that take their time."""
    return [sys.executable, "-c", text]


def test_dns_cannot_command_the_terminal(run: Run, checks: Any) -> None:
    """Escape sequences in what name servers, or customers, say are shown as text, rich's markup too."""
    evil = "\x1b[2J[bold]\u202e"
    answers = (
        ServerAnswer(f"ns.{evil}", "192.0.2.1", "records", (evil,), 60, f"A {evil}"),
        ServerAnswer("ns2.test", "192.0.2.2", "alias", (evil,), 60, f"CNAME {evil}"),
    )
    checks.found[HOST] = Evidence(
        cname=Trace((Hop(HOST, "acme.test", answers, 0),), "spgo.io"),
        ownership_verified=True,
        http=Probe("http", "unexpected", f"a redirect {evil}"),
    )
    assert_fails(run("domain", "add", HOST, "--account", f"acme{evil}"), 2, "printable")
    run("domain", "add", HOST, "--account", "acme[bold]", "--ownership-trusted", "--subaccount", "[red]")
    for arguments in (["check", HOST], ["show", HOST], ["list"], ["default", HOST, "--off"], ["remove", HOST]):
        result = run("domain", *arguments, *(["--yes"] if arguments[0] == "remove" else []))
        assert not {"\x1b", "\u202e"} & set(result.output)
        assert (r"\x1b[2J[bold]\u202e" in result.stdout) == (arguments[0] in ("check", "show"))
        assert "acme[bold]" in result.stdout


def test_default(run: Run, verified: Verified) -> None:
    """A domain becomes the default of its account in place of another, and no default any more."""
    verified("acme", HOST)
    verified("acme", "go.acme.test")
    assert output(run, "default", HOST) == "click.acme.test is the default of account acme.\n"
    assert data(run, "default", "go.acme.test")["default"] is True
    assert [found["default"] for found in data(run, "list")] == [False, True]
    assert output(run, "default", "go.acme.test", "--off") == "go.acme.test is not the default of account acme.\n"
    assert [found["default"] for found in data(run, "list")] == [False, False]


def test_default_of_a_subaccount(run: Run, verified: Verified) -> None:
    """The default of a subaccount is told as such."""
    verified("acme", HOST, "--subaccount", "news")
    assert output(run, "default", HOST) == "click.acme.test is the default of subaccount news of account acme.\n"


def test_secure(run: Run, verified: Verified) -> None:
    """Links on a domain change between https and http."""
    verified("acme", HOST)
    assert output(run, "secure", HOST, "--off") == "click.acme.test has http links.\n"
    assert data(run, "show", HOST)["domain"]["secure"] is False
    assert data(run, "secure", HOST)["secure"] is True


def test_link_and_unlink(run: Run, verified: Verified) -> None:
    """A sending domain is linked and unlinked; before the host is verified, that it has to wait is said."""
    run("domain", "add", HOST, "--account", "acme")
    line = "click.acme.test serves mail from mail.acme.test, once it is verified: it is pending.\n"
    assert output(run, "assign", HOST, "mail.acme.test") == line
    assert data(run, "assign", HOST, "news.acme.test")["sending_domains"] == ["mail.acme.test", "news.acme.test"]
    assert "mail.acme.test no longer" in output(run, "unassign", HOST, "mail.acme.test")
    assert data(run, "unassign", HOST, "news.acme.test")["sending_domains"] == []
    verified("acme", "go.acme.test")
    assert output(run, "assign", "go.acme.test", "mail.acme.test") == "go.acme.test serves mail from mail.acme.test.\n"


def test_remove(run: Run) -> None:
    """A domain is removed only where that is confirmed."""
    run("domain", "add", HOST, "--account", "acme")
    assert_fails(run("domain", "remove", HOST), 2, "no terminal", "--yes")
    assert output(run, "remove", HOST, "--yes") == "click.acme.test of account acme is removed.\n"
    assert data(run, "list") == []
    run("domain", "add", HOST, "--account", "acme")
    assert data(run, "remove", HOST, "--yes")["host"] == HOST
    assert_fails(run("domain", "remove", HOST, "--yes"), 2, "there is no domain 'click.acme.test' in the registry")


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize(
    ("answer", "status", "left"), [(b"y\n", 0, 0), (b"n\n", 1, 1), (b"\n", 1, 1), (b"\x04", 130, 1)]
)
def test_remove_at_a_terminal(
    run: Run, command: list[str], at_terminal: Callable[..., Any], answer: bytes, status: int, left: int
) -> None:
    """At a terminal remove asks, and only a yes removes."""
    run("domain", "add", HOST, "--account", "acme")
    shown = at_terminal([*command, "domain", "remove", HOST], ["stdin"], typed=answer)
    assert shown.status == status
    assert shown.stderr.startswith("Remove click.acme.test of account acme, which is pending? [y/N]: ")
    assert "Traceback" not in shown.stderr
    assert len(data(run, "list")) == left


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "*.acme.test", "--account", "acme"], ["is a wildcard"]),
        (["add", "192.0.2.1", "--account", "acme"], ["is an IP address"]),
        (["add", "spgo.io", "--account", "acme"], ["is the CNAME target"]),
        (["add", "a\n\x1b[2J.test", "--account", "acme"], ["Error: "]),
        (["add", "taken.acme.test", "--account", "acme"], ["has taken.acme.test already"]),
        (["add", HOST, "--account", "x" * 101], ["1 to 100 printable bytes"]),
        (["add", HOST, "--account", "\udcff"], ["printable"]),
        (["add", HOST, "--account", "acme", "--subaccount", "\udcff"], ["printable"]),
        (["add", HOST, "--account", "acme", "--method", "ftp"], ["'--method'"]),
        (["add", HOST, "--account", "acme", "--cname-target", "https://x.test"], ["'--cname-target'", "not a URL"]),
        (["add", HOST, "--account", "acme", "--cname-target", "x.test:8080"], ["'--cname-target'", "without a port"]),
        (["add", "--account", "acme"], ["Missing argument 'HOST'"]),
        (["add", HOST], ["Missing option '--account'"]),
        (["show", "nothing.acme.test"], ["there is no domain 'nothing.acme.test'", "add it first"]),
        (["show", "taken.acme.test", "--account", "beta"], ["of account 'beta'"]),
        (["check", "\udcff"], ["Error: "]),
        (["check", "taken.acme.test", "--deadline", "0"], ["'--deadline'"]),
        (
            ["check", "taken.acme.test", "--dns-resolver", "dns.test"],
            ["a DNS resolver must be like 1.1.1.1", "not 'dns.test'"],
        ),
        (
            ["watch", "--once", "--dns-resolver", "dns.test"],
            ["a DNS resolver must be like 1.1.1.1", "not 'dns.test'"],
        ),
        (["watch", "--every", "0"], ["'--every'"]),
        (["default", "taken.acme.test"], ["is pending, and only a verified domain can be the default"]),
        (["secure", "taken.acme.test"], ["no valid certificate"]),
        (["assign", "taken.acme.test", "a b"], ["Error: "]),
        (["unassign", "taken.acme.test", "mail.acme.test"], ["is not assigned to"]),
        (["list", "--state", "broken"], ["'--state'"]),
        (["fly", "taken.acme.test"], ["No such command", "(see linkwrap domain --help)"]),
        (["list", "--registry", "S3CRET"], ["must be that of a database"]),
        (["list", "--registry", "mysql://u:S3CRET@db.test/x"], ["must be SQLite or PostgreSQL, not mysql"]),
        (["list", "--registry", "postgresql://u:S3CRET@db.test:S3CRET/x"], ["must be that of a database"]),
        (["list", "--registry", "sqlite://"], ["must be a file"]),
    ],
)
def test_call_that_cannot_work(run: Run, arguments: list[str], words: list[str]) -> None:
    """What is not there or not allowed is one line and exit status 2."""
    run("domain", "add", "taken.acme.test", "--account", "acme")
    assert_fails(run("domain", *arguments), 2, *words)


def test_registry_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    """A database that fails is exit status 1, and none is made where one is only read."""
    (tmp_path / "S3CRET.txt").write_text("no database\n" * 1000)
    assert_fails(run("domain", "list", "--registry", f"sqlite:///{tmp_path}/S3CRET.txt"), 1, "cannot be used")
    assert_fails(run("domain", "list", "--registry", f"sqlite:///{tmp_path}/S3CRETS.db"), 1, "no registry yet")
    assert not (tmp_path / "S3CRETS.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", HOST],
        ["check", HOST],
        ["default", HOST],
        ["secure", HOST],
        ["assign", HOST, "a.test"],
        ["unassign", HOST, "a.test"],
        ["remove", HOST, "--yes"],
    ],
)
def test_only_add_and_watch_make_a_registry(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """All other commands make neither a file nor tables in one."""
    assert_fails(
        run("domain", *arguments),
        1,
        "there is no registry yet: the file does not exist (linkwrap domain add makes one)",
    )
    (tmp_path / "S3CRET.db").touch()
    assert_fails(
        run("domain", *arguments),
        1,
        "there is no registry yet in this database: check its URL",
        "(linkwrap domain add makes one)",
    )
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("S3CRET.db", 0)]


def test_watch_makes_a_registry(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may be the first that uses a registry, and says then what its CNAME target is."""
    monkeypatch.delenv("LINKWRAP_CNAME_TARGET")
    assert output(run, "watch", "--once", "--cname-target", "links.mailer.test") == ""
    assert "CNAME links.mailer.test." in run("domain", "add", HOST, "--account", "acme").stdout


def test_without_keys(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only checks need keys."""
    monkeypatch.delenv("LINKWRAP_KEYS")
    assert run("domain", "add", HOST, "--account", "acme").exit_code == 0
    for arguments in (["assign", HOST, "a.test"], ["unassign", HOST, "a.test"], ["show", HOST], ["list"]):
        assert output(run, *arguments)
    for arguments in (["check", HOST], ["watch", "--once"]):
        assert_fails(run("domain", *arguments), 2, "LINKWRAP_KEYS", "--key-file")
    assert output(run, "remove", HOST, "--yes")


def test_without_registry(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --registry and LINKWRAP_REGISTRY it is linkwrap.db in the current folder, which is said each time."""
    note = "Note: the registry is linkwrap.db in this folder: --registry or LINKWRAP_REGISTRY names another\n"
    monkeypatch.delenv("LINKWRAP_REGISTRY")
    monkeypatch.chdir(tmp_path)
    missing = run("domain", "list")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr.startswith(f"{note}Error: there is no registry yet")
    assert list(tmp_path.iterdir()) == []
    added = run("domain", "add", HOST, "--account", "acme")
    assert added.exit_code == 0
    assert added.stderr.startswith(f"{note}click.acme.test is pending ")
    assert {path.name for path in tmp_path.iterdir()} == {"linkwrap.db"}
    for arguments in (["list"], ["show", HOST], ["assign", HOST, "a.test"], ["watch", "--once", "--after", "2"]):
        result = run("domain", *arguments)
        assert (result.exit_code, result.stderr) == (0, note)
    assert [domain["host"] for domain in json.loads(run("domain", "list", "--json").stdout)] == [HOST]
    assert run("domain", "list", "--registry", "sqlite:///linkwrap.db").stderr == ""


@pytest.mark.parametrize("arguments", [["add", HOST, "--account", "acme"], ["watch", "--once"]])
def test_cname_target_is_never_assumed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Without a CNAME target no registry is made, in a new file or in an empty database, and the way out is said."""
    monkeypatch.delenv("LINKWRAP_CNAME_TARGET")
    words = ["a new registry needs a CNAME target", "LINKWRAP_CNAME_TARGET", "--cname-target spgo.io for SparkPost's"]
    assert_fails(run("domain", *arguments), 2, *words)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "S3CRET.db").touch()
    assert_fails(run("domain", *arguments), 2, *words)
    assert (tmp_path / "S3CRET.db").stat().st_size == 0
    (tmp_path / "S3CRET.db").write_text("no database\n" * 1000)
    assert_fails(run("domain", *arguments), 1, "cannot be used")
    (tmp_path / "S3CRET.db").unlink()
    assert run("domain", *arguments, "--cname-target", "spgo.io").exit_code == 0
    added = run("domain", "add", "go.acme.test", "--account", "acme")
    assert added.stdout.startswith("go.acme.test. 300 IN CNAME spgo.io.")


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("\ngo.mailer.test\n", "go.mailer.test"),
        ("go.mailer.test\n", "go.mailer.test"),
        ("https://x\n", None),
        ("\x04", None),
    ],
)
def test_cname_target_at_a_terminal(
    command: list[str],
    at_terminal: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    typed: str,
    target: str | None,
) -> None:
    """At a terminal the first add asks for the CNAME target, and assumes none; the next does not ask."""
    monkeypatch.delenv("LINKWRAP_CNAME_TARGET")
    adding = [*command, "domain", "add", HOST, "--account", "acme"]
    shown = at_terminal(adding, ["stdin"], typed=typed.encode())
    assert shown.stderr.startswith(
        "The host that the CNAMEs of all domains in this new registry point to (spgo.io is SparkPost's): "
    )
    assert "Traceback" not in shown.stderr
    if target is None:
        assert (shown.status, shown.stdout) == (130 if typed == "\x04" else 2, "")
        assert run("domain", "list").exit_code == 1
        return
    assert shown.status == 0
    assert f"CNAME {target}." in shown.stdout
    again = at_terminal([*command, "domain", "add", "go.acme.test", "--account", "acme"], ["stdin"])
    assert again.status == 0
    assert f"CNAME {target}." in again.stdout


def test_key_file(run: Run, tmp_path: Path, checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks take keys from a file too."""
    run("domain", "add", HOST, "--account", "acme", "--ownership-trusted")
    checks.works(HOST)
    (tmp_path / "keys").write_text(KEY)
    (tmp_path / "keys").chmod(0o600)
    monkeypatch.delenv("LINKWRAP_KEYS")
    assert output(run, "check", HOST, "--key-file", tmp_path / "keys")
    assert output(run, "watch", "--once", "--key-file", tmp_path / "keys") == ""


def test_no_command(run: Run) -> None:
    """Without a command there is help, on standard error since the call did nothing."""
    result = run("domain")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: linkwrap domain ")


@pytest.mark.parametrize("missing", ["sqlalchemy", "dns", "httpx", "publicsuffixlist"])
@pytest.mark.parametrize(
    "arguments",
    [["domain", "list"], ["domain", "watch"], ["domain", "check", HOST], ["wrap", "--registry=x", "--account=a"]],
)
def test_extra_is_missing(missing: str, arguments: list[str]) -> None:
    """If the extra is not installed, one line says what to install."""
    text = f"import sys; sys.modules[{missing!r}] = None; from linkwrap.cli import main; main()"
    done = subprocess.run([*script_of(text), *arguments], input="", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    package = "dnspython" if missing == "dns" else missing
    install = "pip install '.[domains]' in a clone of linkwrap"
    assert done.stderr == f"Error: {package} is not installed: linkwrap.domains needs {install}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["domain", "--help"], ["domain", "check", "--help"], ["wrap"]])
def test_other_commands_do_without_the_extra(arguments: list[str]) -> None:
    """Help and wrap work without the extra, and do not spend the time to import it."""
    text = """
import sys
missing = ["sqlalchemy", "dns", "httpx", "publicsuffixlist"]
sys.modules.update(dict.fromkeys(missing))
from linkwrap.cli import main
try:
    main()
finally:
    assert not any(sys.modules[name] for name in missing) and "linkwrap.domains" not in sys.modules
"""
    done = subprocess.run([*script_of(text), *arguments], input=b"<p>", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_check_by_http(run: Run, verified: Verified) -> None:
    """--method says how a domain is verified, now and from then on, and the history has it."""
    verified("acme", HOST)
    output(run, "check", HOST, "--method", "http")
    assert data(run, "show", HOST)["domain"]["method"] == "http"
    assert ": method http" in output(run, "show", HOST)
