"""Django: an email backend, a template tag, and the redirect endpoint with its signals, with the extra `django`.

    INSTALLED_APPS = [..., "linkwrap.django"]                   # checks, template tags
    EMAIL_BACKEND = "linkwrap.django.backend.EmailBackend"      # wraps each message, then hands it to INNER_BACKEND
    LINKWRAP = {"TRACKING_DOMAIN": "click.acme.com"}            # keys come from LINKWRAP_KEYS where "KEYS" is left out
    urlpatterns = [path("", include("linkwrap.django.urls"))]   # the redirect endpoint

Each of the four works without the others. No log entry holds a recipient or a URL.
"""

from .._extras import missing_extra

try:
    import django  # noqa: F401
except ModuleNotFoundError as _error:
    raise missing_extra(_error, "django", "django") from None
