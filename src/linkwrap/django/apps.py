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
        from .checks import check_allowed_hosts, check_settings

        checks.register(check_settings, "linkwrap")
        checks.register(check_allowed_hosts, "linkwrap")
