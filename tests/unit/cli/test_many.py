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

from linkwrap.cli import many
from linkwrap.cli.options import Wrapping

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
    assert content.startswith('<body><a href="https://spgo.io/f/a/1')
    assert content.endswith('"></body>\n')
    assert content.count("https://") == 2
    assert f"acme.com/{number}" not in content


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"], ["--jobs=0"], ["--jobs", "99"]])
def test_folder_of_files(run: Run, mails: list[Path], out: Path, jobs: list[str]) -> None:
    """Each file is wrapped to the folder, which is made, under its own name; the end says how many there were."""
    result = run("wrap", *mails, "-o", out, *jobs)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "5 files: 5 wrapped, 0 left, 0 failed\n"
    assert sorted(os.listdir(out)) == [path.name for path in mails]
    for number, path in enumerate(mails):
        assert_whole(out / path.name, number)
        assert path.read_text() == HTML.format(number)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_failure_does_not_stop_the_others(run: Run, mails: list[Path], out: Path, jobs: str) -> None:
    """What fails or is left is told in a line each, in the order of the files; a failure makes the exit status 1."""
    mails[1].unlink()
    mails[2].unlink()
    mails[2].mkdir()
    signed = mails[0].with_name("signed.eml")
    signed.write_bytes(SIGNED)
    (out / mails[3].name).mkdir(parents=True)
    result = run("wrap", signed, *mails, "-o", out, "--jobs", jobs)
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
    wrap = Wrapping.wrap

    def fail(self: Wrapping, source: bytes, *arguments: Any, **options: Any) -> Any:
        if b"acme.com/1" in source:
            raise KeyError("r-42@example.com")
        if b"acme.com/2" in source:
            raise MemoryError
        return wrap(self, source, *arguments, **options)

    monkeypatch.setattr(Wrapping, "wrap", fail)
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
        (["mails/a", "mails/b"], "", "-o DIR says where they are written"),
        (["mails/a", "mails/b"], "mails/c", "is none"),
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
    monkeypatch.setattr(many, "_FOLDS_NAMES", True)
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
    """A key file that is a pipe serves all processes, and the key is in none of their arguments."""
    end, start = os.pipe()
    os.write(start, f"{key}\n".encode())
    os.close(start)
    arguments = ["wrap", *map(str, mails), "-o", str(out), "--jobs", "2", "--key-file", f"/dev/fd/{end}"]
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
    """Names in another encoding go to the processes and come back."""
    if sys.platform == "darwin":
        pytest.skip("the file system takes UTF-8 only")
    names = [os.fsencode(tmp_path) + b"/gr\xfc\xdfe-%d.html" % number for number in range(2)]
    for name in names:
        Path(os.fsdecode(name)).write_text(HTML)
    missing = os.fsencode(tmp_path) + b"/\xff"
    done = execute("wrap", *names, missing, "-o", str(tmp_path / "out"), "--jobs", "2")
    assert done.returncode == 1
    assert done.stderr.endswith(b"3 files: 2 wrapped, 0 left, 1 failed\n")
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == [os.path.basename(name) for name in names]


DYING = """
import os
from linkwrap.cli.workers import run_in_processes

def start():
    return lambda task: os._exit(9) if task in (2, 3) else task * task

if __name__ == "__main__":
    results = {}
    run_in_processes(start, range(8), 2, results.__setitem__)
    print(sorted(results.items()))
"""


def test_process_that_dies(tmp_path: Path) -> None:
    """A process that is ended from outside, as where memory ends, costs the file that it had; others take the rest."""
    script = tmp_path / "dying.py"
    script.write_text(DYING)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    expected = [(0, 0), (1, 1), (2, None), (3, None), (4, 16), (5, 25), (6, 36), (7, 49)]
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")


