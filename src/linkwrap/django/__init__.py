"""Django: an email backend, a template tag, and the redirect endpoint with its signals. It needs the extra `django`.

    INSTALLED_APPS = [..., "linkwrap.django"]                   # checks, template tags
    EMAIL_BACKEND = "linkwrap.django.backend.EmailBackend"      # wraps each message, then hands it to INNER_BACKEND
    LINKWRAP = {"TRACKING_DOMAIN": "click.acme.com"}            # keys come from LINKWRAP_KEYS where "KEYS" is left out
    urlpatterns = [path("", include("linkwrap.django.urls"))]   # the redirect endpoint

Each of the four works without the others. Nothing here is logged about a recipient, and no URL.
"""
