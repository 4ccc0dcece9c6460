"""Where keys come from."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from helpers.frames import leaks
from linkwrap import LinkWrapper, OptionError, SigningKeys
from linkwrap.cli.keys import find_keys

Run = Callable[..., Result]
CURRENT, RETIRED, OTHER = "the current key: long enough", "a retired key: long enough", "another key: long enough"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file that only its owner can read, as an editor on Windows might save it."""
    path = tmp_path / "keys"
    path.write_bytes(f"\ufeff# since May\r\n{CURRENT}\r\n\r\n  # before\n  {RETIRED} ".encode())
    path.chmod(0o600)
    return path


def link(key: str) -> str:
    """A redirect URL signed with the key."""
    return LinkWrapper(SigningKeys(key)).wrap_url("https://acme.com/")


def test_keygen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """keygen prints one line, a new key each time, and needs none; the key can be used."""
    monkeypatch.delenv("LINKWRAP_KEYS")
    first, second = run("keygen"), run("keygen")
    assert (first.exit_code, first.stderr, first.stdout.count("\n")) == (0, "", 1)
    assert first.stdout != second.stdout
    monkeypatch.setenv("LINKWRAP_KEYS", first.stdout.strip())
    assert run("wrap", input="<p>").exit_code == 0


def test_key_file(run: Run, key_file: Path) -> None:
    """All keys of the file verify; comments, empty lines and white space are no keys."""
    for key in (CURRENT, RETIRED):
        result = run("resolve", "--key-file", key_file, link(key))
        assert (result.exit_code, result.stderr) == (0, "")
    assert run("resolve", "--key-file", key_file, link("# since May, long enough")).exit_code == 1


def test_first_key_of_a_file_signs(run: Run, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first key is the current one."""
    wrapped = run("wrap", "--key-file", key_file, input="<p>").stdout
    url = wrapped.partition('src="')[2].partition('"')[0]
    monkeypatch.setenv("LINKWRAP_KEYS", CURRENT)
    assert run("resolve", url).exit_code == 0


def test_key_file_goes_before_the_environment(run: Run, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --key-file, keys of the environment neither sign nor verify, and need not be valid."""
    monkeypatch.setenv("LINKWRAP_KEYS", OTHER)
    assert run("resolve", link(OTHER)).exit_code == 0
    assert run("resolve", "--key-file", key_file, link(OTHER)).exit_code == 1
    monkeypatch.setenv("LINKWRAP_KEYS", "short")
    assert run("resolve", "--key-file", key_file, link(CURRENT)).exit_code == 0


def test_key_file_that_others_can_read(run: Run, key_file: Path) -> None:
    """There is one line of warning about a key file that is open to everybody; a group may read it."""
    key_file.chmod(0o640)
    assert run("resolve", "--key-file", key_file, link(CURRENT)).stderr == ""
    key_file.chmod(0o644)
    result = run("resolve", "--key-file", key_file, link(CURRENT))
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: everybody on this machine can read the key file")
    assert result.stderr.count("\n") == 1


def test_key_file_from_a_pipe(run: Run, key_file: Path) -> None:
    """A secret store may hand the keys over through a pipe, as in --key-file <(pass show linkwrap)."""
    end, start = os.pipe()
    os.write(start, key_file.read_bytes())
    os.close(start)
    try:
        result = run("resolve", "--key-file", f"/dev/fd/{end}", link(RETIRED))
    finally:
        os.close(end)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("content", [f"{CURRENT},{RETIRED}", f"LINKWRAP_KEYS={CURRENT}"])
def test_key_file_in_the_form_of_the_environment(run: Run, tmp_path: Path, content: str) -> None:
    """Several keys on a line would be one wrong key, and every link signed with it dead: the line is named instead."""
    file = tmp_path / "keys"
    file.write_text(f"# our keys\n{content}\n", encoding="utf-8")
    file.chmod(0o600)
    result = run("wrap", "--key-file", file, input='<a href="https://shop.test/">')
    assert result.exit_code == 2
    assert "line 2 of the key file" in result.stderr
    assert CURRENT not in result.stderr


@pytest.mark.parametrize("content", ["short key", f"{CURRENT},{RETIRED}", f"{CURRENT}\0", f"{CURRENT}\nshort key"])
def test_key_file_is_in_no_frame(tmp_path: Path, content: str) -> None:
    """Tools that print the variables of a traceback's frames print no key, however the file is wrong."""
    file = tmp_path / "keys"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises((OptionError, click.UsageError)) as raised:
        find_keys(str(file))
    assert leaks(raised.value, CURRENT) == []
    assert leaks(raised.value, "short key") == []


def test_keygen_for_hosts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints the exported keys of all keys, one a line; with commas between them they are keys for these hosts."""
    monkeypatch.setenv("LINKWRAP_KEYS", f"{CURRENT},{RETIRED}")
    result = run("keygen", "--host", "Click.ACME.com", "--host", "click.acme.org")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines == SigningKeys(CURRENT, retired=[RETIRED]).for_hosts(["click.acme.com", "click.acme.org"])
    url = LinkWrapper(SigningKeys(CURRENT), tracking_domain="click.acme.com").wrap_url("https://acme.com/")
    monkeypatch.setenv("LINKWRAP_KEYS", ",".join(lines))
    assert run("resolve", url).exit_code == 0
    assert run("resolve", link(CURRENT)).exit_code == 1
    assert run("wrap", "--domain", "click.acme.com", input="<p>").exit_code == 0
    refused = run("wrap", "--domain", "click.other.com", input="<p>")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "the keys are for click.acme.com, click.acme.org only, and cannot sign for click.other.com" in refused.stderr


def test_key_file_of_exported_keys(run: Run, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--key-file names the keys to export, and may hold exported ones."""
    monkeypatch.delenv("LINKWRAP_KEYS", raising=False)
    printed = run("keygen", "--host", "click.acme.com", "--key-file", key_file).stdout
    assert printed.splitlines() == SigningKeys(CURRENT, retired=[RETIRED]).for_hosts(["click.acme.com"])
    exported = tmp_path / "exported"
    exported.write_text(printed)
    exported.chmod(0o600)
    assert run("wrap", "--domain", "click.acme.com", "--key-file", exported, input="<p>").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "a b"], "'a b' is not a DNS host name"),
        (["--key-file", "keys"], "--key-file needs --host"),
    ],
)
def test_keygen_for_hosts_that_cannot_be(run: Run, arguments: list[str], words: str) -> None:
    """A host that is none is an error, and a key file without a host a misunderstanding."""
    result = run("keygen", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_keygen_for_hosts_needs_keys_for_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys, or with exported ones, there is nothing to export; no key is shown."""
    monkeypatch.setenv("LINKWRAP_KEYS", SigningKeys(CURRENT).for_hosts(["click.acme.com"])[0])
    result = run("keygen", "--host", "click.acme.com")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: an exported key cannot be exported again: only keys for all hosts can\n"
    monkeypatch.delenv("LINKWRAP_KEYS")
    assert "no keys: set LINKWRAP_KEYS" in run("keygen", "--host", "click.acme.com").stderr
