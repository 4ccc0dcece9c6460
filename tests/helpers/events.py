"""Events for tests of the store and of what stands before and behind it."""

import uuid
from typing import Any

from linkwrap.events import Event

AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)


def an_event(number: int, **changes: Any) -> Event:
    """Return a click of the recipient `r-NUMBER`, `number` seconds after a fixed time."""
    values: dict[str, Any] = {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event {number}")),
        "type": "click",
        "timestamp": 1_760_000_000 + number,
        "account_id": "acme",
        "tracking_domain": "click.acme.com",
        "target_link_url": "https://acme.com/shop/sale?utm_source=newsletter&utm_campaign=autumn",
        "target_link_name": "Shop",
        "target_link_part": "html",
        "target_link_index": 3,
        "rcpt_meta": {"rcpt": f"r-{number}", "campaign_id": "c-7"},
        "sent_at": 1_759_987_200,
        "visitor": "person",
        "visitor_reasons": ("agent",),
        "ip_address": "203.0.113.0",
        "user_agent": AGENT,
    }
    return Event(**values | changes)
