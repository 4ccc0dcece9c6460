"""The redirect endpoint as a Django view.

The host is that of the request, and `X-Forwarded-Host` counts where `USE_X_FORWARDED_HOST` is on. `ALLOWED_HOSTS` is
not asked, as no response is made of the host: what is answered was signed for it. The reader's address is
`REMOTE_ADDR`, as your middleware leaves it.
"""

from urllib.parse import quote

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..endpoint import MAX_BODY, respond
from . import conf, signals


# With a transaction around it, the request would fail while the database is down.
@non_atomic_requests
@csrf_exempt
def endpoint(request: HttpRequest) -> HttpResponse:
    """Answer one request by `linkwrap.endpoint.respond`; store its event if there is a `STORE`, and send its signal."""
    try:
        body = read_body(request) if request.method == "POST" else b""
    except (
        Exception
    ):  # the client broke off, or sent chunks that are none: servers have exceptions of their own for that
        return HttpResponse(status=400)
    config = conf.load()
    response = respond(
        config.resolver,
        method=request.method or "",
        raw_path=raw_path(request),
        host=host_of(request),
        headers=request.headers,
        ip_address=request.META.get("REMOTE_ADDR"),
        ip=config.ip,
        body=body,
    )
    if response.event is not None:
        if config.recorder is not None:
            config.recorder.record(response.event)
        signals.announce(response.event, request)
    kind = Redirect if "Location" in response.headers else HttpResponse
    return kind(response.body, status=response.status, headers=response.headers)


class Redirect(HttpResponse):
    """A redirect to exactly what was signed: Django's own encodes some characters of a URL again."""

    @property
    def url(self) -> str:
        """The destination, where Django's test client looks for it."""
        return self.headers["Location"]


def host_of(request: HttpRequest) -> str:
    """Return the host that the reader's client asked for, whether or not `ALLOWED_HOSTS` has it."""
    forwarded = request.META.get("HTTP_X_FORWARDED_HOST") if settings.USE_X_FORWARDED_HOST else None
    host: str = forwarded or request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", "")
    return host


def read_body(request: HttpRequest) -> bytes:
    """Return the body of a request, of a long one its beginning.

    Under WSGI, Django reads as much as `Content-Length` says, and nothing of a body that comes in chunks. The server's
    own input is read then, if it ends where the body ends.
    """
    body = request.read(MAX_BODY + 1)
    if body or not isinstance(request, WSGIRequest) or request.environ.get("CONTENT_LENGTH"):
        return body
    return request.environ["wsgi.input"].read(MAX_BODY + 1) if request.environ.get("wsgi.input_terminated") else b""


def raw_path(request: HttpRequest) -> str:
    """Return the request's path percent-encoded, for `respond` to decode once.

    Servers decode the path once before Django sees it, and WSGI has no standard name for the raw path. Encoding it
    again is exact: `respond` decodes the same path as the server, `%2541` and `%41` stay apart, and a genuine link has
    no character that needs encoding. It is right too where a proxy or WSGI middleware has rewritten the path, which the
    names that some servers use (`RAW_URI`, `REQUEST_URI`, `raw_path`) do not show.
    """
    return quote(request.path_info, errors="replace")
