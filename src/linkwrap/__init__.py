"""linkwrap wraps the links of outbound HTML email in signed redirect URLs, and resolves those URLs again."""

from typing import TYPE_CHECKING, Any

from ._mime.template import MessageTemplate
from .account import Account, TrackingDomain
from .errors import DomainError, InvalidToken, LinkWrapError, OptionError
from .keys import SigningKeys
from .link import Link
from .policy import LinkPolicy
from .template import LinkTemplate
from .wrapper import LinkWrapper

if TYPE_CHECKING:
    from .resolver import Click, Open, Resolver, Unsubscribe

__all__ = [
    "Account",
    "Click",
    "DomainError",
    "InvalidToken",
    "Link",
    "LinkPolicy",
    "LinkTemplate",
    "LinkWrapError",
    "LinkWrapper",
    "MessageTemplate",
    "Open",
    "OptionError",
    "Resolver",
    "SigningKeys",
    "TrackingDomain",
    "Unsubscribe",
]


def __getattr__(name: str) -> Any:
    # Programs that only wrap start in less time without the resolver.
    if name in {"Click", "Open", "Resolver", "Unsubscribe"}:
        from . import resolver

        return getattr(resolver, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
