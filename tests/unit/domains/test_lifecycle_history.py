"""The history of a domain: the changes between two values of it."""

from dataclasses import replace
from typing import Any

import pytest

from helpers.domain_values import HOUR, NOW, TARGET, domain, evidence, probe
from linkwrap.domains import Change
from linkwrap.domains.lifecycle import finish, history, with_method, with_secure


def told(changes: list[Change]) -> list[tuple[Any, ...]]:
    """Kind, states before and after, and value of each change."""
    return [(change.kind, change.previous_state, change.state, change.value) for change in changes]


def test_added_and_removed() -> None:
    """A domain that is removed is first unassigned, and no default any more."""
    used = domain("verified", default=True, sending_domains=("acme.com", "shop.acme.com"))
    assert told(history(None, domain(), NOW)) == [("added", None, "pending", None)]
    assert told(history(used, None, NOW)) == [
        ("unassigned", "verified", "verified", "acme.com"),
        ("unassigned", "verified", "verified", "shop.acme.com"),
        ("default", "verified", "verified", False),
        ("removed", "verified", None, None),
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"state": "suspended"}, [("state", "verified", "suspended", None)]),
        ({"method": "http"}, [("method", "verified", "verified", "http")]),
        ({"default": True}, [("default", "verified", "verified", True)]),
        ({"secure": True}, [("secure", "verified", "verified", True)]),
        ({"sending_domains": ("a.test", "b.test")}, [("assigned", "verified", "verified", "b.test")]),
        ({"sending_domains": ()}, [("unassigned", "verified", "verified", "a.test")]),
        ({"since": NOW, "certificate_valid": True, "evidence": {"advice": []}}, []),
        (
            {"state": "lapsed", "secure": True},
            [("state", "verified", "lapsed", None), ("secure", "lapsed", "lapsed", True)],
        ),
    ],
)
def test_changes_of_a_domain(fields: dict[str, Any], expected: list[Any]) -> None:
    """Only what a domain owner or an operator has to know is in the history, booleans as booleans."""
    before = domain("verified", sending_domains=("a.test",))
    changes = history(before, replace(before, **fields), NOW)
    assert told(changes) == expected
    for change in changes:
        assert (change.host, change.account_id, change.at, change.evidence) == (before.host, "acme", NOW, None)


def test_changes_by_a_check_hold_its_evidence() -> None:
    """The evidence is that of the domain after the check, with the advice."""
    after, advice, changes = finish(domain(), evidence(https=probe("https")), NOW, cname_target=TARGET)
    assert told(changes) == [("state", "pending", "verified", None), ("secure", "verified", "verified", True)]
    assert after.evidence is not None
    assert [change.evidence for change in changes] == [after.evidence] * 2
    assert after.evidence["advice"] == list(advice) == []
    again, _, none = finish(after, evidence(https=probe("https")), NOW + HOUR, cname_target=TARGET)
    assert (again.state, none) == ("verified", [])


def test_changed_settings_clear_the_advice() -> None:
    """What was advised may be done now; a check follows at once, or says so."""
    before = domain("verified", evidence={"advice": ["set it secure"], "error": ""})
    for after in (with_secure(before, True, NOW + HOUR), with_method(before, "http")):
        assert after.evidence == {"advice": [], "error": ""}
    assert with_secure(before, True, NOW + HOUR).next_check == NOW + HOUR
    assert with_secure(before, False, NOW + HOUR) is before
    assert with_method(before, "cname") is before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (history(None, domain(), NOW)[0], "added pending"),
        (history(domain(), None, NOW)[0], "removed pending"),
        (history(domain(), domain("invalid"), NOW)[0], "state pending → invalid"),
        (history(domain(), domain(default=True), NOW)[0], "default true"),
        (history(domain(), domain(secure=True), NOW)[0], "secure true"),
        (history(domain(secure=True), domain(), NOW)[0], "secure false"),
        (history(domain(), domain(method="http"), NOW)[0], "method http"),
        (history(domain(), domain(sending_domains=("a.test",)), NOW)[0], "assigned a.test"),
    ],
)
def test_a_change_in_words(change: Change, words: str) -> None:
    """One line with its time, account and host."""
    assert str(change) == f"2026-11-26 12:00:00 UTC acme click.acme.com: {words}"
