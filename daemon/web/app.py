"""The page's table of contents: every address, and what stands before all of them.

``create_app(ports)`` makes the application; :class:`daemon.web.server.Server` serves it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.errors import StoreError
from daemon.web import (
    actions,
    api,
    chart,
    classify,
    hapi,
    label,
    news,
    openapi,
    pages,
    phone,
    pictures,
    season,
    timelapse,
    tonight,
)
from daemon.web.asking import Asking, own_path
from daemon.web.behind import BehindProxy
from daemon.web.ports import Ports
from daemon.web.security import MAX_BODY_BYTES, OwnNames, SecurityHeaders
from daemon.web.site import Site, site_of
from daemon.web.tongues import _

log = logging.getLogger("aurorad.web")
STATIC_KEEP_S = 365 * 24 * 3600  # the address changes with the content


def _routes() -> list[Route | Mount]:
    """Every address, pages first."""
    return [
        Route("/", tonight.tonight),
        Route("/live", tonight.live),
        Route("/night", pages.newest_night),
        Route("/night/{night}", pages.night),
        Route("/season", season.season),
        Route("/events", pages.events),
        Route("/events/answer", actions.judge_event, methods=["POST"]),
        Route("/label", label.label),
        Route("/label", actions.give_label, methods=["POST"]),
        Route("/label/undo", actions.undo_label, methods=["POST"]),
        Route("/snooze", actions.snooze, methods=["POST"]),
        Route("/sign-in", actions.sign_in_page),
        Route("/sign-in", actions.sign_in, methods=["POST"]),
        Route("/latest.jpg", pictures.latest),
        Route("/stars.jpg", chart.stars),
        Route("/frames/{path:path}", pictures.frame),
        Route("/sheets/{camera}/{night}/{number}.jpg", pictures.sheet),
        Route("/timelapse/event/{id}.{kind}", timelapse.of_event),
        Route("/timelapse/{camera}/{night}.{kind}", timelapse.of_night),
        Route("/keogram/{camera}/{night}.png", pictures.keogram),
        Route("/panorama/{path:path}", pictures.panorama),
        Route("/metrics", metrics),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/api/openapi.json", openapi.serve),
        Route(
            "/api/classify",
            classify.classify,
            methods=["POST"],
            max_body_size=classify.MAX_PICTURE_BYTES,
        ),
        *(Route(operation.path, operation.handler) for operation in api.OPERATIONS),
        Route("/api/stream", news.stream),
        Route("/events.atom", news.atom),
        *hapi.ROUTES,
        Route("/favicon.ico", favicon),
        Route("/sw.js", phone.worker),
        Route("/push/key", phone.key),
        Route("/push/subscribe", phone.subscribe, methods=["POST"]),
        Route("/push/unsubscribe", phone.unsubscribe, methods=["POST"]),
        Route("/push/mine", phone.mine, methods=["POST"]),
        Route("/push/test", phone.test, methods=["POST"]),
        Mount("/static/{version}", _Static(directory=Path(__file__).parent / "static")),
    ]


def create_app(ports: Ports) -> Starlette:
    """The page over one record. Nothing is opened or read before the first request."""
    site = Site(ports)
    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(
                SecurityHeaders,
                tls=ports.settings.daemon.tls_certificate is not None,
                frame_ancestors=ports.settings.daemon.frame_ancestors,
            ),
            Middleware(BehindProxy, url=ports.settings.daemon.url),
            Middleware(OwnNames, names=site.own_names),
            Middleware(Asking),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
            Middleware(_NoTraceback),
        ],
        exception_handlers={HTTPException: _refused, StoreError: _no_record},
        max_body_size=MAX_BODY_BYTES,
    )
    app.router.redirect_slashes = False  # an address is right or it is not
    app.state.site = site
    return app


def favicon(request: Request) -> Response:
    """Where browsers look by themselves; the icon is a static file."""
    return RedirectResponse(site_of(request).static("icon.svg"), 302)


async def metrics(request: Request) -> Response:
    """What Prometheus scrapes. Its thread is its own: the health check asks here too, however busy the page."""
    site = site_of(request)
    made = await anyio.to_thread.run_sync(generate_latest, site.ports.registry, limiter=site.metrics_thread)
    return Response(made, headers={"content-type": CONTENT_TYPE_LATEST})


async def healthy(request: Request) -> Response:
    """200 while the watch makes progress; not mere life."""
    return _state(*site_of(request).ports.status.healthy())


async def ready(request: Request) -> Response:
    """200 once the watch has all it needs."""
    return _state(*site_of(request).ports.status.ready())


def _state(well: bool, told: str) -> Response:
    return PlainTextResponse(f"{told}\n", 200 if well else 503)


class _Static(StaticFiles):
    """Files whose address carries a digest of all of them are kept by the browser.

    The digest is a folder, not a query, so that a module's imports stay of its own version.
    """

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Starlette's answer (ETag and 304 included), with how long to keep it."""
        reply = super().file_response(*args, **kwargs)
        scope = args[2] if len(args) > 2 else kwargs["scope"]
        current = scope["path_params"].get("version") == scope["app"].state.site.static_version
        kept = f"public, max-age={STATIC_KEEP_S}, immutable" if current else "no-cache"
        reply.headers["cache-control"] = kept
        return reply


def _refused(request: Request, error: Exception) -> Response:
    """One line, as JSON under /api and for those who sent JSON; never a traceback."""
    assert isinstance(error, HTTPException)
    if "text/html" in request.headers.get("accept", "") and not _is_api(request):
        return _with_our_face(request, error)
    return _told(request, error.status_code, error.detail, dict(error.headers or {}))


def _with_our_face(request: Request, error: HTTPException) -> Response:
    """The refusal as a page, for people; they find the way back there."""
    site = site_of(request)
    title = _("Not found") if error.status_code == 404 else _("That did not work")
    with site.reader() as reader:
        context = {"camera": None, "title": title, "text": _beginning(error.detail)}
        page = site.page(request, reader, "refused.html", context, status=error.status_code)
    page.headers.update(error.headers or {})
    return page


def _beginning(detail: str) -> str:
    """A refusal's line as a sentence; the framework's own for an address that no page has."""
    if detail == "Not Found":
        return _("There is no page at this address.")
    return f"{detail[:1].upper()}{detail[1:]}."


def _no_record(request: Request, error: Exception) -> Response:
    log.warning("the page cannot read the record: %s", error)
    # The message may name folders, which are the operator's business: it stays in the log.
    return _told(request, 503, "the record cannot be read just now", {"retry-after": "5"})


class _NoTraceback:
    """What nobody foresaw is one line to the reader and a traceback in the log.

    Starlette's own place for this lies outside all middleware, where no security header is added.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer 500 where nothing was answered yet."""
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noticing)
        except ClientDisconnect:  # in the middle of what it sent: nobody is there to be answered
            return
        except Exception as error:
            if begun:  # uvicorn logs it; Starlette's way to end an answer to too long a body is no error
                raise
            request = Request(scope)
            log.exception("the page failed on %s", request.url.path[:200], exc_info=error)
            reply = _told(request, 500, "something went wrong here; the log has the details", {})
            await reply(scope, receive, send)


def _is_api(request: Request) -> bool:
    return own_path(request).startswith("/api/")


def _told(request: Request, status: int, text: str, headers: dict[str, str]) -> Response:
    if _is_api(request) or request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"error": text}, status, headers=headers)
    return PlainTextResponse(f"{text}\n", status, headers=headers)
