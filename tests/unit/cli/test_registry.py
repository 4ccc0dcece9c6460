"""`wrap` and `inspect` with --registry: which of an account's domains the links go on."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Verified = Callable[..., None]

HTML = b'<a href="https://acme.com/">x</a>'
MESSAGE = b"From: Acme <news@mail.acme.test>\r\nContent-Type: text/html\r\n\r\n" + HTML
MAIN, LINKED, WAITING, NEWS = "click.acme.test", "mail-click.acme.test", "new.acme.test", "news-click.acme.test"


@pytest.fixture
def account(run: Run, verified: Verified, checks: Any, registry: str) -> list[str]:
    """The options for an account with a default, a linked domain, one of a subaccount and one that is not verified."""
    verified("acme", MAIN)
    verified("acme", LINKED)
    verified("acme", NEWS, "--subaccount", "news")
    run("domain", "add", WAITING, "--account", "acme")
    for arguments in (["default", MAIN], ["default", NEWS], ["assign", LINKED, "mail.acme.test"]):
        assert run("domain", *arguments).exit_code == 0
    return ["--registry", registry, "--account", "acme"]


def host_of(result: Result) -> str:
    """The host of the links in what wrap wrote."""
    assert result.exit_code == 0
    host: str
    [host] = set(re.findall(r'="https?://([^/"]+)/[fq]/', result.stdout))
    return host


def assert_refused(result: Result, *words: str) -> None:
    """One line, exit status 2, nothing written."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"Error: .*\n", result.stderr)
    assert "S3CRET" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("options", "source", "host"),
    [
        ([], HTML, MAIN),
        (["--type", "eml"], MESSAGE, LINKED),
        (["--type", "eml"], MESSAGE.replace(b"mail.acme", b"other.acme"), MAIN),
        (["--type", "eml"], MESSAGE.replace(b"From: Acme <news@mail.acme.test>", b"From: <<>>@,;\xff"), MAIN),
        (["--type", "eml", "--domain", MAIN], MESSAGE, MAIN),
        (["--domain", LINKED], HTML, LINKED),
        (["--subaccount", "news"], HTML, NEWS),
        (["--subaccount", "news", "--type", "eml"], MESSAGE, LINKED),
        (["--subaccount", "shop"], HTML, MAIN),
        (["--account", "nobody"], HTML, "spgo.io"),
    ],
)
def test_choice(run: Run, account: list[str], options: list[str], source: bytes, host: str) -> None:
    """The domain that is asked for goes before the one of the sender, and that before the defaults."""
    wrapped = run("wrap", *account, *options, input=source)
    assert host_of(wrapped) == host
    shown = run("inspect", "-", *account, *options, input=source)
    assert f"tracking domain: https://{host}\n" in shown.stdout
    found = run("inspect", "-", "--json", *account, *options, input=source)
    assert json.loads(found.stdout)["summary"]["tracking_domain"] == f"https://{host}"
    warning = "Warning: account 'nobody' has no domain in the registry: its links are on spgo.io\n"
    told = warning if "nobody" in options else ""
    assert [result.stderr for result in (wrapped, shown, found)] == [told] * 3


def test_each_file_by_its_sender(run: Run, account: list[str], tmp_path: Path) -> None:
    """Of many files, each goes out on the domain of its own sender."""
    senders = {"a.eml": "mail.acme.test", "b.eml": "other.acme.test", "c.eml": "MAIL.ACME.TEST"}
    for name, sender in senders.items():
        (tmp_path / name).write_bytes(MESSAGE.replace(b"mail.acme.test", sender.encode()))
    (tmp_path / "d.html").write_bytes(HTML)
    names = [tmp_path / name for name in [*senders, "d.html"]]
    result = run("wrap", *names, "-o", tmp_path / "out", *account)
    assert (result.exit_code, result.stderr) == (0, "4 files: 4 wrapped, 0 left, 0 failed\n")
    hosts = [re.findall(r"https://([^/]+)/f/", (tmp_path / "out" / name.name).read_text()) for name in names]
    assert hosts == [[LINKED], [MAIN], [LINKED], [MAIN]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--domain", WAITING], ["'new.acme.test' cannot be used: pending since 20"]),
        (["--domain", "click.other.test"], ["account 'acme' has no tracking domain 'click.other.test'"]),
        (["--domain", f"{MAIN}:8080"], ["no tracking domain"]),
        (["--domain", NEWS], ["no tracking domain"]),
        (["--domain", "https://x"], ["'--domain'"]),
        (["--account", ""], ["--registry needs --account"]),
        (["--account", "\udcff"], ["printable"]),
        (["--registry", "S3CRET"], ["must be that of a database"]),
        (["--cname-target", "spgo.io"], ["--cname-target"]),
        (["--account", "nobody", "--domain", MAIN], ["account 'nobody' has no tracking domain"]),
    ],
)
def test_refused(run: Run, account: list[str], tmp_path: Path, options: list[str], words: list[str]) -> None:
    """A domain that is not verified or another's is refused before anything is written."""
    for number in range(2):
        (tmp_path / f"{number}.html").write_bytes(HTML)
    files = [tmp_path / "0.html", tmp_path / "1.html"]
    assert_refused(run("wrap", *files, "-o", tmp_path / "out", *account, *options), *words)
    assert not (tmp_path / "out").exists()
    assert_refused(run("inspect", files[0], *account, *options), *words)


