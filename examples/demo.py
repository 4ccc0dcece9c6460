"""Wraps examples/newsletter.html, runs the redirect server, follows links as people and machines do, shows the events.

`make demo` runs it. It asks no network but this machine's loopback, and stops the server and removes the store in the
end. The wrapped mail is in examples/out/newsletter.html afterwards.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from rich.console import Console

from linkwrap import LinkTemplate, LinkWrapper, Resolver, SigningKeys, TrackingDomain
from linkwrap.server.store import Store

HERE = Path(__file__).parent
LINKWRAP = [sys.executable, "-c", "from linkwrap.cli import main; main()"]  # the command linkwrap
WAIT_SECONDS = 30
PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
SCANNER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36"}
console = Console()


class Visit(NamedTuple):
    """One request: who sends it, for which link (None is the open pixel), and the event that it should make."""

    who: str
    method: str
    headers: dict[str, str]
    link: str | None
    event: tuple[str, str]


VISITS = (
    Visit("a person opens the mail", "GET", PERSON, None, ("open", "unknown")),
    Visit("a person clicks", "GET", PERSON, "Hero button", ("click", "unknown")),
    Visit("a browser prefetches", "GET", PERSON | {"Sec-Purpose": "prefetch"}, "Fit guide", ("click", "prefetch")),
    Visit("a scanner looks with HEAD", "HEAD", {}, "Film", ("click", "prefetch")),
    Visit("a scanner follows all links", "GET", SCANNER, "Unsubscribe", ("click", "scanner")),
    Visit("a person unsubscribes", "GET", PERSON, "Unsubscribe", ("link_unsubscribe", "unknown")),
)


def main() -> None:
    """Go the whole way, from a newsletter to stored events; the first step that fails ends it with a sentence."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that the server is stopped then too
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    key = SigningKeys.generate()  # in production, in LINKWRAP_KEYS where mail is sent and for the redirect server
    domain = TrackingDomain(f"localhost:{port}", secure=False, verified=True)  # in production "click.acme.com"
    keys = SigningKeys(key)
    template, mail = wrap(LinkWrapper(keys, account_id="alder", tracking_domain=domain))
    destinations = {link.name: link.url for link in template.links}
    # The URLs that are in the mail now, by the names of their links; the last image is the pixel.
    wrapped = [str(link["href"]) for link in mail.find_all("a", href=True)]
    urls = {Resolver(keys).resolve(url).link_name: url for url in wrapped if url.startswith(f"{domain.origin}/")}
    urls["the pixel"] = mail.find_all("img")[-1]["src"]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "events.db"
        server = start(port, store, key)
        try:
            for visit in VISITS:
                answer = (200, None) if visit.link is None else (302, destinations[visit.link])
                follow(visit, urls[visit.link or "the pixel"], answer, port)
        finally:
            server.terminate()
            status = server.wait(WAIT_SECONDS)
        if status:
            sys.exit(f"the redirect server ended with status {status}")
        show(store)


def wrap(wrapper: LinkWrapper) -> tuple[LinkTemplate, BeautifulSoup]:
    """Wrap the newsletter; return its template, and the mail as a mail client reads it."""
    # Once per campaign. Fill in placeholders before this, or let a template engine fill in them and the slots.
    template = wrapper.compile((HERE / "newsletter.html").read_bytes())
    for link in template.links:
        decision = "wrapped" if link.wrapped else f"left alone ({link.reason})"
        say(f"{link.element:12}{link.name or '':28}{decision:26}{link.url or link.href}")

    # Once per recipient.
    wrapped = wrapper.render(template, {"campaign": "autumn", "rcpt": "r-42"})
    out = HERE / "out" / "newsletter.html"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(wrapped)
    count = sum(link.wrapped for link in template.links)
    say(f"\n{count} of {len(template.links)} links wrapped: {out.relative_to(HERE.parent)}")
    return template, BeautifulSoup(wrapped, "lxml")


def start(port: int, store: Path, key: str) -> "subprocess.Popen[bytes]":
    """Start the redirect server, and wait until it answers."""
    options = ["serve", "--listen", f"127.0.0.1:{port}", "--store", str(store), "--workers", "1"]
    say(f"\n$ linkwrap {' '.join(options)}")
    sys.stdout.flush()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LINKWRAP_")}
    server = subprocess.Popen([*LINKWRAP, *options], env=environment | {"LINKWRAP_KEYS": key})
    try:
        ends = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < ends and server.poll() is None:
            try:
                request("GET", "/", {}, port)
            except OSError:
                time.sleep(0.05)
            else:
                return server
        sys.exit("the redirect server did not start")
    except BaseException:
        server.kill()
        server.wait()
        raise


def follow(visit: Visit, url: str, expected: tuple[int, str | None], port: int) -> None:
    """Send one visitor's request, and compare the answer: a redirect to the destination, or the pixel."""
    answer = request(visit.method, urlsplit(url).path, visit.headers, port)
    say(f"\n{visit.who}: {visit.method} {url}\n{answer[0]} {answer[1] or ''}")
    if answer != expected:
        sys.exit(f"the redirect server should have answered {expected[0]} {expected[1] or ''}")


def request(method: str, path: str, headers: dict[str, str], port: int) -> tuple[int, str | None]:
    """Send a request to the redirect server; return the status and where it leads. Nobody goes there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        connection.request(method, path, headers={"Host": f"localhost:{port}", **headers})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["Location"]
    finally:
        connection.close()


def show(store: Path) -> None:
    """Print what is stored, as the command line does; it must be the events of the visits."""
    say("\n$ linkwrap events list")
    sys.stdout.flush()
    if subprocess.run([*LINKWRAP, "events", "list", "--store", str(store)], check=False).returncode:
        sys.exit("the events cannot be listed")
    with Store(store) as opened:
        found = [(stored.event.type, stored.event.visitor, stored.event.target_link_name) for stored in opened.events()]
    if found != [(*visit.event, visit.link) for visit in VISITS]:
        sys.exit("the stored events are not those of the visits")


def say(text: str) -> None:
    """Print a line."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
