"""The shop's app."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Connects the receivers of linkwrap's signals."""

    name = "shop"

    def ready(self) -> None:
        """Import the receivers."""
        from . import events  # noqa: F401
