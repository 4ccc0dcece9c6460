"""The URLconf of the redirect endpoint, to be included at the root of the tracking domain, in front of other patterns.

urlpatterns = [path("", include("linkwrap.django.urls")), ...]
"""

from django.urls import URLPattern, re_path

from .views import endpoint

urlpatterns: list[URLPattern] = [re_path(r"^(?:f|q|u|\.well-known/linkwrap)/", endpoint)]
