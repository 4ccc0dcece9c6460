"""`linkwrap events`, as an operator uses it: what is in the store is found, exported, imported, erased and copied."""

import contextlib
import csv
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from helpers.events import an_event
from linkwrap.events import Event
from linkwrap.server.store import Store

Run = Callable[..., Result]
DAY = 86_400
MARKERS = [
    "line\nbreak",
    "carriage\r\nreturn",
    "\x1b[31mred\x1b]0;title\x07",
    "=HYPERLINK(0)",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\N{FULLWIDTH EQUALS SIGN}1",
    "\u202eright to left",
    "\u2066isolated",
    "\u2028line\u0085next",
    'a "quoted", value',
]
CLICK = an_event(0, rcpt_meta={"rcpt": "r-42", "message_id": "m-1"})
OPEN = an_event(
    60,
    type="open",
    target_link_url=None,
    target_link_name=None,
    target_link_index=None,
    visitor="image-proxy",
    rcpt_meta={"rcpt": "r-42", "message_id": "m-1"},
)
SCAN = an_event(DAY, visitor="scanner", target_link_name=None, rcpt_meta={"rcpt": "r-7", "n": 5, "who": "a b"})
OTHER = an_event(2 * DAY, account_id="birch", rcpt_meta={"rcpt": "r-42"})


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment says that the store is."""
    path = tmp_path / "events.db"
    monkeypatch.setenv("LINKWRAP_STORE", str(path))
    return path


def fill(path: Path, *events: Event) -> None:
    """Store events; without any, one of each kind that the tests look at."""
    with Store(path, create=True) as store:
        store.add(events or (CLICK, OPEN, SCAN, OTHER))


def printed(result: Result) -> str:
    """What a command printed that went well."""
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def seqs(result: Result) -> list[int]:
    """The numbers of the events that a command printed as JSON."""
    return [json.loads(line)["seq"] for line in result.stdout.splitlines()]


def test_list(run: Run, path: Path) -> None:
    """A line for each event, the newest last, with its link by name or else by destination."""
    fill(path)
    assert printed(run("events", "list")).splitlines() == [
        "seq  time                 type   account  visitor      metadata                  link",
        "1    2025-10-09 08:53:20  click  acme     person       rcpt=r-42 message_id=m-1  Shop",
        "2    2025-10-09 08:54:20  open   acme     image-proxy  rcpt=r-42 message_id=m-1",
        f'3    2025-10-10 08:53:20  click  acme     scanner      rcpt=r-7 n=5 who="a b"    {SCAN.target_link_url}',
        "4    2025-10-11 08:53:20  click  birch    person       rcpt=r-42                 Shop",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1, 2, 3, 4]),
        (["--limit", "2"], [3, 4]),
        (["--after", "1"], [2, 3, 4]),
        (["--after", "1", "--limit", "2"], [2, 3]),
        (["--since", "2025-10-10"], [3, 4]),
        (["--since", "2025-10-09T08:54:20", "--until", "2025-10-11"], [2, 3]),
        (["--since", "2025-10-09T10:54:20+02:00"], [2, 3, 4]),
        (["--since", "20000d"], [1, 2, 3, 4]),
        (["--until", "999999999d"], []),
        (["--since", "1h"], []),
        (["--account", "acme"], [1, 2, 3]),
        (["--account", ""], []),
        (["--type", "click"], [1, 3, 4]),
        (["--where", "rcpt=r-42"], [1, 2, 4]),
        (["--where", "rcpt=r-42", "--account", "birch"], [4]),
        (["--where", "n=5"], [3]),
        (["--where", "who=a b"], [3]),
        (["--where", "rcpt=r-42", "--limit", "1"], [4]),
        (["--where", "rcpt=r-42", "--type", "open", "--limit", "1"], [2]),
    ],
)
def test_which_events(run: Run, path: Path, options: list[str], expected: list[int]) -> None:
    """Options say which events are meant, all of them together; export and stats take the same."""
    fill(path)
    assert seqs(run("events", "list", "--json", *options)) == expected
    if "--limit" not in options:
        assert len(printed(run("events", "export", *options)).splitlines()) == len(expected)
    if not {"--limit", "--after"} & set(options):
        assert json.loads(printed(run("events", "stats", "--json", *options)))["events"] == len(expected)


def test_list_says_that_there_is_more(run: Run, path: Path) -> None:
    """On standard error, with the option that shows it; nothing of the kind if there is no more, or none at all."""
    fill(path)
    assert "older ones: --limit" in run("events", "list", "--limit", "3").stderr
    assert "later ones: --after 2 shows" in run("events", "list", "--limit", "2", "--after", "0").stderr
    assert run("events", "list", "--limit", "4").stderr == ""
    assert run("events", "list", "--account", "nobody").stderr == "there is no such event in the store\n"
    printed(run("events", "delete", "--before", "2030-01-01", "--yes"))
    assert run("events", "list").stderr == "there is no event in the store\n"


def test_json_is_the_event(run: Run, path: Path) -> None:
    """A value a line: the number, the fields of the event, and when its visitor was judged."""
    fill(path)
    first = json.loads(printed(run("events", "list", "--json")).splitlines()[0])
    assert first == {"seq": 1, **CLICK.as_dict(), "judged_at": None}


def test_tail(run: Run, path: Path) -> None:
    """The last events, a line each; ten if nothing else is said."""
    fill(path, *(an_event(number) for number in range(12)))
    lines = printed(run("events", "tail")).splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(3, 13)]
    assert lines[0].split()[1:7] == ["2025-10-09", "08:53:22", "UTC", "click", "acme", "person"]
    assert lines[0].endswith("rcpt=r-2 campaign_id=c-7  Shop")
    assert seqs(run("events", "tail", "--json", "--limit", "2", "--type", "click")) == [11, 12]
    assert printed(run("events", "tail", "--limit", "0")) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tail_follows(command: list[str], path: Path, number: signal.Signals) -> None:
    """Events come as they are stored, those that are not meant do not, and Ctrl-C or SIGTERM is a good end."""
    fill(path, CLICK)
    arguments = [*command, "events", "tail", "--follow", "--json", "--account", "acme"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["seq"] == 1
        fill(path, OTHER, SCAN)
        assert json.loads(process.stdout.readline())["seq"] == 3
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stdout.read() == process.stderr.read() == ""


def test_tail_of_a_store_that_is_replaced(command: list[str], path: Path) -> None:
    """Whoever follows a file that is gone would wait for ever: that is an error."""
    fill(path, CLICK)
    arguments = [*command, "events", "tail", "--follow"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        path.unlink()
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert stderr == f"Error: the store {path} was deleted or replaced: start again\n"


def test_stats(run: Run, path: Path) -> None:
    """By type and day, with messages and recipients, which are an account's own; and the size of the file."""
    fill(path)
    lines = printed(run("events", "stats")).splitlines()
    assert lines[:6] == [
        "events      4, of machines 1",
        "visitors    person 2, image-proxy 1, scanner 1",
        "messages    1",
        "recipients  3",
        "oldest      2025-10-09 08:53:20 UTC",
        "newest      2025-10-11 08:53:20 UTC",
    ]
    found = json.loads(printed(run("events", "stats", "--json")))
    size = sum(file.stat().st_size for file in path.parent.glob("events.db*") if not file.name.endswith("-shm"))
    assert found["bytes_on_disk"] == size
    assert lines[6] == f"size        {size:,} bytes, {found['bytes_used']:,} in use"
    assert lines[7:] == [
        "",
        "day         click  open",
        "2025-10-09  1      1",
        "2025-10-10  1      0",
        "2025-10-11  1      0",
        "all         3      1",
    ]
    assert (found["by_type"], found["by_day"]["2025-10-09"]) == ({"click": 3, "open": 1}, {"click": 1, "open": 1})
    assert "day" not in printed(run("events", "stats", "--account", "nobody"))


