"""Messages on the command line: `.eml` in, the same message out, or handed back as it was and told."""

import base64
import email
import email.policy
import json
import quopri
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from linkwrap import Click, Resolver, SigningKeys
from linkwrap.cli.app import commands

Run = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[bytes]]

HTML = b'<p>Hi\r\n <a href="https://acme.com/sale">Sale</a></p>\r\n'
PDF = base64.encodebytes(b'%PDF <a href="https://acme.com/sale">').replace(b"\n", b"\r\n")
MESSAGE = b"\r\n".join(
    [
        b"Received: from a\tby b",
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="m"',
        b"",
        b"--m",
        b'Content-Type: multipart/alternative; boundary="a"',
        b"",
        b"--a",
        b"Content-Type: text/plain",
        b"",
        b"See https://acme.com/plain",
        b"--a",
        b"Content-Type: text/html; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        quopri.encodestring(HTML.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n") + b"--a--",
        b"--m",
        b"Content-Type: application/pdf",
        b"Content-Disposition: attachment",
        b"Content-Transfer-Encoding: base64",
        b"",
        PDF + b"--m--",
        b"",
    ]
)
SIGNED = (
    b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\n\n--s\n'
    b"Content-Type: text/html\n\n<a href=https://acme.com/>x</a>\n--s\n"
    b"Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n--s--\n"
)
ENCRYPTED = (
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=s\n\n--s\n'
    b"Content-Type: application/pgp-encrypted\n\nVersion: 1\n--s\nContent-Type: application/octet-stream\n\nx\n--s--\n"
)


