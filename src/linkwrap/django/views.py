"""The redirect endpoint as a Django view.

The host is `request.get_host()`, so `ALLOWED_HOSTS` holds every tracking domain, and `X-Forwarded-Host` counts where
`USE_X_FORWARDED_HOST` says that a proxy sets it. The reader's address is `REMOTE_ADDR`, as your middleware leaves it.
"""

from urllib.parse import quote

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..endpoint import MAX_BODY, respond
from . import conf, signals


# A transaction around the request would cost the reader the page while the database is down.
@non_atomic_requests
@csrf_exempt
def endpoint(request: HttpRequest) -> HttpResponse:
    """Answer one request by `linkwrap.endpoint.respond`, and send its event as a signal."""
    response = respond(
        conf.load().resolver,
        method=request.method or "",
        raw_path=raw_path(request),
        host=request.get_host(),
        headers=request.headers,
        ip_address=request.META.get("REMOTE_ADDR"),
        body=request.read(MAX_BODY + 1) if request.method == "POST" else b"",
    )
    if response.event is not None:
        signals.announce(response.event, request)
    kind = Redirect if "Location" in response.headers else HttpResponse
    return kind(response.body, status=response.status, headers=response.headers)


class Redirect(HttpResponse):
    """A redirect to exactly what was signed: Django's own encodes some characters of a URL again."""

    @property
    def url(self) -> str:
        """The destination, where Django's test client looks for it."""
        return self.headers["Location"]


def raw_path(request: HttpRequest) -> str:
    """Return the request's path percent-encoded, to be decoded once by `respond`.

    Servers decode the path once before Django sees it, and WSGI has no standard name for what they got. Encoding that
    again is exact: what `respond` decodes is what the server decoded, `%2541` stays another path than `%41`, and a
    genuine link holds nothing that needs encoding at all. It also holds where a proxy or WSGI middleware has rewritten
    the path, which the names that some servers use (`RAW_URI`, `REQUEST_URI`, `raw_path`) do not show.
    """
    return quote(request.path_info, errors="replace")
