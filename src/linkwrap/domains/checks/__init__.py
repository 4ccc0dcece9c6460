"""How a domain is checked: DNS questions, authoritative name servers, the redirect server, and many checks at once."""
