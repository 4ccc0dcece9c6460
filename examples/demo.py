"""Wraps examples/newsletter.html, shows what became of each link, and follows a link and the pixel as a reader would.

`make demo` runs it. The wrapped mail is in examples/out/newsletter.html afterwards.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from rich.console import Console

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.cli.inspect import links_table
from linkwrap.endpoint import respond

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    """The way of a newsletter: wrapped once, sent, clicked."""
    keys = SigningKeys(SigningKeys.generate())  # in real life: SigningKeys.from_env("LINKWRAP_KEYS")
    wrapper = LinkWrapper(keys, account_id="alder", tracking_domain="click.example.com")

    # Once per campaign. A real mail's placeholders are filled in before this, or by a merge engine through slots.
    newsletter = (HERE / "newsletter.html").read_bytes()
    template = wrapper.compile(newsletter)
    console.print(links_table(template.links, newsletter))

    # Once per recipient.
    wrapped = wrapper.render(template, {"campaign": "autumn", "rcpt": "r-42"})
    out = HERE / "out" / "newsletter.html"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(wrapped)
    count = sum(link.wrapped for link in template.links)
    console.print(f"\n{count} of {len(template.links)} links wrapped: {out.relative_to(HERE.parent)}")

    # What the redirect endpoint answers to the reader's mail client and browser.
    mail = BeautifulSoup(wrapped, "lxml")
    follow(Resolver(keys), mail.find("a", class_="button-a")["href"])
    follow(Resolver(keys), mail.find_all("img")[-1]["src"])


def follow(resolver: Resolver, url: str) -> None:
    """Request a redirect URL, and print the response and the event that one would store."""
    parts = urlsplit(url)
    browser = {"User-Agent": "demo/1.0"}
    response = respond(resolver, method="GET", raw_path=parts.path, host=parts.netloc, headers=browser)
    answer = f"{response.status} {response.headers.get('Location', '')}"
    console.print(f"\nGET {url}\n{answer}", markup=False, soft_wrap=True)
    console.print_json(json.dumps(response.event))


if __name__ == "__main__":
    main()
