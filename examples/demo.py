"""Wraps examples/newsletter.html, shows each link, and follows a link and the pixel as a reader would.

`make demo` runs it. The wrapped mail is in examples/out/newsletter.html afterwards.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from rich.console import Console

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.cli.inspect import find_links, links_table
from linkwrap.cli.output import print_lines
from linkwrap.endpoint import respond

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    """Wrap a newsletter, then click a link of it and load its pixel."""
    keys = SigningKeys(SigningKeys.generate())  # in real life: SigningKeys.from_env("LINKWRAP_KEYS")
    wrapper = LinkWrapper(keys, account_id="alder", tracking_domain="click.example.com")

    # Once per campaign. A real mail's placeholders are filled in before this, or by a merge engine through slots.
    template = wrapper.compile((HERE / "newsletter.html").read_bytes())
    print_lines([links_table(find_links(template))])

    # Once per recipient.
    wrapped = wrapper.render(template, {"campaign": "autumn", "rcpt": "r-42"})
    out = HERE / "out" / "newsletter.html"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(wrapped)
    count = sum(link.wrapped for link in template.links)
    console.print(f"\n{count} of {len(template.links)} links wrapped: {out.relative_to(HERE.parent)}")

    # The answers of the redirect server to the reader's mail client and browser.
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
