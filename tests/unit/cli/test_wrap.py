"""`linkwrap wrap`: bytes in, bytes out."""

import errno
import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from linkwrap import Click, Open, Resolver, SigningKeys

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]

HTML = b"<body>\r\n<p>Hi\n <A HREF=https://acme.com/sale>Sale</A>\x00\xff\r</body>\n"
REDIRECT = re.compile(r"https?://[a-z.]+(?::[0-9]+)?/(?:f/[A-Za-z0-9_-]+|q)/[A-Za-z0-9._-]+")
PIXEL = re.compile(r'<img border="0" width="1" height="1" alt="" src="open"[^>]*>')


def visits(wrapped: bytes, key: str, charset: str = "latin-1") -> list[Click | Open]:
    """What the redirect URLs of a wrapped mail hold, in the order of the text."""
    resolver = Resolver(SigningKeys(key))
    return [resolver.resolve(url) for url in REDIRECT.findall(wrapped.decode(charset))]


def unwrapped(wrapped: bytes, key: str, unit: str = "latin-1") -> bytes:
    """The mail with destinations for redirect URLs and without pixels; all other bytes as they are."""
    resolver = Resolver(SigningKeys(key))

    def destination(url: re.Match[str]) -> str:
        visit = resolver.resolve(url[0])
        return visit.url if isinstance(visit, Click) else "open"

    return PIXEL.sub("", REDIRECT.sub(destination, wrapped.decode(unit))).encode(unit)


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A file with mail in it."""
    path = tmp_path / "mail.html"
    path.write_bytes(HTML)
    return path


def test_file_to_standard_output(run: Run, mail: Path, key: str) -> None:
    """The wrapped mail comes on standard output, every byte that is no URL as it was, and nothing else comes."""
    result = run("wrap", mail)
    assert (result.exit_code, result.stderr) == (0, "")
    click, pixel = visits(result.stdout_bytes, key)
    assert isinstance(click, Click)
    assert (click.url, click.host, click.account_id, click.metadata) == ("https://acme.com/sale", "spgo.io", "", {})
    assert isinstance(pixel, Open)
    assert unwrapped(result.stdout_bytes, key) == HTML


def test_anonymous_mail_names_the_campaign_only(run: Run, key: str) -> None:
    """Of the metadata, links and pixels keep the keys that are named, and without a name `campaign_id`."""
    metadata = ["-m", "rcpt=r-42", "-m", "list=news", "-m", "campaign_id=autumn"]
    html = b'<a href="https://acme.com/sale">x</a><a href="https://acme.com/bye" data-msys-unsubscribe="1">y</a>'
    for options, kept in [
        ([], {"campaign_id": "autumn"}),
        (["--campaign-metadata", "list", "--campaign-metadata", "x"], {"list": "news"}),
    ]:
        wrapped = run("wrap", "--anonymous", *options, *metadata, input=html).stdout_bytes
        link, unsubscribe, pixel = visits(wrapped, key)
        assert [(one.anonymous, one.metadata) for one in (link, pixel)] == [(True, kept)] * 2
        assert not unsubscribe.anonymous
        assert unsubscribe.metadata == {"rcpt": "r-42", "list": "news", "campaign_id": "autumn"}
    assert not visits(run("wrap", *metadata, input=html).stdout_bytes, key)[0].anonymous


@pytest.mark.parametrize("arguments", [["wrap"], ["wrap", "-"]])
def test_standard_input(run: Run, arguments: list[str], key: str) -> None:
    """Without a file, or with - for it, the mail is read from standard input."""
    result = run(*arguments, input=HTML)
    assert result.exit_code == 0
    assert unwrapped(result.stdout_bytes, key) == HTML


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_through_real_pipes(execute: Execute, key: str, unbuffered: str) -> None:
    """A mail larger than a pipe's buffer passes through byte for byte, with buffered streams and without."""
    html = HTML * 20_000
    done = execute("wrap", "--no-opens", input=html, env={"PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (0, b"")
    assert unwrapped(done.stdout, key) == html


@pytest.mark.parametrize(
    ("html", "unit"),
    [
        # Two ways to write one character of cp932: decoding would make them the same.
        pytest.param(
            '<meta charset="shift_jis"><p title="ソ\\">特価'.encode("cp932")
            + b'\xfa\x54\x81\xca\xee\xf9<a href="https://acme.com/">\x83\x5c\r\n',
            "latin-1",
            id="cp932",
        ),
        pytest.param(
            "\ufeff<p>Grüße 𝄞 <a href='https://acme.com/'>→\r\n".encode("utf-16-le"), "utf-16-le", id="utf-16"
        ),
        pytest.param("\ufeff<p>ß<a href=https://acme.com/>\n\r".encode("utf-16-be"), "utf-16-be", id="utf-16-be"),
        pytest.param(b"\xef\xbb\xbf<a href=https://acme.com/ >\xff\xfe\x80\r\r\n\x1a", "latin-1", id="utf-8, broken"),
    ],
)
def test_any_charset_is_byte_exact(execute: Execute, key: str, html: bytes, unit: str) -> None:
    """Mail in an East Asian charset, in UTF-16 or damaged is the same outside of values after going through a pipe."""
    done = execute("wrap", input=html)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(visits(done.stdout, key, unit)) == 2
    assert unwrapped(done.stdout, key, unit) == html


def test_encoding_can_be_given(run: Run, key: str) -> None:
    """--encoding says what the bytes are where the mail does not."""
    html = "<a href=https://acme.com/ソ>".encode("cp932")
    click = visits(run("wrap", "--encoding", "Shift_JIS", input=html).stdout_bytes, key)[0]
    assert isinstance(click, Click)
    assert click.url == "https://acme.com/%E3%82%BD"


def test_message_options(run: Run, key: str) -> None:
    """Domain, account and metadata are in every URL, in each spelling of the options; a value may hold = and spaces."""
    arguments = [
        "--domain",
        "Click.Acme.com:8443",
        "--account",
        "acme",
        "-m",
        "rcpt=r 42=é",
        "--metadata",
        "m=",
        "-mx=1",
    ]
    result = run("wrap", *arguments, input='<a href="https://acme.com/">')
    assert 'href="https://click.acme.com:8443/f/a/' in result.stdout
    for visit in visits(result.stdout_bytes, key):
        assert (visit.host, visit.account_id) == ("click.acme.com", "acme")
        assert visit.metadata == {"rcpt": "r 42=é", "m": "", "x": "1"}


def test_what_is_tracked(run: Run, key: str) -> None:
    """Links and both pixels can be chosen."""
    html = '<body><a href="https://acme.com/">x</a></body>'
    wrapped = run("wrap", "--initial-open", input=html).stdout_bytes
    first, click, last = visits(wrapped, key)
    assert isinstance(first, Open)
    assert isinstance(click, Click)
    assert isinstance(last, Open)
    assert (first.initial, last.initial) == (True, False)
    assert run("wrap", "--no-clicks", "--no-opens", input=html).stdout == html
    assert len(visits(run("wrap", "--no-clicks", input=html).stdout_bytes, key)) == 1
    assert len(visits(run("wrap", "--no-opens", input=html).stdout_bytes, key)) == 1


def test_wrapping_twice_changes_nothing(run: Run) -> None:
    """The output of wrap goes through wrap unchanged."""
    once = run("wrap", input=HTML).stdout_bytes
    assert run("wrap", input=once).stdout_bytes == once


def test_where_links_lead_is_said(run: Run, monkeypatch: pytest.MonkeyPatch, mail: Path) -> None:
    """Without a tracking domain, one line says where the links lead and how to set it; the output is the same."""
    with_domain = run("wrap", mail)
    monkeypatch.delenv("LINKWRAP_DOMAIN")
    for command in ("wrap", "inspect"):
        result = run(command, mail)
        assert result.exit_code == 0
        assert result.stderr == (
            "Note: links lead to https://spgo.io: set your own tracking domain with --domain or LINKWRAP_DOMAIN\n"
        )
        assert run(command, mail, "--domain", "spgo.io").stderr == ""
    assert len(run("wrap", mail).stdout_bytes) == len(with_domain.stdout_bytes)
    result = run("wrap", mail, mail.rename(mail.with_name("b.html")), "-o", mail.with_name("out"))
    assert result.stderr.count("Note: ") == 1


def test_domain_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """LINKWRAP_DOMAIN is the tracking domain, --domain goes before it, and a bad one is an error."""
    monkeypatch.setenv("LINKWRAP_DOMAIN", "click.acme.com")
    assert {visit.host for visit in visits(run("wrap", input=HTML).stdout_bytes, key)} == {"click.acme.com"}
    given = run("wrap", "--domain", "go.acme.com", input=HTML)
    assert {visit.host for visit in visits(given.stdout_bytes, key)} == {"go.acme.com"}
    monkeypatch.setenv("LINKWRAP_DOMAIN", "https://acme.com")
    result = run("wrap", input=HTML)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'--domain'" in result.stderr


def test_http(run: Run, key: str) -> None:
    """With --http links are http; https links on localhost bring a warning, and --http needs a domain."""
    result = run("wrap", "--domain", "localhost:8080", "--http", input=HTML)
    assert (result.exit_code, result.stderr) == (0, "")
    assert b"=http://localhost:8080/f/a/" in result.stdout_bytes
    assert b"https://" not in result.stdout_bytes
    assert len(visits(result.stdout_bytes, key)) == 2
    for host in ("localhost:8080", "localhost", "mail.localhost"):
        result = run("wrap", "--domain", host, input=HTML)
        assert result.exit_code == 0
        assert result.stderr == (
            f"Warning: links lead to https://{host}: for a local try without certificate, add --http\n"
        )
        assert f"=https://{host}/f/a/".encode() in result.stdout_bytes
    assert run("wrap", "--domain", "localhost.acme.com", input=HTML).stderr == ""


def test_http_needs_a_domain(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--http alone would make links on spgo.io http."""
    monkeypatch.delenv("LINKWRAP_DOMAIN")
    result = run("wrap", "--http", input=HTML)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--http needs --domain" in result.stderr


def test_output_file(run: Run, mail: Path, tmp_path: Path, key: str) -> None:
    """-o writes the file, nothing to standard output, and leaves no other file behind; others may read it as usual."""
    output = tmp_path / "out.html"
    umask = os.umask(0o022)
    try:
        result = run("wrap", mail, "-o", output)
    finally:
        os.umask(umask)
    assert (result.exit_code, result.output) == (0, "")
    assert unwrapped(output.read_bytes(), key) == HTML
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    assert sorted(os.listdir(tmp_path)) == ["mail.html", "out.html"]


def test_output_over_the_input(run: Run, mail: Path, tmp_path: Path, key: str) -> None:
    """A mail can be wrapped in place: through a symbolic link, which stays one, and with its permissions kept."""
    mail.chmod(0o640)
    link = tmp_path / "link.html"
    link.symlink_to("mail.html")
    assert run("wrap", link, "--output", link).exit_code == 0
    assert link.is_symlink()
    assert unwrapped(mail.read_bytes(), key) == HTML
    assert stat.S_IMODE(mail.stat().st_mode) == 0o640


def test_output_is_standard_output(run: Run, mail: Path, key: str) -> None:
    """-o - is standard output, not a file of that name."""
    assert unwrapped(run("wrap", mail, "-o", "-").stdout_bytes, key) == HTML


def test_output_to_a_device(run: Run, mail: Path) -> None:
    """A device is written to and still is a device afterwards."""
    assert run("wrap", mail, "-o", os.devnull).exit_code == 0
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)


def test_output_to_where_standard_output_goes(execute: Execute, mail: Path, tmp_path: Path) -> None:
    """-o /dev/stdout appends to a log that standard output goes to, and does not replace it."""
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    with log.open("ab") as stdout:
        assert execute("wrap", str(mail), "-o", "/dev/stdout", stdout=stdout).returncode == 0
    assert log.read_bytes().startswith(b"before\n<body>")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_output_is_never_half_written(
    run: Run, mail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Where the disk fails, the old file is as it was and nothing is left beside it."""
    output = tmp_path / "out.html"
    output.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        result = run("wrap", mail, "-o", output)
    assert (result.exit_code, result.stderr) == (1, f"Error: cannot write {output}: No space left on device\n")
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["mail.html", "out.html"]


def test_nothing_is_written_where_wrapping_fails(run: Run, mail: Path, tmp_path: Path) -> None:
    """A bad call does not touch the output file."""
    output = tmp_path / "out.html"
    assert run("wrap", mail, "-o", output, "-m", f"k={'v' * 2000}").exit_code == 2
    assert not output.exists()
