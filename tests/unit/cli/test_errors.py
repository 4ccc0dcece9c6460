"""What goes wrong ends in one line on standard error and an exit status, never in a traceback, never with a secret."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from linkwrap import LinkWrapper

Run = Callable[..., Result]
Execute = Callable[..., Any]
SECRET = "S3CRET"
HTML = '<a href="https://acme.com/">x</a>'


def assert_fails(result: Result, status: int, *words: str) -> None:
    """One line that says these words, that status, and nothing on standard output."""
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert SECRET not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], ["No such command", "(see linkwrap --help)"]),
        (["--bogus"], ["--bogus", "(see linkwrap --help)"]),
        (["wrap", f"--key={SECRET}"], ["No such option", "(see linkwrap wrap --help)"]),
        (["wrap", f"-k{SECRET}"], ["No such option", "-k"]),
        (["inspect"], ["Missing argument 'FILE'", "(see linkwrap inspect --help)"]),
        (["resolve"], ["Missing argument 'URL'"]),
        (["keygen", SECRET], ["more arguments"]),
        (["wrap", "-", "-m", "name=Ada", SECRET], ["cannot be one of several files"]),
        (["wrap", "mail.html", "-m", "name=Ada", SECRET], ["-o DIR"]),
        (["wrap", "a.html", "b.html", "-o", "EMPTY"], ["-o must be a folder", "EMPTY is not"]),
        (["wrap", "a.html", "b.html", "-o", "-"], ["-o DIR"]),
        (["wrap", "--type", "pdf"], ["'--type'"]),
        (["wrap", "-m", SECRET], ["'--metadata'", "KEY=VALUE"]),
        (["wrap", "-m", f"={SECRET}"], ["'--metadata'", "KEY=VALUE"]),
        (["wrap", "-m", f"k={SECRET}", "-m", f"k={SECRET}2"], ["'--metadata'", "given twice"]),
        (["wrap", "-m", f"k={SECRET * 200}"], ["metadata has 1208 bytes as JSON"]),
        (["wrap", "--account", "x" * 101], ["account id is longer than 100 bytes"]),
        (["wrap", "--domain", "https://acme.com"], ["'--domain'", "not a URL: give --domain acme.com (see"]),
        (["wrap", "--domain", "http://localhost:8080"], ["not a URL: give --domain localhost:8080 --http (see"]),
        (["wrap", "--domain", "//a/b"], ["not a URL: give --domain a (see"]),
        (["wrap", "--domain", "127.0.0.1:8080", "--http"], ["it is an IP address: use a host name such as localhost"]),
        (["wrap", "--domain", "under_score.com"], ["'--domain': 'under_score.com' is not a DNS host name"]),
        (["inspect", "-", "--domain", "\udcff"], ["'--domain'"]),
        (["inspect", "-", "--encoding", "klingon"], ["unknown encoding 'klingon'"]),
        (["wrap", "--key-file", "EMPTY"], ["the key file holds no key"]),
        (["wrap", "--key-file", "SHORT"], ["the current key is shorter than 16 bytes"]),
        (["wrap", "--key-file", "UTF-16"], ["must be plain text"]),
        (["wrap", "--key-file", "/dev/zero"], ["must be plain text"]),
    ],
)
def test_call_that_cannot_work(run: Run, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """A call that cannot work as it was written has exit status 2."""
    files = {"EMPTY": b"# nothing\n\n", "SHORT": SECRET.encode(), "UTF-16": (SECRET * 5).encode("utf-16")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    arguments = [str(tmp_path / argument) if argument in files else argument for argument in arguments]
    assert_fails(run(*arguments, input=HTML), 2, *words)


def test_no_command(run: Run) -> None:
    """Without a command there is help, on standard error since the call did nothing."""
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: linkwrap ")


@pytest.mark.parametrize("command", ["wrap", "resolve"])
@pytest.mark.parametrize("value", [None, "", SECRET, f"a key that is long enough,{SECRET}"])
def test_no_usable_keys(run: Run, monkeypatch: pytest.MonkeyPatch, command: str, value: str | None) -> None:
    """Missing or invalid keys are told before anything is read, with the way out."""
    if value is None:
        monkeypatch.delenv("LINKWRAP_KEYS")
    else:
        monkeypatch.setenv("LINKWRAP_KEYS", value)
    assert_fails(run(command, "no such file"), 2, "LINKWRAP_KEYS", "linkwrap keygen")


def test_inspect_with_invalid_keys(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """inspect needs no keys, but does not pass over wrong ones."""
    monkeypatch.setenv("LINKWRAP_KEYS", SECRET)
    assert_fails(run("inspect", "-", input=HTML), 2, "key 1 in LINKWRAP_KEYS is shorter than 16 bytes")


@pytest.mark.parametrize("command", ["wrap", "inspect"])
def test_file_that_cannot_be_read(run: Run, tmp_path: Path, command: str) -> None:
    """A missing file, a folder, and a file in what is no folder are told by their names."""
    (tmp_path / "file").touch()
    missing = tmp_path / "missing"
    assert_fails(run(command, missing), 1, f"cannot read {missing}: No such file or directory")
    assert_fails(run(command, tmp_path), 1, f"cannot read {tmp_path}: Is a directory")
    assert_fails(run(command, tmp_path / "file" / "x"), 1, "Not a directory")
    assert_fails(run(command, tmp_path / ("x" * 300)), 1, "File name too long")


def test_file_without_permission(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a file that may not be read."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("builtins.open", refuse)
    assert_fails(run("wrap", "mail.html"), 1, "cannot read mail.html: Permission denied")
    assert_fails(run("wrap", "-o", "out.html", input=HTML), 1, "cannot write out.html: Permission denied")
    assert_fails(run("wrap", "--key-file", SECRET, input=HTML), 1, "cannot read the key file: Permission denied")


def test_output_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    """A folder as output, and a folder that is not there."""
    assert_fails(run("wrap", "-o", tmp_path, input=HTML), 1, f"cannot write {tmp_path}: Is a directory")
    lost = tmp_path / "no" / "out.html"
    assert_fails(run("wrap", "-o", lost, input=HTML), 1, f"cannot write {lost}: No such file or directory")


def test_message_with_an_odd_file_name(run: Run, tmp_path: Path) -> None:
    """A name with line breaks and escape sequences is one line that does nothing to the terminal."""
    result = run("wrap", tmp_path / "a\n\x1b[2Jb")
    assert_fails(result, 1, r"a \x1b[2Jb")


def test_file_name_that_is_not_utf_8(execute: Execute, tmp_path: Path) -> None:
    """Names in another encoding can be read, written, and told."""
    name = os.fsencode(tmp_path) + b"/gr\xfc\xdfe.html"
    if sys.platform == "darwin":
        pytest.skip("the file system takes UTF-8 only")
    missing = execute("wrap", name)
    assert missing.returncode == 1
    assert missing.stderr.count(b"\n") == 1
    Path(os.fsdecode(name)).write_text(HTML)
    done = execute("wrap", name, "-o", name + b".out")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert Path(os.fsdecode(name + b".out")).exists()


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends any command."""
    monkeypatch.setattr(LinkWrapper, "compile", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    result = run("wrap", input=HTML)
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "Error: interrupted")


