"""MIME messages: which parts are wrapped, and the headers of one-click unsubscribe."""
