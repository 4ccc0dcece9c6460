"""The checks of a domain: DNS questions, authoritative name servers, the redirect server, and many checks at once."""

from .. import _packages  # noqa: F401  # its error names the extra
