"""Events: their forms as JSON, for SparkPost's receivers and for django-anymail's, and what is never in them."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from helpers.events import an_event
from linkwrap.errors import OptionError
from linkwrap.events import FIELDS, MAX_TIMESTAMP, Event

CLICK = an_event(1)


def test_fields_are_in_their_order() -> None:
    """Receivers read events by these names; the last key is a property."""
    assert [*CLICK.as_dict()] == [*FIELDS, "machine"]
    assert " ".join(FIELDS) == (
        "schema event_id type timestamp account_id tracking_domain target_link_url target_link_name target_link_part "
        "target_link_index rcpt_meta sent_at expired anonymous visitor visitor_reasons ip_address user_agent "
        "repeated"
    )


def test_an_event_comes_back_from_json() -> None:
    """What was written as JSON is read as the same event."""
    assert Event.from_dict(json.loads(json.dumps(CLICK.as_dict()))) == CLICK


def test_fields_with_a_default_may_be_missing() -> None:
    """A line of an older release has not the fields of a newer one."""
    needed = {"event_id", "type", "timestamp", "account_id", "tracking_domain", "sent_at"}
    event = Event.from_dict({name: value for name, value in CLICK.as_dict().items() if name in needed})
    assert (event.visitor, event.rcpt_meta, event.user_agent) == ("unknown", {}, None)


@pytest.mark.parametrize(
    ("visitor", "machine"),
    [
        ("person", False),
        ("image-proxy", False),
        ("unknown", False),
        ("privacy-proxy", True),
        ("scanner", True),
        ("prefetch", True),
        ("preview", True),
    ],
)
def test_machine(visitor: str, machine: bool) -> None:
    """An image proxy loads for a person; the others of the last four do not."""
    event = Event.from_dict(CLICK.as_dict() | {"visitor": visitor})
    assert event.machine is machine
    assert event.as_dict()["machine"] is machine


WRONG: list[tuple[str, Any, str]] = [
    ("event_id", "", "event_id must have"),
    ("event_id", 5, "event_id must be str, not int"),
    ("event_id", "e" * 65, "at most 64 bytes"),
    ("type", "bounce", "type must be one of click, open"),
    ("type", ["click"], "type must be one of"),
    ("timestamp", True, "timestamp must be int, not bool"),
    ("timestamp", -1, "timestamp must be 0 to"),
    ("timestamp", MAX_TIMESTAMP + 1, "timestamp must be 0 to"),
    ("sent_at", 1.5, "sent_at must be int, not float"),
    ("account_id", None, "account_id must be str, not None"),
    ("target_link_url", "u" * 20_000, "target_link_url must have"),
    ("target_link_part", "pdf", "target_link_part must be one of"),
    ("target_link_index", -1, "target_link_index must be 0 to"),
    ("target_link_index", "0", "target_link_index must be int, not str"),
    ("rcpt_meta", [], "rcpt_meta must be a dict, not list"),
    ("rcpt_meta", {"a": "x" * 4000}, "rcpt_meta must have at most 3000 bytes"),
    ("rcpt_meta", {"a": float("nan")}, "without NaN"),
    ("rcpt_meta", {"a": {1, 2}}, "must be a dict of what JSON has"),
    ("rcpt_meta", {5: "a"}, "each key of rcpt_meta must be str"),
    ("expired", 1, "expired must be bool, not int"),
    ("visitor", "human", "visitor must be one of"),
    ("visitor_reasons", "agent", "visitor_reasons must be a list of strings"),
    ("visitor_reasons", ["x"] * 100, "visitor_reasons must be at most"),
    ("user_agent", "x" * 5000, "user_agent must have"),
    ("schema", 2, "another version of linkwrap"),
    ("repeated", 0, "repeated must be 1 to"),
    ("repeated", 2**40, "repeated must be 1 to"),
    ("repeated", True, "repeated must be int, not bool"),
    ("surprise", "x", "1 unknown field"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_what_is_no_event_is_refused(name: str, value: Any, message: str) -> None:
    """A wrong type or value is one sentence that names the field, without its value."""
    with pytest.raises((OptionError, TypeError), match=message) as raised:
        Event.from_dict(CLICK.as_dict() | {name: value})
    assert "r-1" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_all_faults_are_in_one_message() -> None:
    """Missing and wrong fields are told together."""
    with pytest.raises(OptionError, match=r"has no event_id, no sent_at; type must be"):
        Event.from_dict({"type": "x", "timestamp": 1, "account_id": "", "tracking_domain": "a.test"})


@pytest.mark.parametrize("depth", [400, 700, 5000])
def test_deep_metadata_ends_in_an_event_or_an_error(depth: int) -> None:
    """As deep as a token can be, it is read; deeper, it is refused and nothing else happens."""
    nested: Any = "\x00"
    for _ in range(depth):
        nested = [nested]
    try:
        event = Event.from_dict(CLICK.as_dict() | {"rcpt_meta": {"a": nested}})
    except OptionError:
        assert depth > 400
    else:
        assert "\\u0000" not in json.dumps(event.as_dict())


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\ud800"])
def test_no_string_has_controls_or_surrogates(character: str) -> None:
    """Each string of an event can be stored, sent and printed on one line; emoji and other scripts stay."""
    text = f"a{character}b\u200d\U0001f600ü"
    event = Event(
        event_id=text,
        type="click",
        timestamp=1,
        account_id=text,
        tracking_domain=text,
        target_link_url=text,
        target_link_name=text,
        rcpt_meta={text: [text, {"x": text}], "n": 1},
        sent_at=1,
        visitor_reasons=(text,),
        ip_address=text,
        user_agent=text,
    )
    written = json.dumps(event.as_dict(), ensure_ascii=False)
    written.encode()
    assert character not in written
    assert written.count("a\ufffdb\u200d\U0001f600ü") == 11
    assert json.dumps(character)[1:-1] not in json.dumps(event.as_dict())


@pytest.mark.parametrize(
    ("kind", "part", "expected", "envelope"),
    [
        ("click", "html", "click", "track_event"),
        ("click", "amp", "amp_click", "track_event"),
        ("open", "amp", "amp_open", "track_event"),
        ("initial_open", "amp", "amp_initial_open", "track_event"),
        ("initial_open", None, "initial_open", "track_event"),
        ("link_unsubscribe", "amp", "link_unsubscribe", "unsubscribe_event"),
        ("list_unsubscribe", None, "list_unsubscribe", "unsubscribe_event"),
    ],
)
def test_sparkpost(kind: str, part: str | None, expected: str, envelope: str) -> None:
    """Receivers of SparkPost's webhooks find the type where they look for it."""
    event = Event.from_dict(CLICK.as_dict() | {"type": kind, "target_link_part": part}).as_sparkpost()
    assert [*event["msys"]] == [envelope]
    inner = event["msys"][envelope]
    assert inner["type"] == expected
    assert inner["timestamp"] == str(CLICK.timestamp)
    assert inner["rcpt_meta"] == CLICK.rcpt_meta
    assert inner["injection_time"] == "2025-10-09T05:20:00.000Z"
    assert (inner["customer_id"], inner["campaign_id"]) == ("acme", "c-7")
    assert None not in inner.values()


