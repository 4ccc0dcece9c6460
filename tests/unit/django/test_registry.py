"""The setting REGISTRY: mail is wrapped on the account's verified domain, as the registry picks it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Template
from django.test import Client, override_settings

from helpers.registries import CNAME_TARGET, StubCheck, open_registry, works
from linkwrap.django import conf

Configure = Callable[..., None]
MIDDLEWARE = "linkwrap.django.middleware.redirect_middleware"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A registry in which acme has two verified domains, one for mail from news.acme.example, and one that is not."""
    url = f"sqlite:///{tmp_path}/domains.db"
    stub = StubCheck()
    with open_registry(url, check=stub) as registry:
        for host in ("click.acme.example", "news.acme.example", "new.acme.example"):
            registry.add(host, account="acme", ownership_trusted=True)
        for host in ("click.acme.example", "news.acme.example"):
            stub.say(host, works(host, https=True))
            registry.check(host)
        registry.set_default("click.acme.example")
        registry.assign("news.acme.example", "letters.acme.example")
    return url


@pytest.fixture(autouse=True)
def _middleware() -> Iterator[None]:
    """The project answers on all of its tracking domains."""
    with override_settings(MIDDLEWARE=[MIDDLEWARE]):
        yield


@pytest.fixture
def project(configure: Configure, url: str) -> Configure:
    """A project that sends acme's mail."""
    configure(REGISTRY=url, TRACKING_DOMAIN=CNAME_TARGET, RAISE_ERRORS=True)
    return configure


def send(outbox: list[Any], sender: str = "shop@acme.example", **linkwrap: Any) -> str:
    """Send a mail, and return its HTML as it went out."""
    message = EmailMultiAlternatives("Sale", "Sale", sender, ["ada@example.com"])
    message.attach_alternative('<a href="https://acme.example/">Sale</a>', "text/html")
    message.linkwrap = linkwrap  # type: ignore[attr-defined]
    message.send()
    return str(outbox[-1].alternatives[0][0])


def found() -> list[tuple[str, str]]:
    """The id and message of each fault."""
    return [(str(fault.id), fault.msg) for fault in run_checks(tags=["linkwrap"])]


def test_mail_is_on_the_accounts_domain(project: Configure, outbox: list[Any]) -> None:
    """The default, the one that the sending domain is assigned to, the one that is requested; else the CNAME target."""
    assert found() == []
    assert 'href="https://click.acme.example/f/' in send(outbox)
    assert 'href="https://click.acme.example/f/' in send(outbox, "no address")
    assert 'href="https://news.acme.example/f/' in send(outbox, "Acme <shop@letters.acme.example>")
    assert 'href="https://news.acme.example/f/' in send(outbox, tracking_domain="news.acme.example")
    assert f'href="https://{CNAME_TARGET}/f/' in send(outbox, account_id="other")
    project(REGISTRY=None, TRACKING_DOMAIN="go.acme.test")
    assert 'href="https://go.acme.test/f/' in send(outbox)


def test_link_leads_on(project: Configure, outbox: list[Any]) -> None:
    """From the mail to its destination, on a domain that ALLOWED_HOSTS does not list; also once it was removed."""
    link = send(outbox).partition('href="https://click.acme.example')[2].partition('"')[0]
    assert Client().get(link, headers={"host": "click.acme.example"}).headers["Location"] == "https://acme.example/"
    registry = conf.registry()
    assert registry is not None
    registry.remove("click.acme.example")
    assert Client().get(link, headers={"host": "click.acme.example"}).status_code == 302


def test_mail_without_an_account(project: Configure, url: str, outbox: list[Any]) -> None:
    """It is on TRACKING_DOMAIN, unless the message names its account."""
    project(REGISTRY=url, TRACKING_DOMAIN=CNAME_TARGET, ACCOUNT_ID="")
    assert f'href="https://{CNAME_TARGET}/f/' in send(outbox)
    assert 'href="https://click.acme.example/f/' in send(outbox, account_id="acme")


@pytest.mark.parametrize("host", ["new.acme.example", "click.b.example"])
def test_domain_that_cannot_be_used(project: Configure, outbox: list[Any], host: str) -> None:
    """One that is not verified, or another's, is not taken; links on it would be dead."""
    with pytest.raises(ValueError, match=host):
        send(outbox, tracking_domain=host)


def test_template_tags(project: Configure) -> None:
    """They use the account's domain too, and an option of the tag comes first."""
    template = Template(
        "{% load linkwrap %}{% wrap_url 'https://acme.example/' %} "
        "{% linkwrap tracking_domain='news.acme.example' %}<a href='https://acme.example/'>x</a>{% endlinkwrap %}"
    )
    first, second = template.render(Context({"linkwrap": {"metadata": {"rcpt": "r-42"}}})).split(" ", 1)
    assert first.startswith("https://click.acme.example/f/")
    assert "https://news.acme.example/f/" in second


def test_registry_that_is_away(project: Configure, url: str, outbox: list[Any], linkwrap_log: Any) -> None:
    """The account that was read before is used; a first mail goes out unwrapped, as where wrapping fails."""
    send(outbox)
    registry = conf.registry()
    assert registry is not None
    registry._accounts._entries["acme"] = (0.0, registry.account("acme"))
    Path(url.removeprefix("sqlite:///")).unlink()
    assert 'href="https://click.acme.example/f/' in send(outbox)
    project(REGISTRY=url, TRACKING_DOMAIN=CNAME_TARGET, RAISE_ERRORS=False)
    assert 'href="https://acme.example/"' in send(outbox)
    assert "goes out unwrapped: NoRegistry" in linkwrap_log()


def test_checks(configure: Configure, url: str, tmp_path: Path) -> None:
    """A registry that cannot be used is a warning: nothing else waits for it."""
    for entries, id_, message in (
        ({"REGISTRY": 5}, "E003", "REGISTRY must be a URL, not int"),
        ({"REGISTRY": "mysql://user:secret@host/"}, "W004", "must be SQLite or PostgreSQL, not mysql"),
        ({"REGISTRY": f"sqlite:///{tmp_path}/none.db"}, "W004", "there is no registry yet"),
        ({"REGISTRY": url, "TRACKING_DOMAIN": "go.acme.test"}, "W004", CNAME_TARGET),
    ):
        configure(**{"TRACKING_DOMAIN": CNAME_TARGET, **entries})
        [(told, text)] = found()
        assert told == f"linkwrap.{id_}"
        assert message in text
        assert "secret" not in text


def test_domains_of_the_registry_need_the_middleware(configure: Configure, url: str) -> None:
    """With the URLconf alone, Django refuses hosts that are not listed."""
    configure(REGISTRY=url, TRACKING_DOMAIN=CNAME_TARGET)
    with override_settings(MIDDLEWARE=[]):
        [(told, text)] = found()
        assert told == "linkwrap.W002"
        assert "the domains of the REGISTRY are not in ALLOWED_HOSTS" in text
        with override_settings(ALLOWED_HOSTS=["*"]):
            assert found() == []


def test_missing_extra(configure: Configure, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it."""
    configure(REGISTRY=url, TRACKING_DOMAIN=CNAME_TARGET)
    monkeypatch.setitem(sys.modules, "linkwrap.domains", None)
    [(told, text)] = found()
    assert told == "linkwrap.W004"
    assert "LINKWRAP['REGISTRY']" in text
