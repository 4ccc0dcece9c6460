"""The redirect server: it stores each event before the reader is answered. The extra `server` brings what it needs."""
