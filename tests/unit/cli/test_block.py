"""`linkwrap block`: the block list that a redirect server reads."""

import json
from pathlib import Path

import pytest

from linkwrap.server.blocks import BlockList

from .conftest import Run


def test_a_block_and_its_end(run: Run, tmp_path: Path) -> None:
    """What is blocked is told, listed with its note, and works again once it is removed in any spelling."""
    store = tmp_path / "events.db"
    file = tmp_path / "events.db.blocks"
    done = run("block", "add", "--store", store, "--host", "EVIL.test.", "--account", "bad", "--note", "phishing")
    assert (done.exit_code, done.stdout) == (0, "blocked: account bad\nblocked: host evil.test\n")
    assert BlockList(file).refuse("acme", "click.acme.com", "https://x.evil.test/")
    again = run("block", "add", "--store", store, "--host", "evil.test")
    assert (again.exit_code, again.stdout, "already" in again.stderr) == (0, "", True)
    listed = run("block", "list", "--store", store)
    assert all(word in listed.stdout for word in ("evil.test", "bad", "phishing", " UTC"))
    lines = [json.loads(line) for line in run("block", "list", "--json", "--blocks", file).stdout.splitlines()]
    assert [(line["kind"], line["value"], line["note"]) for line in lines] == [
        ("account", "bad", "phishing"),
        ("host", "evil.test", "phishing"),
    ]
    gone = run("block", "remove", "--blocks", file, "--host", "ｅｖｉｌ.test", "--account", "bad")
    assert (gone.exit_code, gone.stdout.count("no longer blocked: ")) == (0, 2)
    assert run("block", "remove", "--blocks", file, "--host", "evil.test").exit_code == 1
    empty = run("block", "list", "--blocks", file)
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "nothing is blocked\n")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["add"], 2, "say what: --account"),
        (["remove"], 2, "say what: --account"),
        (["add", "--host", "com"], 2, "top-level domain"),
        (["add", "--host", "https://evil.test/"], 2, "block a URL with --url"),
        (["add", "--url", "evil.test/x"], 2, "must begin with http"),
        (["add", "--account", "a", "--note", "a\nb"], 2, "a note must be"),
        (["add", "--account", "a", "--store", "/nowhere/at/all.db"], 1, "cannot be written"),
        ([], 2, ""),
    ],
)
def test_calls_that_fail(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    """One sentence says why, and no file is made."""
    monkeypatch.chdir(tmp_path)
    done = run("block", *arguments)
    assert (done.exit_code, words in done.stderr, done.stdout) == (status, True, "")
    assert list(tmp_path.iterdir()) == []


def test_notes_of_others(run: Run, tmp_path: Path) -> None:
    """What a file holds moves no cursor: it is no block list then."""
    file = tmp_path / "blocks"
    entry = {"kind": "account", "value": "a", "note": "\x1b[31m", "timestamp": 1}
    file.write_text(json.dumps({"blocks": [entry]}))
    done = run("block", "list", "--blocks", file)
    assert (done.exit_code, "\x1b" in done.output, "is damaged" in done.stderr) == (1, False, True)
