"""linkwrap wraps the links of outbound HTML email in signed redirect URLs, and resolves those URLs again."""

from ._mime.template import MessageTemplate
from .account import Account, TrackingDomain
from .errors import DomainError, InvalidToken, LinkWrapError, OptionError
from .keys import SigningKeys
from .link import Link
from .policy import LinkPolicy
from .resolver import Click, Open, Resolver, Unsubscribe
from .template import LinkTemplate
from .wrapper import LinkWrapper

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
