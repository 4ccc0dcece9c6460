"""The URLconf of the redirect endpoint, to be included at the root of the tracking domain, in front of other patterns.

urlpatterns = [path("", include("linkwrap.django.urls")), ...]
"""

from typing import Final

from django.urls import URLPattern, re_path

from .views import endpoint

PATHS: Final = r"^(?:f|q|u|\.well-known/linkwrap)/"
"""How the paths of the endpoint begin, behind the first slash."""

urlpatterns: list[URLPattern] = [re_path(PATHS, endpoint)]
