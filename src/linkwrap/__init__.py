"""linkwrap wraps the links of outbound HTML email in signed redirect URLs, and redeems those URLs again."""

from .account import Account, TrackingDomain
from .errors import DomainError, InvalidToken, LinkWrapError, OptionError
from .mime.template import MessageTemplate
from .policy import Link, LinkPolicy
from .resolver import Click, Open, Resolver
from .template import LinkTemplate
from .tokens import SigningKeys
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
]