def test_process_that_dies_is_told(run: Run, mails: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a process that is ended from outside is a failure."""

    def lose(_: object, tasks: list[object], __: int, done: Callable[[int, None], None]) -> None:
        for number in range(len(tasks)):
            done(number, None)

    monkeypatch.setattr(many, "run_in_processes", lose)
    result = run("wrap", *mails, "-o", out, "--jobs", "2")
    assert result.exit_code == 1
    assert f"Error: {mails[2]}: its process ended before it was done\n" in result.stderr
    assert result.stderr.endswith("5 files: 0 wrapped, 0 left, 5 failed\n")


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    done = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == process]


def alive(process: int) -> bool:
    """Whether there is such a process that has not ended."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout.strip()[:1] not in ("", "Z")


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def large(tmp_path: Path) -> list[Path]:
    """So many mails, and so large, that wrapping them takes some seconds."""
    (tmp_path / "large").mkdir()
    paths = [tmp_path / "large" / f"{number}.html" for number in range(400)]
    text = "<body>" + '<a href="https://acme.com/">x</a>\n' * 3000 + "</body>\n"
    paths[0].write_text(text)
    for path in paths[1:]:
        os.link(paths[0], path)
    return paths


@ONLY_POSIX
@pytest.mark.parametrize("to", ["process", "group"])
@pytest.mark.parametrize(("jobs", "done_before"), [("2", 0), ("2", 3), ("1", 3)])
def test_interrupted(command: list[str], large: list[Path], out: Path, to: str, jobs: str, done_before: int) -> None:
    """Ctrl-C, for one process or as a terminal sends it: each output is whole or absent, and no process is left."""
    arguments = [*command, "wrap", *map(str, large), "-o", str(out), "--jobs", jobs]
    with subprocess.Popen(arguments, stdout=-1, stderr=-1, start_new_session=True) as process:
        wait_for(lambda: out.exists() and len(list(out.glob("*.html"))) >= done_before)
        started = children(process.pid)
        (os.kill if to == "process" else os.killpg)(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    lines = stderr.decode().strip().splitlines()
    assert (process.returncode, stdout, lines[-1]) == (130, b"", "Error: interrupted")
    assert lines[0].startswith("400 files: ")
    assert lines[0].endswith(" not done")
    assert len([line for line in lines if line]) == 2
    wait_for(lambda: not any(map(alive, started)))
    written = list(out.iterdir())
    assert len(written) < len(large)
    assert all(path.suffix == ".html" for path in written)
    told = [
        f"400 files: {count} wrapped, 0 left, 0 failed, {400 - count} not done"
        for count in (len(written), len(written) - 1)  # it may come between a file's end and its being counted
    ]
    assert lines[0] in told[: 2 if jobs == "1" else 1]
    for path in written:
        content = path.read_text()
        assert content.count("https://spgo.io/f/") == 3000
        assert content.endswith("</body>\n")


@ONLY_POSIX
@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_killed(command: list[str], large: list[Path], out: Path, end: str) -> None:
    """Where the command is killed its processes end what they do and are gone: each output is whole or absent."""
    arguments = [*command, "wrap", *map(str, large), "-o", str(out), "--jobs", "2"]
    with subprocess.Popen(arguments, stdout=-1, stderr=-1) as process:
        wait_for(lambda: out.exists() and len(list(out.glob("*.html"))) >= 3)
        started = children(process.pid)
        assert len(started) >= 2
        process.send_signal(signal.Signals[end])
        assert process.communicate(timeout=60) == (b"", b"")
    wait_for(lambda: not any(map(alive, started)))
    for path in out.iterdir():
        assert path.suffix == ".html"
        assert path.read_text().count("https://spgo.io/f/") == 3000


@ONLY_POSIX
def test_progress_bar_at_a_terminal(command: list[str], mails: list[Path], out: Path) -> None:
    """Standard error shows a bar where it is a terminal, and the summary after it."""
    import pty

    terminal, end = pty.openpty()
    arguments = [*command, "wrap", *map(str, mails), "-o", str(out), "--jobs", "2"]
    try:
        done = subprocess.run(
            arguments, stderr=end, stdout=-1, timeout=60, check=False, env=os.environ | {"TERM": "xterm"}
        )
        shown = os.read(terminal, 1 << 16)
    finally:
        os.close(end)
        os.close(terminal)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"5/5" in shown
    assert shown.endswith(b"5 files: 5 wrapped, 0 left, 0 failed\r\n")


def test_no_progress_bar_elsewhere(execute: Execute, mails: list[Path], out: Path) -> None:
    """In a log there is only the summary, even where colours are forced."""
    done = execute("wrap", *map(str, mails), "-o", str(out), env={"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"5 files: 5 wrapped, 0 left, 0 failed\n")
