"""Custom tracking domains, from request to use. It needs the extra `domains` (dnspython, httpx and SQLAlchemy).

    request ─▶ records to create ─▶ checks: DNS, owner, redirector ─▶ state ─▶ Account for `LinkWrapper`

`DomainRegistry` keeps them in a database; nothing of it asks the network but `verify` and `verify_due`.
"""

from .._extras import missing_extra

try:
    from .domain import Change, Domain
    from .findings import Findings, ResolverAnswer
    from .network import Network
    from .proof import Proof
    from .records import DnsRecord, DomainRequest
    from .registry import DomainRegistry
    from .trace import Hop, ServerAnswer, Trace
    from .verification import Verification
except ModuleNotFoundError as _error:
    raise missing_extra(_error, "domains", "dns", "httpx", "sqlalchemy") from None

__all__ = [
    "Change",
    "DnsRecord",
    "Domain",
    "DomainRegistry",
    "DomainRequest",
    "Findings",
    "Hop",
    "Network",
    "Proof",
    "ResolverAnswer",
    "ServerAnswer",
    "Trace",
    "Verification",
]