def test_an_export_is_imported(run: Run, path: Path, tmp_path: Path) -> None:
    """Into a store that is made for it, once; an export is for its owner alone."""
    fill(path)
    exported, other = tmp_path / "events.jsonl", tmp_path / "other.db"
    exported.touch(0o644)
    done = run("events", "export", "-o", exported)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"4 events written to {exported}\n")
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    first = run("events", "import", exported, "--store", other)
    assert (first.stdout, first.stderr) == (
        "4 stored, 0 known already, 0 skipped\n",
        f"Note: {other} is a new store\n",
    )
    again = run("events", "import", "-", "--store", other, "--json", input=exported.read_bytes())
    assert json.loads(printed(again)) == {
        "stored": 0,
        "duplicates": 4,
        "erased": 0,
        "erasures": 0,
        "unreadable": 0,
        "other": 0,
    }
    assert printed(run("events", "export", "--store", other)) == printed(run("events", "export", "--json"))


def test_import_of_a_log(run: Run, path: Path) -> None:
    """Lines of something else are skipped; an event that cannot be read is an error, and the others are stored."""
    line = json.dumps({"linkwrap": "not-stored", "event": CLICK.as_dict()})
    good = run("events", "import", "-", input=f"starting\nDec 01 host linkwrap[7]: {line}\n\n")
    assert (good.exit_code, good.stdout) == (0, "1 stored, 0 known already, 1 skipped\n")
    cut = run("events", "import", "-", input=f"{line[:-40]}\n{json.dumps(SCAN.as_dict())}\n")
    assert (cut.exit_code, cut.stdout) == (1, "1 stored, 0 known already, 1 skipped\n")
    assert cut.stderr.startswith("Error: 1 of the lines that were skipped should be events")
    assert "r-42" not in cut.stderr


