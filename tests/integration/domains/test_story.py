"""The whole way of a custom tracking domain, from request to use, with real name servers, resolvers and PostgreSQL."""

import http.client
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from helpers.dnsworld import World
from helpers.postgres import Postgres
from helpers.redirector import REDIRECTOR, Redirector
from linkwrap import LinkWrapper
from linkwrap.domains import Change, DomainRegistry, Network

MAIL = '<body>Hello! <a href="https://shop.example/sale?a=1&amp;b=2" data-msys-linkname="Sale">Shop now</a></body>'


def test_story(
    world: World,
    redirector: Redirector,
    network: Network,
    postgres: Postgres,
    age: Callable[[DomainRegistry, float], None],
) -> None:
    """A mail goes out on spgo.io, the domain is set up, seen, proven, told and used; the links of all mails work."""
    url = postgres.new_database()
    told: list[Change] = []
    registry = DomainRegistry(url, keys=redirector.keys, network=network, cname_target="spgo.io", on_change=told.append)
    wrapper = LinkWrapper(redirector.keys, account_id="acme")

    def send(rcpt: str) -> str:
        """Wrap a mail from news@acme.test; return the URL of its link."""
        domain = registry.account("acme").tracking_domain(sending_domain="acme.test")
        mail = wrapper.wrap(MAIL, {"rcpt": rcpt}, tracking_domain=domain)
        [link] = re.findall(r'href="([^"]+)"', mail)
        return link

    def click(url: str) -> tuple[int, str | None]:
        """Open a URL as a reader's browser does, all tracking hosts being at the redirector's address."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(REDIRECTOR, redirector.http_port, timeout=5)
        connection.request("GET", parts.path, headers={"Host": parts.netloc})
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.getheader("Location")

    # 1. The account asks for a subdomain of its own, for the mail of its sending domain, and is given the records.
    world.zone("acme.test", "www A 127.0.80.2", negative_ttl=300)
    request = registry.add("Click.Acme.test.", account="acme")
    registry.assign("click.acme.test", "acme.test")
    cname, txt = request.zone_lines
    assert cname == "click.acme.test. 300 IN CNAME spgo.io."

    # Until it is verified, mail goes out on the system's default.
    [result] = registry.check_due()
    assert result.domain.state == "pending"
    before = send("r-1")
    assert before.startswith("https://spgo.io/f/a/")

    # 2. The record is saved, and appears on one of the two servers.
    lines = f"www A 127.0.80.2\n{cname}\n{txt}"
    world.zone("acme.test", {"ns1": lines, "ns2": "www A 127.0.80.2"}, negative_ttl=300)
    assert registry.check_due() == [], "it is not due yet"
    age(registry, 60)
    [result] = registry.check_due()
    assert result.domain.state == "propagating"
    assert "ns2.servers.test (127.0.53.12): the name does not exist" in result.advice[0]
    assert send("r-2").startswith("https://spgo.io/")

    # 3. It is on both. Resolvers may still hold that there was none, for as long as the zone says.
    world.zone("acme.test", lines, negative_ttl=300)
    age(registry, 600)
    [result] = registry.check_due()
    assert result.domain.state == "propagating"
    assert send("r-3").startswith("https://spgo.io/")

    # 4. That is over: it has propagated completely, the redirect server answers through it, and the account changes.
    redirector.certify("click.acme.test")
    age(registry, 301)
    [result] = registry.check_due()
    assert result.verified
    assert result.domain.secure

    # 5. The owner is told, at once and again by whoever reads on from where they were.
    assert [(change.kind, change.previous_state, change.state, change.value) for change in told] == [
        ("added", None, "pending", None),
        ("assigned", "pending", "pending", "acme.test"),
        ("state", "pending", "propagating", None),
        ("state", "propagating", "verified", None),
        ("secure", "verified", "verified", True),
    ]
    assert told[-1].evidence
    assert told[-1].evidence["https"]["status"] == "confirmed"
    with DomainRegistry(url, keys=redirector.keys, network=network) as notifier:
        assert notifier.changes(after=told[1].id) == told[2:]

    # 6. From then on the links are on the custom domain, and those of before still work.
    after = send("r-4")
    assert after.startswith("https://click.acme.test/f/a/")
    for link in (before, after):
        assert click(link) == (302, "https://shop.example/sale?a=1&b=2")
    assert [event["tracking_domain"] for event in redirector.events] == ["spgo.io", "click.acme.test"]
    assert [event["rcpt_meta"] for event in redirector.events] == [{"rcpt": "r-1"}, {"rcpt": "r-4"}]
    moved = after.replace("click.acme.test", "spgo.io")
    assert click(moved)[0] == 404, "a token works on one host only"
    registry.remove("click.acme.test")
    assert send("r-5").startswith("https://spgo.io/")
    assert click(after)[0] == 302, "links never die"
    registry.close()
