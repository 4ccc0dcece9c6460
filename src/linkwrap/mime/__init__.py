"""Messages: which parts are wrapped (`LinkWrapper.compile_message`), and the headers of one-click unsubscribe."""

from .unsubscribe import unsubscribe_headers

__all__ = ["unsubscribe_headers"]