def test_a_failed_export_leaves_what_was_there(run: Run, path: Path, tmp_path: Path) -> None:
    """Nobody finds half an export in place of the last one."""
    fill(path)
    exported = tmp_path / "events.jsonl"
    exported.write_text("before")
    with Store(path) as store:
        store._run("UPDATE events SET rcpt_meta = '[]' WHERE seq = 3")
    failed = run("events", "export", "-o", exported)
    assert failed.exit_code == 1
    assert failed.stderr.startswith("Error: row 3 of the store")
    assert exported.read_text() == "before"
    assert {file.name for file in tmp_path.iterdir()} == {"events.db", "events.jsonl"}


@pytest.mark.parametrize("marker", MARKERS)
def test_foreign_text(run: Run, path: Path, marker: str) -> None:
    """Whatever stands in a field: a table and a line of `tail` have only what can be seen, JSON and CSV a line each."""
    event = an_event(
        1,
        account_id=marker,
        target_link_url=marker,
        target_link_name=marker,
        tracking_domain=marker,
        rcpt_meta={marker: marker, "rcpt": [marker]},
        visitor_reasons=(marker,),
        ip_address=marker,
        user_agent=marker,
    )
    fill(path, event, an_event(2, target_link_name=None, target_link_url=marker))
    for name, lines in (("list", 3), ("tail", 2)):
        text = printed(run("events", name))
        assert len(text.split("\n")) == lines + 1
        assert all(line.isprintable() for line in text.split("\n"))
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    text = printed(run("events", "list", "--json"))
    assert (text.count("\n"), len(text.splitlines()), text.isascii()) == (2, 2, True)
    assert json.loads(text.splitlines()[0])["target_link_name"] == event.target_link_name
    text = run("events", "export", "--csv").stdout_bytes.decode()
    assert len(text.splitlines()) == 3
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert not any(cell.startswith(tuple("=+-@\t\r＝")) for cell in row.values())
    for name in ("account_id", "target_link_url", "target_link_name", "tracking_domain", "ip_address", "user_agent"):
        assert row[name].removeprefix("'") == getattr(event, name)


def test_csv(run: Run, path: Path) -> None:
    """A column for each field, with times that spreadsheets read, and metadata as JSON."""
    fill(path)
    rows = list(csv.DictReader(io.StringIO(printed(run("events", "export", "--csv", "--where", "rcpt=r-7")))))
    [row] = rows
    assert list(row) == list(SCAN.as_dict())
    assert (row["timestamp"], row["machine"], row["target_link_name"]) == ("2025-10-10 08:53:20", "true", "")
    assert json.loads(row["rcpt_meta"]) == SCAN.rcpt_meta


def test_tables_at_a_terminal(command: list[str], at_terminal: Callable[..., Any], path: Path) -> None:
    """They are folded to its width; CSV has nothing there that moves the cursor or turns text around."""
    marker = "\u202eexe.txt"
    fill(path, CLICK, an_event(5, target_link_name=marker, rcpt_meta={"rcpt": "r" * 90}, type="list_unsubscribe"))
    for columns in (30, 80, 200):
        shown = at_terminal([*command, "events", "list"], ["stdout"], columns=columns)
        assert shown.status == 0
        assert max(map(len, shown.terminal.replace("\x1b[32m", "").replace("\x1b[0m", "").splitlines())) <= columns
        assert marker not in shown.terminal
    exported = at_terminal([*command, "events", "export", "--csv"], ["stdout"]).terminal
    assert r"\u202eexe.txt" in exported


