"""Wraps examples/newsletter.html, shows the decision about each link, follows a link and the pixel as a reader does.

`make demo` runs it. The wrapped mail is in examples/out/newsletter.html afterwards.
"""

import json
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from rich.console import Console

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.endpoint import respond

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    """Wrap a newsletter and click a link of it."""
    keys = SigningKeys(SigningKeys.generate())  # in production: SigningKeys.from_env("LINKWRAP_KEYS")
    wrapper = LinkWrapper(keys, account_id="alder", tracking_domain="click.example.com")

    # Once per campaign. Fill in placeholders before this, or let a template engine fill in them and the slots.
    newsletter = (HERE / "newsletter.html").read_bytes()
    template = wrapper.compile(newsletter)
    for link in template.links:
        decision = "wrapped" if link.wrapped else f"left alone ({link.reason})"
        line = f"{link.element:12}{link.name or '':28}{decision:26}{link.url or link.href}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    # Once per recipient.
    wrapped = wrapper.render(template, {"campaign": "autumn", "rcpt": "r-42"})
    out = HERE / "out" / "newsletter.html"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(wrapped)
    count = sum(link.wrapped for link in template.links)
    console.print(f"\n{count} of {len(template.links)} links wrapped: {out.relative_to(HERE.parent)}")

    # The responses of the redirect endpoint to the reader's browser and mail client.
    mail = BeautifulSoup(wrapped, "lxml")
    follow(Resolver(keys), mail.find("a", class_="button-a")["href"])
    follow(Resolver(keys), mail.find_all("img")[-1]["src"])


def follow(resolver: Resolver, url: str) -> None:
    """Request a redirect URL; print the response and the event to store."""
    parts = urlsplit(url)
    browser = {"User-Agent": "demo/1.0"}
    response = respond(resolver, method="GET", raw_path=parts.path, host=parts.netloc, headers=browser)
    answer = f"{response.status} {response.headers.get('Location', '')}"
    console.print(f"\nGET {url}\n{answer}", markup=False, soft_wrap=True)
    console.print_json(json.dumps(response.event and response.event.as_dict()))


if __name__ == "__main__":
    main()