def test_size_is_that_of_what_wrap_writes(run: Run, account: list[str]) -> None:
    """The size that inspect shows of a message is the one with the domain of its sender."""
    wrapped = run("wrap", "--type", "eml", *account, input=MESSAGE).stdout_bytes
    found = json.loads(run("inspect", "-", "--type", "eml", "--json", *account, input=MESSAGE).stdout)
    assert found["size"]["wrapped"] == len(wrapped) - (len(MESSAGE) - len(HTML))


def test_registry_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """A mistyped registry is an error: mail must not go out on the default by mistake."""
    result = run("wrap", "--account", "acme", "--registry", f"sqlite:///{tmp_path}/S3CRET.db", input=HTML)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no registry yet: the file does not exist" in result.stderr
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "S3CRET.db").touch()
    result = run("wrap", "--account", "acme", "--registry", f"sqlite:///{tmp_path}/S3CRET.db", input=HTML)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no registry yet in this database" in result.stderr


def test_unknown_account(run: Run, tmp_path: Path, registry: str) -> None:
    """An account without a domain, which may be mistyped, is told once; its links are on the registry's target."""
    run("domain", "add", WAITING, "--account", "acme", "--cname-target", "links.mailer.test")
    warning = "Warning: account 'acmee' has no domain in the registry: its links are on links.mailer.test\n"
    options = ["--registry", registry, "--account", "acmee"]
    result = run("wrap", *options, input=HTML)
    assert (host_of(result), result.stderr) == ("links.mailer.test", warning)
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_bytes(HTML)
    result = run("wrap", tmp_path / "a.html", tmp_path / "b.html", "-o", tmp_path / "out", *options)
    assert (result.exit_code, result.stderr) == (0, warning + "2 files: 2 wrapped, 0 left, 0 failed\n")
    result = run("wrap", "--registry", registry, "--account", "acme", input=HTML)
    assert (host_of(result), result.stderr) == ("links.mailer.test", "")


@pytest.mark.parametrize("name", ["LINKWRAP_CNAME_TARGET", "LINKWRAP_REGISTRY"])
@pytest.mark.parametrize("arguments", [["wrap"], ["inspect", "-"]])
def test_environment_of_other_commands(
    run: Run, account: list[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str
) -> None:
    """What the environment has for `linkwrap domain` troubles no other command, with a registry or without."""
    without = run(*arguments, input=HTML)
    monkeypatch.setenv(name, "://S3CRET")
    result = run(*arguments, input=HTML)
    assert (result.exit_code, result.stderr, len(result.stdout)) == (0, "", len(without.stdout))
    result = run(*arguments, *account, input=HTML)
    assert (result.exit_code, result.stderr) == (0, "")
    assert MAIN in result.stdout


def test_without_registry(run: Run, account: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --registry nothing is looked up, whatever the environment has for other commands."""
    monkeypatch.setenv("LINKWRAP_CNAME_TARGET", "go.linkwrap.test")
    monkeypatch.setenv("LINKWRAP_REGISTRY", account[1])
    assert host_of(run("wrap", "--account", "acme", input=HTML)) == "spgo.io"
    assert host_of(run("wrap", "--account", "acme", "--domain", WAITING, input=HTML)) == WAITING
    assert_refused(run("wrap", "--subaccount", "news", input=HTML), "--registry")


def test_domain_of_the_environment(run: Run, account: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --registry, LINKWRAP_DOMAIN does not count, whatever it is; only --domain does."""
    for host in (LINKED, "other.test", "https://x"):
        monkeypatch.setenv("LINKWRAP_DOMAIN", host)
        assert host_of(run("wrap", *account, input=HTML)) == MAIN
        assert host_of(run("wrap", *account, "--domain", LINKED, input=HTML)) == LINKED


def test_http_is_for_a_domain_alone(run: Run, account: list[str]) -> None:
    """With --registry, that says whether links are https."""
    assert_refused(run("wrap", *account, "--http", input=HTML), "--http needs --domain, and no --registry")
    run("domain", "secure", MAIN, "--off")
    assert f'"http://{MAIN}/f/' in run("wrap", *account, input=HTML).stdout


def test_suspended_domain(run: Run, account: list[str], checks: Any) -> None:
    """A domain that is asked for and is suspended is refused, and the error says since when and why."""
    checks.leads(LINKED, "other.test")
    assert run("domain", "check", LINKED).exit_code == 1
    assert host_of(run("wrap", *account, "--type", "eml", input=MESSAGE)) == MAIN
    for command in (["wrap"], ["inspect", "-"]):
        result = run(*command, *account, "--domain", LINKED, input=HTML)
        assert_refused(result, f"'{LINKED}' cannot be used: suspended since 20", "points to other.test")


def test_inspect_without_keys(run: Run, account: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry is read without keys."""
    monkeypatch.delenv("LINKWRAP_KEYS")
    assert f"tracking domain: https://{MAIN}" in run("inspect", "-", *account, input=HTML).stdout