def test_delete(run: Run, path: Path) -> None:
    """By time, by metadata, and of one account only; what it does not reach is said."""
    fill(path)
    done = printed(run("events", "delete", "--where", "rcpt=r-42", "--account", "acme", "--yes"))
    assert done.startswith("2 events deleted. This does not reach exports, back-ups, lines of a fallback")
    assert seqs(run("events", "list", "--json")) == [3, 4]
    done = printed(run("events", "delete", "--before", "2025-10-11", "--where", "rcpt=r-42", "--yes", "--json"))
    assert json.loads(done) == {"deleted": 0, "sinks": 0}
    done = printed(run("events", "delete", "--before", "2025-10-11", "--yes", "--json"))
    assert json.loads(done) == {"deleted": 1, "sinks": 0}
    assert seqs(run("events", "list", "--json")) == [4]


def test_what_was_erased_does_not_come_back(run: Run, path: Path, tmp_path: Path) -> None:
    """Neither with an older export nor with a back-up, to which the requests to erase are brought; both say so."""
    exported, backup, requests = tmp_path / "events.jsonl", tmp_path / "backup.db", tmp_path / "erasures.jsonl"
    fill(path)
    run("events", "export", "-o", exported)
    run("events", "backup", backup)
    assert "of messages sent until now" in printed(run("events", "delete", "--where", "rcpt=r-42", "--yes"))
    done = run("events", "export", "--erasures", "-o", requests)
    assert (done.stdout, done.stderr) == ("", f"1 request to erase written to {requests}\n")
    assert stat.S_IMODE(requests.stat().st_mode) == 0o600
    assert b"r-42" not in requests.read_bytes()
    assert printed(run("events", "import", exported)).splitlines() == [
        "0 stored, 1 known already, 0 skipped",
        "3 events not stored: it was asked to erase them",
    ]
    assert printed(run("events", "import", requests, "--store", backup)).splitlines() == [
        "0 stored, 0 known already, 0 skipped",
        "1 request to erase was carried out",
    ]
    for store in (path, backup):
        assert seqs(run("events", "list", "--json", "--store", store)) == [3]
    done = run("events", "export", "--erasures", "--account", "acme")
    assert (done.exit_code, "with --output and --store only" in done.stderr) == (2, True)


@pytest.mark.parametrize("sinks", [1, 2])
def test_delete_says_that_sinks_have_copies(run: Run, path: Path, sinks: int) -> None:
    """Where events of the store are forwarded."""
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS sinks (name TEXT)")
        connection.executemany("INSERT INTO sinks (name) VALUES (?)", [(str(number),) for number in range(sinks)])
    done = printed(run("events", "delete", "--where", "rcpt=r-42", "--yes"))
    assert f"{sinks} sink{' holds' if sinks == 1 else 's hold'} copies" in done


def test_an_event_that_stands_for_several(run: Run, path: Path) -> None:
    """Its number is shown, and counted as so many events."""
    fill(path, CLICK, an_event(1, repeated=940))
    assert "click ×940" in printed(run("events", "list"))
    assert "click ×940" in printed(run("events", "tail"))
    assert "events      941, of machines 0" in printed(run("events", "stats"))
    assert printed(run("events", "delete", "--where", "rcpt=r-1", "--yes")).startswith("940 events deleted")


SECRETS = ["acme-rcpt", "acme.example", "acme-agent", "acme-c", "192.0.2.9"]


@pytest.mark.parametrize(
    "arguments", ["list", "list --json", "stats --json", "export", "export --csv", "tail", "tail --json"]
)
@pytest.mark.parametrize("account", ["birch", "", "acm", "acme%", "ACME", "' OR '1'='1"])
def test_accounts_do_not_see_each_other(run: Run, path: Path, arguments: str, account: str) -> None:
    """With one newsletter and the same ids in it, what is shown of an account has nothing of another's."""
    same: dict[str, Any] = {"target_link_url": "https://news.example/", "target_link_name": "News"}
    theirs: dict[str, Any] = {
        "target_link_url": "https://acme.example/",
        "target_link_name": None,
        "rcpt_meta": {"rcpt": "acme-rcpt", "campaign_id": "acme-c"},
        "user_agent": "acme-agent",
        "ip_address": "192.0.2.9",
    }
    mine = an_event(3, account_id=account, **same)
    fill(path, an_event(1, **same), an_event(2, **theirs, repeated=7), mine)
    done = printed(run("events", *arguments.split(), "--account", account))
    assert [secret for secret in SECRETS if secret in done] == []
    if arguments == "stats --json":
        found = json.loads(done)
        assert (found["events"], found["recipients"], found["first_timestamp"]) == (1, 1, mine.timestamp)
    else:
        assert done.count("News") == 1