def destinations(message: bytes, kind: str, key: str) -> list[str]:
    """Where the redirect URLs in the body of that kind lead, in the order of the text."""
    body = email.message_from_bytes(message, policy=email.policy.default).get_body((kind,))
    assert body is not None
    words = body.get_content().replace('"', " ").split()
    visits = [Resolver(SigningKeys(key)).resolve(word) for word in words if word.startswith("https://spgo.io/")]
    return [visit.url if isinstance(visit, Click) else "open" for visit in visits]


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A file with a message in it."""
    path = tmp_path / "mail.eml"
    path.write_bytes(MESSAGE)
    return path


def test_message_to_standard_output(execute: Execute, mail: Path, key: str) -> None:
    """The HTML body is wrapped in its transfer encoding; text, headers and attachment are the same byte for byte."""
    done = execute("wrap", str(mail))
    assert (done.returncode, done.stderr) == (0, b"")
    assert destinations(done.stdout, "html", key) == ["https://acme.com/sale", "open"]
    assert done.stdout.startswith(MESSAGE.partition(b"quoted-printable")[0])
    assert done.stdout.endswith(MESSAGE[MESSAGE.index(b"--a--") :])
    assert max(map(len, done.stdout.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("name", ["MAIL.EML", "two.parts.Eml"])
def test_suffix_in_any_case(run: Run, tmp_path: Path, key: str, name: str) -> None:
    """Whatever the case of .eml, it is a message."""
    (tmp_path / name).write_bytes(MESSAGE)
    assert "open" in destinations(run("wrap", tmp_path / name).stdout_bytes, "html", key)


def test_type_can_be_given(run: Run, mail: Path, key: str) -> None:
    """--type says what standard input and files of other names hold, and goes before the name."""
    other = mail.rename(mail.with_name("1732.M1P2.host:2,S"))
    for arguments in ([], ["-"], [other]):
        result = run("wrap", "--type", "eml", *arguments, input=MESSAGE)
        assert destinations(result.stdout_bytes, "html", key) == ["https://acme.com/sale", "open"]
    html = mail.with_name("html.eml")
    html.write_bytes(HTML)
    assert b'<a href="https://spgo.io/f/' in run("wrap", "--type", "html", html).stdout_bytes


def test_plain_text(run: Run, mail: Path, key: str) -> None:
    """--text wraps the plain-text body too, which otherwise stays."""
    assert destinations(run("wrap", mail).stdout_bytes, "plain", key) == []
    wrapped = run("wrap", "--text", mail).stdout_bytes
    assert destinations(wrapped, "plain", key) == ["https://acme.com/plain"]
    assert destinations(wrapped, "html", key) == ["https://acme.com/sale", "open"]


def test_what_is_tracked(run: Run, mail: Path, key: str) -> None:
    """The other options hold for messages as for HTML."""
    assert destinations(run("wrap", "--no-clicks", mail).stdout_bytes, "html", key) == ["open"]
    assert destinations(run("wrap", "--no-opens", mail).stdout_bytes, "html", key) == ["https://acme.com/sale"]
    assert run("wrap", "--no-clicks", "--no-opens", mail).stdout_bytes == MESSAGE
    assert b"click.acme.com" in run("wrap", "--domain", "click.acme.com", mail).stdout_bytes.replace(b"=\r\n", b"")
    assert run("wrap", mail, "-m", f"k={'v' * 2000}").exit_code == 2


def test_in_place(run: Run, mail: Path, key: str) -> None:
    """A message can be wrapped in place, and a second time changes nothing."""
    assert run("wrap", mail, "-o", mail).exit_code == 0
    once = mail.read_bytes()
    assert destinations(once, "html", key) == ["https://acme.com/sale", "open"]
    assert run("wrap", mail).stdout_bytes == once


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (SIGNED, "signed"),
        (ENCRYPTED, "encrypted"),
        (b"Content-Type: text/plain\n\nhttps://acme.com/\n", "text-off"),
        (b"Content-Type: text/html\nContent-Transfer-Encoding: x-uuencode\n\n<a>\n", "transfer-encoding"),
        (b"x\0\xff\r\r\n" + b"x" * 30, ""),
    ],
)
def test_message_that_cannot_be_wrapped(execute: Execute, tmp_path: Path, content: bytes, reason: str) -> None:
    """It is handed back byte for byte, which is no failure, and one line on standard error says why."""
    path = tmp_path / "kept.eml"
    path.write_bytes(content)
    done = execute("wrap", str(path))
    assert (done.returncode, done.stdout) == (0, content)
    assert done.stderr.decode().startswith(f"Left as it was: {path}: {reason}")
    assert done.stderr.count(b"\n") == 1
    assert execute("wrap", "--type", "eml", input=content).stderr.startswith(b"Left as it was: standard input: ")


def test_body_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """Where only one of the bodies can be wrapped, a warning names the other."""
    path = tmp_path / "mail.eml"
    amp = b"Content-Type: text/x-amp-html\nContent-Transfer-Encoding: x-uuencode\n\n<html amp4email>\n"
    html = b"Content-Type: text/html\n\n<a href=https://acme.com/>x</a>\n"
    path.write_bytes(b"Content-Type: multipart/alternative; boundary=a\n\n--a\n" + amp + b"--a\n" + html + b"--a--\n")
    result = run("wrap", path)
    assert result.exit_code == 0
    assert "https://spgo.io/f/" in result.stdout
    assert result.stderr == f"Warning: {path}: left as it was: text/x-amp-html (transfer-encoding)\n"


def test_inspect_shows_each_part(run: Run, mail: Path) -> None:
    """Each part is shown with its type, and what is done to it or with its links."""
    shown = run("inspect", mail).stdout.splitlines()
    assert shown[0] == "text/plain (7bit): left as it was (text-off)"
    assert shown[1] == "text/html (quoted-printable)"
    assert shown[3].split() == ["2:11", "a", "wrapped", "https://acme.com/sale"]
    assert shown[4] == "application/pdf (base64): left as it was (attachment)"
    assert shown[5] == "1 link: 1 wrapped, 0 left alone"
    assert shown[6].startswith("HTML of ")
    assert "under the 104,448 at which Gmail clips" in shown[6]
    assert run("inspect", "--text", mail).stdout.count("https://acme.com/plain") == 1


def test_inspect_as_json(run: Run, mail: Path) -> None:
    """JSON says of each part what is done, and of each link in which part it stands and where in its content."""
    found = json.loads(run("inspect", "--json", "--text", mail).stdout)
    assert [(part["content_type"], part["action"], part["reason"]) for part in found["parts"]] == [
        ("text/plain", "wrapped", None),
        ("text/html", "wrapped", None),
        ("application/pdf", "kept", "attachment"),
    ]
    assert [(link["part"], link["line"], link["url"]) for link in found["links"]] == [
        (0, 1, "https://acme.com/plain"),
        (1, 2, "https://acme.com/sale"),
    ]
    assert found["links"][1]["start"] == HTML.index(b"https://")
    assert found["summary"]["links"] == 2
    assert found["size"]["source"] == len(HTML) - 2  # the last line end is the boundary's


def test_inspect_of_a_signed_message(run: Run, tmp_path: Path) -> None:
    """A message that is kept as it is has no links to show, and no size."""
    path = tmp_path / "signed.eml"
    path.write_bytes(SIGNED)
    assert run("inspect", path).stdout.splitlines() == [
        "text/html (7bit): left as it was (signed)",
        "application/pgp-signature (7bit): left as it was (signed)",
        "0 links: 0 wrapped, 0 left alone",
    ]
    assert json.loads(run("inspect", "--json", path).stdout)["size"]["wrapped"] == 0


def test_strict(run: Run, tmp_path: Path) -> None:
    """--strict finds placeholders in a message too, and warnings name the part."""
    path = tmp_path / "mail.eml"
    path.write_bytes(b'Content-Type: text/html\n\n<a href="{{ url }}" data-msys-sublink="a/b">x</a>')
    result = run("inspect", "--strict", path)
    assert result.exit_code == 1
    assert "1 placeholder" in result.stderr
    assert "Warning: text/html: 1:10: " in result.stdout


def test_options_are_the_same_for_both_commands() -> None:
    """What says how a message is read can be said to wrap and to inspect."""
    for name in ("wrap", "inspect"):
        assert {"kind", "text"} <= {parameter.name for parameter in commands.commands[name].params}


@pytest.mark.parametrize("command", ["wrap", "inspect"])
def test_message_that_is_not_named_as_one(run: Run, command: str) -> None:
    """A message on standard input is not taken for HTML, which would break it; said to be HTML, it is."""
    mail = b"X-Loop: 1\r\nSubject: Sale\r\nContent-Type: text/html\r\n\r\n<a href='https://shop.test/'>Sale</a>\r\n"
    refused = run(command, "-", input=mail)
    assert refused.exit_code == 2
    assert "--type eml" in refused.stderr
    assert run(command, "--type", "eml", "-", input=mail).exit_code == 0
    assert run(command, "--type", "html", "-", input=mail).exit_code == 0
    assert run(command, "-", input=b"<p>From: here</p>\nSubject: no header").exit_code == 0