def test_interrupted_while_reading(command: list[str]) -> None:
    """Ctrl-C while the mail comes in ends a real process without a traceback."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "wrap"], **streams) as process:  # type: ignore[call-overload]
        process.stdin.write(b"x" * 1_000_000)  # more than a pipe holds: when it is written, the process is reading
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, b"", b"Error: interrupted")


def test_no_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail that is too large for the machine."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(LinkWrapper, "compile", fail)
    assert_fails(run("wrap", input=HTML), 1, "out of memory")


def test_fault_of_our_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What should not happen is one line too, without the mail's text; a variable shows where it was."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("r-42@example.com")

    monkeypatch.setattr(LinkWrapper, "compile", fail)
    assert_fails(run("wrap", input=HTML), 1, "a fault in linkwrap (KeyError)")
    monkeypatch.setenv("LINKWRAP_TRACEBACK", "1")
    assert isinstance(run("wrap", input=HTML).exception, KeyError)


CALLS = pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [
        (["wrap"], ""),
        (["wrap"], "1"),
        (["inspect", "-"], ""),
        (["inspect", "--json", "-"], ""),
        (["keygen"], ""),
        (["keygen"], "1"),
        (["--help"], ""),
    ],
)
ONLY_LINUX = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


@CALLS
def test_reader_that_goes_away(execute: Execute, arguments: list[str], unbuffered: str) -> None:
    """A broken pipe, as under head, is no error to tell."""
    end, start = os.pipe()
    os.close(end)
    html = (HTML * 200).encode()
    try:
        done = execute(*arguments, input=html, stdout=start, env={"PYTHONUNBUFFERED": unbuffered})
    finally:
        os.close(start)
    assert (done.returncode, done.stderr) == (1, b"")


@ONLY_LINUX
@CALLS
def test_full_disk(execute: Execute, arguments: list[str], unbuffered: str) -> None:
    """Output that cannot be written is an error."""
    with open("/dev/full", "wb") as full:
        done = execute(*arguments, input=HTML.encode(), stdout=full, env={"PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (1, b"Error: cannot write: No space left on device\n")


def test_closed_streams(command: list[str], tmp_path: Path) -> None:
    """Closed standard streams are an error if they are needed, and never a traceback."""
    (tmp_path / "mail.html").write_text(HTML)
    script = 'exec "$@" '
    for streams, status, message in (
        ("<&-", 1, b"Error: stdin is closed\n"),
        ("<mail.html >&-", 1, b"Error: stdout is closed\n"),
        ("<mail.html >&- 2>&-", 1, b""),
    ):
        done = subprocess.run(
            ["/bin/sh", "-c", script + streams, "sh", *command, "wrap"], capture_output=True, check=False, cwd=tmp_path
        )
        assert (done.returncode, done.stdout, done.stderr) == (status, b"", message)


@pytest.mark.parametrize("missing", [["click"], ["rich"], ["click", "rich"]])
def test_extra_is_missing(missing: list[str]) -> None:
    """Where the extra is not installed, one line says what to install."""
    script = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); from linkwrap.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=False)
    names = "click and rich are" if len(missing) == 2 else f"{missing[0]} is"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {names} not installed: pip install '.[cli]' in a clone of linkwrap\n"


def test_waiting_at_a_terminal(command: list[str], at_terminal: Callable[..., Any]) -> None:
    """wrap without a file at a terminal says what is missing instead of waiting for a mail to be typed."""
    shown = at_terminal([*command, "wrap"], ["stdin"])
    error = "Error: give a FILE, or pipe HTML into it (see linkwrap wrap --help)\n"
    assert (shown.status, shown.stdout, shown.stderr) == (2, "", error)


NO_MAIL = {
    "empty": (b"", "is empty"),
    "white space": (b" \r\n", "is empty"),
    "byte order mark": (b"\xef\xbb\xbf", "is empty"),
    "byte order mark and white space": (b"\xef\xbb\xbf\r\n \t", "is empty"),
    "UTF-16 of white space": ("\ufeff \r\n".encode("utf-16-le"), "is empty"),
    "UTF-16 of nothing": (b"\xfe\xff", "is empty"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is not text"),
    "GIF": (b"GIF89a the rest is ASCII", "is not text"),
    "WebP": (b"RIFF\x24\n\r\x20WEBPVP8 the rest is ASCII", "is not text"),
    "WAVE": (b"RIFF    WAVEfmt the rest is ASCII", "is not text"),
    "PDF": (b"%PDF-1.4\n% all of it is ASCII\n", "is not text"),
    "bytes": (bytes(range(256)) * 9, "is not text"),
    "UTF-16 of controls": (("\ufeff" + "\x01\x02" * 50).encode("utf-16-le"), "is not text"),
}


@pytest.mark.parametrize("kind", ["html", "eml"])
@pytest.mark.parametrize("content", NO_MAIL)
def test_what_is_no_mail(run: Run, tmp_path: Path, content: str, kind: str) -> None:
    """Empty input, and what is not text, is an error that names the file; nothing is written."""
    data, words = NO_MAIL[content]
    path = tmp_path / "mail"
    path.write_bytes(data)
    output = tmp_path / "out.html"
    output.write_bytes(b"old")
    assert_fails(run("wrap", "--type", kind, input=data), 1, f"standard input {words}: it must be HTML or a message")
    assert_fails(run("wrap", "--type", kind, path, "-o", output), 1, f"{path} {words}")
    assert_fails(run("inspect", "--type", kind, path), 1, f"{path} {words}")
    assert output.read_bytes() == b"old"
    result = run("wrap", "--type", kind, path, path.rename(tmp_path / "other"), "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"Error: {tmp_path / 'other'} {words}" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"<p>\0\1 damaged, but a text of more than 32 characters",
        b"RIFF club: <a href='https://acme.com/'>",
        b"GIF8 and other numbers: <a href='https://acme.com/'>",
        "\ufeff<p>Grüße".encode("utf-16-le"),
        "<p>ソース".encode("cp932") * 100,
        "<p>ソース".encode("iso-2022-jp") * 100,
        b"\xff" * 5000,
        b"\x1b[1m<p>",
    ],
)
def test_what_is_text(run: Run, content: bytes) -> None:
    """Text in any encoding is wrapped, also if some of it is damaged."""
    assert run("wrap", input=content).exit_code == 0


def test_attachment_of_a_message_may_be_binary(run: Run) -> None:
    """Of a message, only the headers must be text."""
    content = b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n" + bytes(range(256)) * 9
    result = run("wrap", "--type", "eml", input=content)
    assert (result.exit_code, result.stdout_bytes) == (0, content)
