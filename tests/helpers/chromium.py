"""Pictures of mail in Debian's headless Chromium, driven by Playwright, without a network.

Each request is refused but that for the mail and those for open pixels, which get the endpoint's own image. The images
of a mail are missing in every picture of it. Scripts do not run, as in mail clients.
"""

import base64
import hashlib
import shutil
import warnings
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from typing import TYPE_CHECKING, Literal

from linkwrap.endpoint import PIXEL

if TYPE_CHECKING:
    from playwright.sync_api import Route

PACKAGES = "chromium fonts-dejavu fonts-liberation"
_MAIL = "https://mail.test/"
_ARGUMENTS = (
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-sandbox",
)
_PATIENCE = 600_000
"""Milliseconds that a step of Chromium may take: it is only slow where the machine is busy."""


class Camera:
    """Takes pictures of HTML bodies; `pixels` is how many open pixels the last one has loaded.

    `height` is the window's. By default it is less than any mail's, so that each pixel of the mail's own height shows.
    Without `load_pixels` the pixels are refused like other images.
    """

    def __init__(self, *, height: int = 16, load_pixels: bool = True) -> None:
        self._body = ""
        self._height = height
        self._load_pixels = load_pixels
        self.pixels = 0
        self.version = ""
        self._start()

    def close(self) -> None:
        """Stop Chromium, also one that is gone."""
        from playwright.sync_api import Error

        with suppress(Error):
            self._running.close()

    def crash(self, command: Literal["Page.crash", "Browser.crash"]) -> None:
        """Let the page or the whole browser crash."""
        from playwright.sync_api import Error

        with suppress(Error):
            self._session.send(command)

    def _start(self) -> None:
        from playwright.sync_api import sync_playwright

        with ExitStack() as running:
            chromium = running.enter_context(sync_playwright()).chromium
            program = shutil.which("chromium")
            browser = running.enter_context(
                chromium.launch(executable_path=program, args=list(_ARGUMENTS), timeout=_PATIENCE)
            )
            context = running.enter_context(
                browser.new_context(device_scale_factor=1, java_script_enabled=False, locale="en-US")
            )
            self.version = browser.version
            self._page = context.new_page()
            self._page.set_default_timeout(_PATIENCE)
            # A command to a page that has crashed is never answered, but ends when the page is closed.
            self._page.on("crash", lambda page: page.close())
            self._page.route("**", self._answer)
            # The clock of animations stands still, which a <marquee> obeys too.
            self._session = context.new_cdp_session(self._page)
            self._session.send("Animation.enable")
            self._session.send("Animation.setPlaybackRate", {"playbackRate": 0})
            self._running = running.pop_all()

    def picture(self, html: str, width: int) -> bytes:
        """Return a PNG of the whole document in a window that is `width` CSS pixels wide.

        A browser that is lost meanwhile is started anew, once, with a warning.
        """
        from playwright.sync_api import Error

        try:
            return self._take(html, width)
        except Error as error:
            lines = str(error).splitlines() or [repr(error)]
            warnings.warn(f"Chromium was lost, and is started anew: {lines[0]}", RuntimeWarning, stacklevel=2)
            self.close()
            self._start()
            return self._take(html, width)

    def _take(self, html: str, width: int) -> bytes:
        self._body = html
        self.pixels = 0
        self._page.set_viewport_size({"width": width, "height": self._height})
        self._page.goto(_MAIL, wait_until="load")
        # Playwright's own screenshot() takes twice as long.
        size = self._session.send("Page.getLayoutMetrics")["cssContentSize"]
        shot = self._session.send(
            "Page.captureScreenshot",
            {
                "format": "png",
                "optimizeForSpeed": True,
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1},
            },
        )
        return base64.b64decode(shot["data"])

    def digest(self, html: str, width: int) -> str:
        """Return a hash of the picture."""
        return hashlib.sha256(self.picture(html, width)).hexdigest()

    def _answer(self, route: "Route") -> None:
        request = route.request
        if request.url == _MAIL and request.is_navigation_request() and request.frame.parent_frame is None:
            route.fulfill(status=200, content_type="text/html; charset=utf-8", body=self._body)
        elif self._load_pixels and "/q/" in request.url and request.resource_type == "image":
            self.pixels += 1
            route.fulfill(status=200, content_type="image/gif", body=PIXEL)
        else:
            route.abort()


def missing() -> str | None:
    """Return why no picture can be taken here, None where it can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None if shutil.which("chromium") else f"chromium is not installed: apt-get install {PACKAGES}"


def camera(*, height: int = 16, load_pixels: bool = True) -> AbstractContextManager[Camera]:
    """Start Chromium, and stop it at the end. The thread counts as one with a running event loop meanwhile."""
    return closing(Camera(height=height, load_pixels=load_pixels))
