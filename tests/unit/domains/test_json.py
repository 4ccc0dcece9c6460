"""Every value of `linkwrap.domains` is ready for JSON, in the words of the glossary."""

import itertools
import json
import re
from dataclasses import fields
from typing import Any, get_args

import pytest
from click.testing import CliRunner

import linkwrap
from helpers.domain_values import (
    CHALLENGE,
    HOST,
    NOW,
    TARGET,
    alias,
    answer,
    dns_resolvers,
    domain,
    evidence,
    hop,
    probe,
    trace,
    value,
)
from linkwrap import domains
from linkwrap.cli.app import commands
from linkwrap.domains import Caa, CheckResult, DomainRegistry, DomainRequest, Network, model, results, traces
from linkwrap.domains.lifecycle import finish, history
from linkwrap.domains.model import request_for
from linkwrap.domains.storage.tables import METADATA

FULL = evidence(
    trace(hop(HOST, alias(TARGET), answer("no-answer"))),
    ownership=trace(hop(f"_linkwrap.{HOST}", value(CHALLENGE), zone="acme.com"), cname_target=""),
    cname_target_probe=probe("http"),
    cname_target_addresses=("198.41.0.80",),
    caa=Caa("acme.com", True, ("digicert.com",)),
    authorities=("letsencrypt.org",),
)
AFTER, ADVICE, CHANGES = finish(domain(sending_domains=("acme.com",)), FULL, NOW, cname_target=TARGET)
VALUES: dict[str, Any] = {
    "Domain": AFTER,
    "Change": CHANGES[0],
    "CheckResult": CheckResult(AFTER, "pending", FULL, ADVICE),
    "Evidence": FULL,
    "Trace": FULL.cname,
    "Hop": hop(HOST, alias(TARGET)),
    "ServerAnswer": alias(TARGET),
    "DnsResolverAnswer": dns_resolvers(True)[0],
    "Caa": Caa("acme.com", True, ("digicert.com",)),
    "Probe": probe("https"),
    "DomainRequest": request_for(domain(), TARGET),
    "DnsRecord": request_for(domain(), TARGET).records[0],
}


def test_all_values_are_here() -> None:
    """Each public class is a value; the registry, the network and an error aside."""
    assert set(VALUES) == {*domains.__all__} - {"DomainRegistry", "Network", "NoRegistry"}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_ready_for_json(name: str) -> None:
    """What JSON keeps is what `as_dict` returns: strings, numbers, booleans, None, lists and dicts."""
    given = VALUES[name]
    found = given.as_dict()
    assert json.loads(json.dumps(found)) == found
    assert set(found) >= {field.name for field in fields(given)}


def test_times() -> None:
    """They are in UTC, to the second."""
    assert AFTER.as_dict()["checked_at"] == "2026-11-26T12:00:00Z"
    assert AFTER.as_dict()["silent_since"] is None
    assert CHANGES[0].as_dict()["at"] == "2026-11-26T12:00:00Z"
    late = history(None, domain(), NOW.replace(microsecond=999_999))[0]
    assert late.as_dict()["at"] == "2026-11-26T12:00:00Z"


def test_a_result() -> None:
    """Evidence and advice stand beside the domain."""
    found = VALUES["CheckResult"].as_dict()
    assert set(found) == {"domain", "previous_state", "evidence", "advice", "state", "verified"}
    assert (found["previous_state"], found["state"], found["verified"]) == ("pending", "verified", True)
    assert "evidence" not in found["domain"]
    assert found["evidence"]["cname"]["status"] == "complete"
    assert found["evidence"]["cname"]["hops"][0]["answers"][0]["kind"] == "alias"
    assert found["domain"]["sending_domains"] == ["acme.com"]


def test_a_request() -> None:
    """Each record comes with its line of a zone file."""
    request = DomainRequest(domain(), request_for(domain(), TARGET).records)
    assert request.as_dict()["records"][0] == {
        "name": HOST,
        "type": "CNAME",
        "value": TARGET,
        "ttl": 300,
        "zone_line": f"{HOST}. 300 IN CNAME {TARGET}.",
    }


RETIRED = re.compile(
    r"(^|_)(redirector|(?<!dns_)resolver|target(?<!cname_target)|vouched|owner|proven|proof|prove|known|verify|examine|findings|verdict"
    r"|reading|outcome|root|link|unlink|linked|unlinked|what|before|old|new|control|fault|said|silent)($|_)"
)
ALLOWED = {"silent_since", "link_name", "before"}  # the name of a link; the time of `events delete --before`


def words() -> set[str]:
    """Names of public classes, their attributes, arguments and choices, JSON keys and columns."""
    found = {*domains.__all__, *linkwrap.__all__}
    for module in (domains, linkwrap):
        for public in (getattr(module, name) for name in module.__all__):
            found |= {name for name in getattr(public, "__dict__", ()) if not name.startswith("_")}
    for function in (*vars(DomainRegistry).values(), DomainRegistry.__init__, Network.__init__):
        if code := getattr(function, "__code__", None):
            found |= set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    def keys(found_in: Any) -> None:
        if isinstance(found_in, dict):
            found.update(found_in)
            keys(list(found_in.values()))
        elif isinstance(found_in, list):
            for each in found_in:
                keys(each)

    for each in VALUES.values():
        keys(each.as_dict())
    for table in METADATA.sorted_tables:
        found |= {table.name, *(column.name for column in table.columns)}
    for choices in (
        model.State,
        model.Method,
        model.ChangeKind,
        traces.AnswerKind,
        traces.TraceStatus,
        results.ProbeStatus,
    ):
        found |= {choice.replace("-", "_") for choice in get_args(choices)}
    return found


def command_words(command: Any) -> set[str]:
    """The names of a command's options and arguments, and of those of its subcommands."""
    found = {command.name, *(parameter.name for parameter in command.params)}
    found |= {option.strip("-").replace("-", "_") for parameter in command.params for option in parameter.opts}
    return found.union(*(command_words(each) for each in getattr(command, "commands", {}).values()))


def keys_of(value: Any) -> set[str]:
    """All keys in JSON."""
    if isinstance(value, dict):
        return {*value, *itertools.chain.from_iterable(map(keys_of, value.values()))}
    return set(itertools.chain.from_iterable(map(keys_of, value))) if isinstance(value, list) else set()


def test_no_word_of_the_command_line_is_retired(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options, arguments and the keys of what inspect and resolve print."""
    monkeypatch.setenv("LINKWRAP_KEYS", "a key for the tests of words")
    page = '<a href="https://acme.com/">x</a><a href="mailto:a@acme.com">y</a>'
    run = CliRunner().invoke
    shown = run(commands, ["inspect", "-", "--json", "--domain", HOST], input=page)
    wrapped = run(commands, ["wrap", "--domain", HOST], input=page)
    url = re.findall(r'href="(https://click[^"]+)"', wrapped.stdout)[0]
    resolved = run(commands, ["resolve", url, "--json"])
    found = keys_of(json.loads(shown.stdout)) | keys_of(json.loads(resolved.stdout)) | command_words(commands)
    assert {"destination", "dns_resolvers", "cname_target"} <= found
    assert {word for word in found if word and word not in ALLOWED and RETIRED.search(word)} == set()


def test_no_word_is_retired() -> None:
    """The glossary has one word for each thing."""
    assert {word for word in words() - ALLOWED if RETIRED.search(word)} == set()
