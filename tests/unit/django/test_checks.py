"""The system checks: what `manage.py check` tells of a setting that would fail in production."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from linkwrap import LinkPolicy, TrackingDomain
from linkwrap.django import conf

Configure = Callable[..., None]

KEY = "a key for the tests of Django"


def found() -> list[tuple[str, str, str]]:
    """The id, message and hint of each fault."""
    return [(str(fault.id), fault.msg, str(fault.hint)) for fault in run_checks(tags=["linkwrap"])]


def test_good_settings(configure: Configure) -> None:
    """What the documentation shows is no fault."""
    assert found() == []
    configure(
        KEYS=(KEY, b"a retired key of bytes"),
        TRACKING_DOMAIN=TrackingDomain("click.acme.test", verified=True),
        INNER_BACKEND="django.core.mail.backends.console.EmailBackend",
        TRACK_CLICKS=False,
        TRACK_OPENS=False,
        INITIAL_OPEN=True,
        TEXT=True,
        SPLIT=True,
        RAISE_ERRORS=True,
        POLICY=LinkPolicy(skip_hosts=["login.acme.test"]),
        MAX_AGE=timedelta(days=30),
        REFUSE="builtins.all",
    )
    assert found() == []


@pytest.mark.parametrize(
    ("entries", "id", "message", "hint"),
    [
        ({"TRACK_CLICK": True}, "E002", "LINKWRAP has no setting 'TRACK_CLICK'", "did you mean 'TRACK_CLICKS'?"),
        ({"tracking_domain": "a.b.test"}, "E002", "no setting 'tracking_domain'", "did you mean 'TRACKING_DOMAIN'?"),
        ({"COLOUR": 1}, "E002", "LINKWRAP has no setting 'COLOUR'", "there are KEYS, ACCOUNT_ID, "),
        ({"TRACK_OPENS": "yes"}, "E003", "TRACK_OPENS takes True or False", "mend TRACK_OPENS in LINKWRAP"),
        ({"KEYS": KEY}, "E003", "KEYS takes a list of keys", "mend KEYS"),
        ({"KEYS": []}, "E003", "KEYS takes a list of keys", "mend KEYS"),
        ({"KEYS": ["short"]}, "E003", "the current key is shorter than 16 bytes", "mend KEYS"),
        ({"KEYS": [KEY, 5]}, "E003", "retired key 1 is neither str nor bytes", "mend KEYS"),
        ({"ACCOUNT_ID": 5}, "E003", "account_id takes a string", "mend ACCOUNT_ID, "),
        ({"TRACKING_DOMAIN": "https://a.test/"}, "E003", "host must be a host name", "TRACKING_DOMAIN"),
        ({"TRACKING_DOMAIN": TrackingDomain("a.b.test")}, "E003", "is not verified", "TRACKING_DOMAIN"),
        ({"POLICY": "strict"}, "E003", "policy takes a LinkPolicy", "POLICY"),
        ({"MAX_AGE": 365}, "E003", "max_age must be a positive timedelta", "MAX_AGE"),
        ({"REFUSE": "no.such.function"}, "E003", "No module named 'no'", "REFUSE"),
        ({"REFUSE": 5}, "E003", "refuse must be a callable", "REFUSE"),
        ({"INNER_BACKEND": "no.such.Backend"}, "E004", "LINKWRAP['INNER_BACKEND'] cannot be imported", "dotted path"),
        ({"INNER_BACKEND": 5}, "E004", "LINKWRAP['INNER_BACKEND'] cannot be imported", "dotted path"),
        ({"INNER_BACKEND": "linkwrap.django.backend.EmailBackend"}, "E004", "linkwrap's own backend", "dotted path"),
        ({"TRACKING_DOMAIN": None}, "W001", "links lead to spgo.io", "set a host that you run"),
        (
            {"TRACKING_DOMAIN": "click.b.test"},
            "W002",
            "click.b.test is not in ALLOWED_HOSTS",
            "add it to ALLOWED_HOSTS",
        ),
    ],
)
def test_faults(entries: dict[str, Any], id: str, message: str, hint: str, configure: Configure) -> None:  # noqa: A002
    """Each fault is told with the way out."""
    configure(**entries)
    told = [fault for fault in found() if fault[0] == f"linkwrap.{id}"]
    assert len(told) == 1
    assert message in told[0][1]
    assert hint in told[0][2]


def test_every_fault_is_told_at_once(configure: Configure) -> None:
    """One fault hides no other; nothing is told of a key but which it is."""
    configure(KEYS=["secret"], TRACKING_DOMAIN="127.0.0.1", MAX_AGE=1, INNER_BACKEND="no.such", SPLITS=True)
    assert sorted(fault[0] for fault in found()) == [f"linkwrap.E00{number}" for number in (2, 3, 3, 3, 4)]
    assert "secret" not in str(found())
    with pytest.raises(ImproperlyConfigured) as error:
        conf.load()
    for text in ("SPLITS", "shorter than 16 bytes", "127.0.0.1", "max_age"):
        assert text in str(error.value)
    assert "secret" not in str(error.value)


def test_setting_that_is_no_dict() -> None:
    """The check says what it takes, and nothing else fails for it."""
    with override_settings(LINKWRAP=["a"]):
        assert [fault[0] for fault in found()] == ["linkwrap.E001"]
        with pytest.raises(ImproperlyConfigured, match="LINKWRAP is no dict"):
            conf.load()


def test_keys_of_the_environment(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without KEYS they are read from LINKWRAP_KEYS, and its faults are told as the setting's are."""
    configure(KEYS=None)
    monkeypatch.delenv("LINKWRAP_KEYS", raising=False)
    assert [fault[0] for fault in found()] == ["linkwrap.E003"]
    assert "LINKWRAP_KEYS is not set" in found()[0][1]
    monkeypatch.setenv("LINKWRAP_KEYS", KEY)
    assert found() == []


def test_allowed_hosts_matter_only_where_the_endpoint_is_served(configure: Configure) -> None:
    """A project that only sends mail needs not answer on the tracking domain."""
    configure(TRACKING_DOMAIN="click.b.test")
    with override_settings(ROOT_URLCONF="django.contrib.staticfiles.urls"):
        assert found() == []
    with override_settings(DEBUG=True, ALLOWED_HOSTS=[]):
        assert [fault[0] for fault in found()] == ["linkwrap.W002"]
        configure(TRACKING_DOMAIN="localhost:8000")
        assert found() == []


def test_changed_settings_count_at_once(configure: Configure) -> None:
    """Tests that override the setting get what they set."""
    assert conf.load() is conf.load()
    before = conf.load()
    configure(TEXT=True)
    assert conf.load().text
    assert conf.load() is not before
