"""Many files: each wrapped or told, none lost, none half written, whatever happens to one of them or to the process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from linkwrap import LinkWrapper

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]

HTML = '<body><a href="https://acme.com/{}">x</a></body>\n'
SIGNED = b"Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Type: text/html\n\n<a>\n--s\n\nx\n--s--\n"
ONLY_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


@pytest.fixture
def mails(tmp_path: Path) -> list[Path]:
    """Files with mail in them."""
    folder = tmp_path / "mails"
    folder.mkdir()
    paths = [folder / f"mail {number}.html" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text(HTML.format(number))
    return paths


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for the output, which is not there yet."""
    return tmp_path / "new" / "out"


def assert_whole(path: Path, number: int) -> None:
    """The file is that mail, wrapped from its first to its last byte."""
    content = path.read_text()
    assert content.startswith('<body><a href="https://spgo.io/f/a/2')
    assert content.endswith('"></body>\n')
    assert content.count("https://") == 2
    assert f"acme.com/{number}" not in content


def test_folder_of_files(run: Run, mails: list[Path], out: Path) -> None:
    """Each file is wrapped to the folder, which is made, under its own name; the end says how many there were."""
    result = run("wrap", *mails, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "5 files: 5 wrapped, 0 left, 0 failed\n"
    assert sorted(os.listdir(out)) == [path.name for path in mails]
    for number, path in enumerate(mails):
        assert_whole(out / path.name, number)
        assert path.read_text() == HTML.format(number)


def test_a_failure_does_not_stop_the_others(run: Run, mails: list[Path], out: Path) -> None:
    """What fails or is left is told in a line each, in the order of the files; a failure makes the exit status 1."""
    mails[1].unlink()
    mails[2].unlink()
    mails[2].mkdir()
    signed = mails[0].with_name("signed.eml")
    signed.write_bytes(SIGNED)
    (out / mails[3].name).mkdir(parents=True)
    result = run("wrap", signed, *mails, "-o", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"Left as it was: {signed}: signed",
        f"Error: cannot read {mails[1]}: No such file or directory",
        f"Error: cannot read {mails[2]}: Is a directory",
        f"Error: cannot write {out / mails[3].name}: Is a directory",
        "6 files: 2 wrapped, 1 left, 3 failed",
    ]
    assert sorted(os.listdir(out)) == ["mail 0.html", "mail 3.html", "mail 4.html", "signed.eml"]
    assert (out / "signed.eml").read_bytes() == SIGNED
    for number in (0, 4):
        assert_whole(out / mails[number].name, number)


def test_a_fault_does_not_stop_the_others(
    run: Run, mails: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What should not happen, and lack of memory, cost one file, which is named without a word of the mail."""
    compile_html = LinkWrapper.compile

    def fail(self: LinkWrapper, source: bytes, **options: Any) -> Any:
        if b"acme.com/1" in source:
            raise KeyError("r-42@example.com")
        if b"acme.com/2" in source:
            raise MemoryError
        return compile_html(self, source, **options)

    monkeypatch.setattr(LinkWrapper, "compile", fail)
    result = run("wrap", *mails, "-o", out)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Error: {mails[1]}: a fault in linkwrap (KeyError): LINKWRAP_TRACEBACK=1 shows where",
        f"Error: {mails[2]}: out of memory",
        "5 files: 3 wrapped, 0 left, 2 failed",
    ]
    monkeypatch.setenv("LINKWRAP_TRACEBACK", "1")
    assert isinstance(run("wrap", *mails, "-o", out).exception, KeyError)


@pytest.mark.parametrize("arguments", [["-o", "DIR/"], ["-o", "DIR", "made"]])
def test_one_file_into_a_folder(run: Run, mails: list[Path], out: Path, arguments: list[str]) -> None:
    """A single file goes into a folder that is there, or whose name ends in a slash; nothing need be told."""
    if arguments[-1] == "made":
        out.mkdir(parents=True)
    result = run("wrap", mails[3], "-o", arguments[1].replace("DIR", str(out)))
    assert (result.exit_code, result.output) == (0, "")
    assert_whole(out / mails[3].name, 3)


def test_output_that_is_there_is_replaced(run: Run, mails: list[Path], out: Path) -> None:
    """The same call can be repeated: what is in the folder from before is replaced, other files stay."""
    assert run("wrap", *mails, "-o", out).exit_code == 0
    (out / "other").write_text("other")
    (out / mails[0].name).write_text("old")
    assert run("wrap", *mails, "-o", out).exit_code == 0
    assert_whole(out / mails[0].name, 0)
    assert (out / "other").read_text() == "other"


@pytest.mark.parametrize(
    ("names", "output", "words"),
    [
        (["mails/a", "mails/b"], "", "give the folder for the output with -o DIR"),
        (["mails/a", "mails/b"], "mails/c", "-o must be a folder, and mails/c is not"),
        (["mails/a", "-"], "out", "standard input cannot be one of several files"),
        (["mails/a", "other/a"], "out", "would both be written to"),
        (["mails/a", "mails/b", "mails/../mails/a"], "out", "would both be written to"),
        (["mails/a", "mails/b"], "mails", "which is to be wrapped"),
        (["mails/a", "other/x"], "other/../mails", "which is to be wrapped"),
        (["mails/b", "mails/to-c", "mails/c"], "links", "which is to be wrapped"),
        (["mails/a"], "mails", "which is to be wrapped"),
        (["mails/a"], "mails/", "which is to be wrapped"),
        (["mails/one", "mails/two"], "links", "would both be written to"),
    ],
)
def test_nothing_is_written_where_something_would_be_lost(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], output: str, words: str
) -> None:
    """Two outputs of one name, and an output over an input, also through links, are refused before anything happens."""
    monkeypatch.chdir(tmp_path)
    for folder in ("mails", "other", "links"):
        Path(folder).mkdir()
    for name in ("mails/a", "mails/b", "mails/c", "mails/to-c", "mails/one", "mails/two", "other/a", "other/x", "old"):
        Path(name).write_text("as it was")
    Path("links/to-c").symlink_to("../mails/c")
    Path("links/one").symlink_to("../old")
    Path("links/two").symlink_to("../old")
    result = run("wrap", *names, *(["-o", output] if output else []))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("out").exists()
    assert {path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == {"as it was"}


def test_names_that_differ_in_case(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system takes them for the same, two such names are two of one name."""
    paths = [tmp_path / "x" / "A.html", tmp_path / "y" / "a.html"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(HTML)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert run("wrap", *paths, "-o", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()


def test_options_are_checked_before_anything_is_written(run: Run, mails: list[Path], out: Path) -> None:
    """What is wrong with the call is told once, not for each file."""
    for options in (["-m", f"k={'v' * 2000}"], ["--encoding", "klingon"], ["--account", "x" * 101]):
        result = run("wrap", *mails, "-o", out, *options)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert not out.exists()


def test_folder_that_cannot_be_made(run: Run, mails: list[Path], tmp_path: Path) -> None:
    """It is told by its name."""
    (tmp_path / "file").touch()
    result = run("wrap", *mails, "-o", tmp_path / "file" / "out")
    assert result.exit_code == 1
    assert result.stderr == f"Error: cannot make the folder {tmp_path / 'file' / 'out'}: Not a directory\n"


@ONLY_POSIX
def test_key_file_that_can_be_read_once(mails: list[Path], out: Path, command: list[str], key: str) -> None:
    """A key file that is a pipe serves all files."""
    end, start = os.pipe()
    os.write(start, f"{key}\n".encode())
    os.close(start)
    arguments = ["wrap", *map(str, mails), "-o", str(out), "--key-file", f"/dev/fd/{end}"]
    environment = {name: value for name, value in os.environ.items() if name != "LINKWRAP_KEYS"}
    try:
        done = subprocess.run(
            [*command, *arguments], pass_fds=[end], env=environment, capture_output=True, timeout=60, check=False
        )
    finally:
        os.close(end)
    assert (done.returncode, done.stderr) == (0, b"5 files: 5 wrapped, 0 left, 0 failed\n")
    assert_whole(out / mails[4].name, 4)


def test_file_name_that_is_not_utf_8(execute: Execute, tmp_path: Path) -> None:
    """Names in another encoding can be read, written, and told."""
    if sys.platform == "darwin":
        pytest.skip("the file system takes UTF-8 only")
    names = [os.fsencode(tmp_path) + b"/gr\xfc\xdfe-%d.html" % number for number in range(2)]
    for name in names:
        Path(os.fsdecode(name)).write_text(HTML)
    missing = os.fsencode(tmp_path) + b"/\xff"
    done = execute("wrap", *names, missing, "-o", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.endswith(b"3 files: 2 wrapped, 0 left, 1 failed\n")
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == [os.path.basename(name) for name in names]


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until it holds, as long as the process runs."""
    while not condition():
        assert process.poll() is None
        time.sleep(0.01)


@pytest.fixture
def blocked(mails: list[Path]) -> list[Path]:
    """Files the fourth of which cannot be read until something is written to it: it is a pipe with a name."""
    mails[3].unlink()
    os.mkfifo(mails[3])
    return mails


@ONLY_POSIX
@pytest.mark.parametrize("to", ["process", "group"])
@pytest.mark.parametrize(
    ("end", "status", "told"), [("SIGINT", 130, "Error: interrupted"), ("SIGTERM", 143, "Error: terminated")]
)
@pytest.mark.parametrize("done_before", [1, 3])
def test_interrupted(
    command: list[str], blocked: list[Path], out: Path, to: str, done_before: int, end: str, status: int, told: str
) -> None:
    """Ctrl-C, for one process or as a terminal sends it, and SIGTERM: what was written is whole, the rest is told."""
    files = blocked[3 - done_before :]
    arguments = [*command, "wrap", *map(str, files), "-o", str(out)]
    with subprocess.Popen(arguments, stdout=-1, stderr=-1, start_new_session=True) as process:
        wait_for(lambda: out.exists() and len(list(out.glob("*.html"))) >= done_before, process)
        (os.kill if to == "process" else os.killpg)(process.pid, signal.Signals[end])
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (status, b"")
    lines = [line for line in stderr.decode().splitlines() if line]
    assert lines == [
        f"{len(files)} files: {done_before} wrapped, 0 left, 0 failed, {len(files) - done_before} not done",
        told,
    ]
    assert sorted(path.name for path in out.iterdir()) == [path.name for path in files[:done_before]]
    for path in files[:done_before]:
        assert_whole(out / path.name, int(path.stem[-1]))


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_interrupted_while_writing(
    run: Run, mails: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ctrl-C in the middle of a file leaves what was there before, and nothing beside it."""
    out.mkdir(parents=True)
    (out / mails[2].name).write_text("old")
    do = getattr(os, step)
    calls = iter(range(10))
    monkeypatch.setattr(os, step, lambda *names: signal.raise_signal(signal.SIGINT) if next(calls) == 2 else do(*names))
    result = run("wrap", *mails, "-o", out)
    assert (result.exit_code, result.stdout) == (130, "")
    assert [line for line in result.stderr.splitlines() if line] == [
        "5 files: 2 wrapped, 0 left, 0 failed, 3 not done",
        "Error: interrupted",
    ]
    assert sorted(os.listdir(out)) == [path.name for path in mails[:3]]
    assert (out / mails[2].name).read_text() == "old"
    for number in (0, 1):
        assert_whole(out / mails[number].name, number)


@ONLY_POSIX
def test_killed(command: list[str], blocked: list[Path], out: Path) -> None:
    """If the command is killed, each output is whole or absent."""
    arguments = [*command, "wrap", *map(str, blocked), "-o", str(out)]
    with subprocess.Popen(arguments, stdout=-1, stderr=-1) as process:
        wait_for(lambda: out.exists() and len(list(out.glob("*.html"))) >= 3, process)
        process.kill()
        assert process.communicate(timeout=60) == (b"", b"")
    assert sorted(path.name for path in out.iterdir()) == [path.name for path in blocked[:3]]
    for number in range(3):
        assert_whole(out / blocked[number].name, number)


@ONLY_POSIX
def test_progress_bar_at_a_terminal(
    command: list[str], mails: list[Path], out: Path, at_terminal: Callable[..., Any]
) -> None:
    """Standard error shows a bar if it is a terminal, and the summary after it."""
    shown = at_terminal([*command, "wrap", *map(str, mails), "-o", str(out)], ["stderr"])
    assert (shown.status, shown.stdout) == (0, "")
    assert "5/5" in shown.terminal
    assert shown.terminal.endswith("5 files: 5 wrapped, 0 left, 0 failed\n")


def test_no_progress_bar_elsewhere(execute: Execute, mails: list[Path], out: Path) -> None:
    """In a log there is only the summary, even if colours are forced."""
    done = execute("wrap", *map(str, mails), "-o", str(out), env={"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"5 files: 5 wrapped, 0 left, 0 failed\n")
