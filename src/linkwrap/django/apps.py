"""The app that `INSTALLED_APPS` names, with the system checks and the template tags."""

from django.apps import AppConfig
from django.core import checks


class LinkWrapConfig(AppConfig):
    """`linkwrap.django`, with the label `linkwrap`."""

    name = "linkwrap.django"
    label = "linkwrap"
    verbose_name: str = "linkwrap"

    def ready(self) -> None:
        """Register the checks."""
        from . import checks as ours

        for check in (
            ours.check_settings,
            ours.check_store,
            ours.check_registry,
            ours.check_middleware,
            ours.check_allowed_hosts,
        ):
            checks.register(check, "linkwrap")
