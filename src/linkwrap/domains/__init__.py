"""Custom tracking domains, from request to use. It needs the extra `domains` (dnspython, httpx and SQLAlchemy).

    request ─▶ DNS records ─▶ checks: DNS, ownership, redirect server ─▶ state ─▶ Account for `LinkWrapper`

`DomainRegistry` keeps them in a database. Only `check`, `check_due` and their async twins ask the network.
"""

from typing import TYPE_CHECKING, Any

from .model import Change, DnsRecord, Domain, DomainRequest, NoRegistry
from .results import Caa, CheckResult, DnsResolverAnswer, Evidence, Probe
from .traces import Hop, ServerAnswer, Trace

if TYPE_CHECKING:
    from .checks.network import Network
    from .registry import DomainRegistry

__all__ = [
    "Caa",
    "Change",
    "CheckResult",
    "DnsRecord",
    "DnsResolverAnswer",
    "Domain",
    "DomainRegistry",
    "DomainRequest",
    "Evidence",
    "Hop",
    "Network",
    "NoRegistry",
    "Probe",
    "ServerAnswer",
    "Trace",
]


def __getattr__(name: str) -> Any:
    """Import what needs third-party packages when it is first used: the values need none."""
    if name not in ("DomainRegistry", "Network"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .checks.network import Network
    from .registry import DomainRegistry

    globals().update(Network=Network, DomainRegistry=DomainRegistry)
    return globals()[name]