def test_djangos_view_of_sparkpost_reads_it() -> None:
    """The view that django-anymail has for SparkPost's webhooks takes what `as_sparkpost` returns."""
    code = """
import json, sys
from django.conf import settings
settings.configure(ANYMAIL={})
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView as View
raw = json.load(sys.stdin)
view = View.__new__(View)
view.esp_name = "SparkPost"
(name, event, whole) = View.unwrap_event(view, raw)
seen = View.esp_to_anymail_event(view, name, event, whole)
print(seen.event_type, seen.click_url, seen.metadata["rcpt"], seen.tags[0], seen.event_id, seen.timestamp.timestamp())
"""
    text = json.dumps(CLICK.as_sparkpost())
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    expected = f"clicked {CLICK.target_link_url} r-1 c-7 {CLICK.event_id} {float(CLICK.timestamp)}"
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("click", "clicked"),
        ("open", "opened"),
        ("initial_open", "unknown"),
        ("link_unsubscribe", "clicked"),
        ("list_unsubscribe", "unsubscribed"),
    ],
)
def test_anymail(kind: str, expected: str) -> None:
    """Receivers of django-anymail's signal get what they know; a GET unsubscribes nobody."""
    event = Event.from_dict(CLICK.as_dict() | {"type": kind})
    seen = event.as_anymail()
    assert seen.event_type == expected
    assert (seen.click_url, seen.metadata, seen.tags) == (event.target_link_url, event.rcpt_meta, ["c-7"])
    assert seen.timestamp == datetime.fromtimestamp(event.timestamp, UTC)
    assert (seen.event_id, seen.user_agent) == (event.event_id, event.user_agent)
    assert seen.esp_event == event.as_dict()
    assert seen.recipient is None


def test_anymail_that_is_not_installed() -> None:
    """The last line names the extra."""
    code = (
        "import sys; sys.modules['anymail'] = None\n"
        "from linkwrap.events import Event\n"
        "Event(event_id='e', type='open', timestamp=1, account_id='', tracking_domain='a.test', sent_at=1).as_anymail()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install '.[anymail]'" in done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") == 1
