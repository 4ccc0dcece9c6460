"""The system checks: what `manage.py check` tells of a setting that would fail in production."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from helpers.frames import chain, leaks
from linkwrap import LinkPolicy, LinkWrapper, SigningKeys, TrackingDomain
from linkwrap.django import conf

Configure = Callable[..., None]

KEY = "a key for the tests of Django"
KEYS = SigningKeys(KEY)


def raised(call: Callable[[], object]) -> str:
    """The message of the error that a call raises."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    return str(caught.value)


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
        (
            {"TRACK_OPENS": "yes"},
            "E003",
            "TRACK_OPENS must be True or False, not str",
            "correct TRACK_OPENS in LINKWRAP",
        ),
        ({"KEYS": KEY}, "E003", "KEYS must be a list of keys, not str", "correct KEYS"),
        ({"KEYS": []}, "E003", "KEYS must be a list of keys, the current one first, and is empty", "correct KEYS"),
        ({"KEYS": ["short"]}, "E003", "the current key is shorter than 16 bytes", "correct KEYS"),
        ({"KEYS": [KEY, 5]}, "E003", "retired key 1 must be str or bytes, not int", "correct KEYS"),
        ({"ACCOUNT_ID": 5}, "E003", raised(lambda: LinkWrapper(KEYS, account_id=5)), "correct ACCOUNT_ID, "),
        ({"TRACKING_DOMAIN": "https://a.test/"}, "E003", "host must be a host name", "TRACKING_DOMAIN"),
        ({"TRACKING_DOMAIN": TrackingDomain("a.b.test")}, "E003", "is not verified", "TRACKING_DOMAIN"),
        ({"POLICY": "strict"}, "E003", raised(lambda: LinkWrapper(KEYS, policy="strict")), "POLICY"),
        ({"IP": "all"}, "E003", "IP must be 'full', 'cut' or 'none'", "correct IP in LINKWRAP"),
        ({"IP": []}, "E003", "IP must be 'full', 'cut' or 'none'", "correct IP in LINKWRAP"),
        ({"ANONYMOUS": 1}, "E003", "ANONYMOUS must be True or False, not int", "correct ANONYMOUS"),
        ({"CAMPAIGN_METADATA": "list"}, "E003", "campaign_metadata must be a sequence of strings", "CAMPAIGN_METADATA"),
        ({"MAX_AGE": 365}, "E003", "max_age must be timedelta, not int", "MAX_AGE"),
        ({"MAX_AGE": timedelta(0)}, "E003", "max_age must be positive", "MAX_AGE"),
        ({"REFUSE": "no.such.function"}, "E003", "REFUSE cannot be imported: No module named 'no'", "REFUSE"),
        ({"REFUSE": 5}, "E003", "refuse must be a callable or None, not int", "REFUSE"),
        ({"INNER_BACKEND": "no.such.Backend"}, "E004", "LINKWRAP['INNER_BACKEND'] cannot be imported", "dotted path"),
        ({"INNER_BACKEND": 5}, "E004", "LINKWRAP['INNER_BACKEND'] must be a dotted path, not int", "dotted path"),
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
        with pytest.raises(ImproperlyConfigured, match="LINKWRAP must be a dict"):
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


SECRET = "a secret that no frame may hold"


@pytest.mark.parametrize(
    "entries",
    [
        {"KEYS": SECRET},
        {"KEYS": [SECRET, "short"]},
        {"KEYS": (SECRET, 5)},
        {"KEYS": {SECRET}},
        {"KEYS": [SECRET], "SPLITS": True},
        {"keys": [SECRET]},
        {"KEYS": [SECRET], "TRACKING_DOMAIN": 5},
        {"KEYS": [SECRET], "REFUSE": "no.such.function"},
        {"KEYS": [SECRET], "REFUSE": "refuse_that_raises.refuse"},
        {"KEYS": [SECRET], "REFUSE": "refuse_that_exits.refuse"},
        {"KEYS": [SECRET], "INNER_BACKEND": "refuse_that_raises.Backend"},
    ],
)
def test_no_frame_holds_a_key(
    entries: dict[str, Any], configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's error page and reporters of errors show the variables of frames: no key is in them, or in a message."""
    (tmp_path / "refuse_that_raises.py").write_text("raise RuntimeError('the block list is down')")
    (tmp_path / "refuse_that_exits.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    configure(**entries)
    use = conf.inner_backend if "INNER_BACKEND" in entries else conf.load
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        use()
    assert leaks(raised.value, SECRET) == []
    assert SECRET not in "".join(map(str, chain(raised.value)))
    if "INNER_BACKEND" not in entries and entries.get("REFUSE") != "refuse_that_exits.refuse":
        assert isinstance(raised.value, ImproperlyConfigured)
        assert SECRET not in str(found())


def test_refuse_whose_module_raises_is_a_fault(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check lists it with the other faults, and says where it was raised, not what: that may quote a key."""
    module = tmp_path / "block_list.py"
    module.write_text("\nraise ConnectionError('postgresql://user:password@host')")
    monkeypatch.syspath_prepend(tmp_path)
    configure(REFUSE="block_list.refuse", SPLITS=True)
    assert [fault[0] for fault in found()] == ["linkwrap.E002", "linkwrap.E003"]
    assert found()[1][1] == f"REFUSE cannot be imported: block_list.refuse raised ConnectionError at {module}:2"


def test_keys_of_the_environment_are_in_no_frame(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of one entry shows no other entry."""
    configure(KEYS=None)
    monkeypatch.setenv("LINKWRAP_KEYS", f"{SECRET},short")
    with pytest.raises(ImproperlyConfigured, match="key 2 in LINKWRAP_KEYS is shorter") as raised:
        conf.load()
    assert leaks(raised.value, SECRET) == []