@pytest.mark.parametrize(("answer", "status", "left"), [(b"y\n", 0, [3]), (b"n\n", 1, [1, 2, 3, 4])])
def test_delete_asks(
    run: Run, command: list[str], at_terminal: Callable[..., Any], path: Path, answer: bytes, status: int, left: Any
) -> None:
    """With how many there are and what it does not reach, and never with the recipient's id."""
    fill(path)
    call = [*command, "events", "delete", "--where", "rcpt=r-42"]
    shown = at_terminal(call, ["stdin", "stderr"], columns=200, typed=answer)
    assert shown.status == status
    assert "3 events, 2025-10-09 08:53:20 UTC to 2025-10-11 08:53:20 UTC. This does not reach exports" in shown.terminal
    assert ("Error: nothing was deleted" in shown.terminal) == bool(status)
    assert "r-42" not in shown.terminal
    assert seqs(run("events", "list", "--json")) == left


def test_backup(run: Run, path: Path, tmp_path: Path) -> None:
    """A new file for its owner alone, which is a store; none is replaced."""
    fill(path)
    copy = tmp_path / "copy.db"
    size = json.loads(printed(run("events", "backup", copy, "--json")))["bytes"]
    assert (size, stat.S_IMODE(copy.stat().st_mode)) == (copy.stat().st_size, 0o600)
    assert seqs(run("events", "list", "--json", "--store", copy)) == [1, 2, 3, 4]
    again = run("events", "backup", copy)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == f"Error: the back-up cannot be written to {str(copy)!r}: File exists\n"


@pytest.mark.parametrize("name", ["list", "tail", "stats", "export", "delete --before 7d --yes", "backup copy.db"])
def test_a_store_that_does_not_exist(run: Run, path: Path, name: str) -> None:
    """It is an error, and nothing is made."""
    result = run("events", *name.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: there is no store {str(path)!r}\n"
    assert os.listdir(path.parent) == []


def test_a_file_that_is_no_store(run: Run, path: Path) -> None:
    """It is an error of one sentence."""
    path.write_bytes(b"no database" * 100)
    result = run("events", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: the store {str(path)!r} is no database of SQLite: name another file\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("list --since yesterday", "'--since': it must be a date"),
        ("list --since 1969-12-31", "'--since': it must be a date"),
        ("list --until 99999999999999999999d", "'--until': it must be a date"),
        ("list --where S3CRET", "'--where': it must be KEY=VALUE"),
        ("list --where =S3CRET", "'--where': it must be KEY=VALUE"),
        ("list --where rcpt=\udcff", "'--where': it must be UTF-8"),
        ("list --account \udcff", "'--account': it must be UTF-8"),
        ("list --limit 0", "'--limit'"),
        ("list --type visit", "'--type'"),
        ("delete --yes", "say which events: --before TIME, --where KEY=VALUE, or both"),
        ("delete --account acme --yes", "say which events"),
        ("delete --where rcpt=S3CRET", "there is no terminal to ask at: --yes"),
        ("import", "Missing argument 'FILE'"),
    ],
)
def test_a_call_that_cannot_work(run: Run, path: Path, arguments: str, words: str) -> None:
    """One sentence, without what may be a recipient's id, and nothing is changed."""
    fill(path)
    result = run("events", *arguments.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "S3CRET" not in result.stderr
    assert seqs(run("events", "list", "--json")) == [1, 2, 3, 4]


def test_import_of_what_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """A missing file and a folder are told by their names."""
    for name, why in ((tmp_path / "missing", "No such file or directory"), (tmp_path, "Is a directory")):
        result = run("events", "import", name)
        assert result.exit_code == 1
        assert result.stderr.endswith(f"Error: cannot read {name}: {why}\n")


def test_no_command(run: Run) -> None:
    """Without a command there is help, on standard error since the call did nothing."""
    result = run("events")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: linkwrap events " in result.stderr
