"""The dashboard's server: Streamlit's own, which also hands out Plotly and says so before a view asks for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import bundle
import data
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.starlette import App

from inferbench.analysis.axes import X_AXES, Y_AXES
from inferbench.domain.errors import InferbenchError
from inferbench.report.store_cloud import layout

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


def plotly(request: Request) -> Response:
    """Plotly, packed for those who can unpack it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(bundle.packed(), media_type="text/javascript", headers={**KEPT, "Content-Encoding": "gzip"})
    return Response(bundle.plain(), media_type="text/javascript", headers=KEPT)


class Preload:
    """Tells a browser with every page that it will need Plotly, so that it comes while Streamlit starts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to an HTML answer."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("Link", f"<{bundle.ADDRESS}>; rel=preload; as=script")
            await send(message)

        await self.app(scope, receive, told)


def warm() -> None:
    """Read the store and make what Plotly's Python makes only once, while no window waits for it."""
    layout(X_AXES["interactivity"], Y_AXES["throughput"], (False, True))
    with suppress(InferbenchError, OSError):  # the view that meets it says so
        data.points()


bundle.packed()
Thread(target=warm, name="warm", daemon=True).start()
app = App(Path(__file__).with_name("app.py"), routes=[Route(bundle.ADDRESS, plotly)], middleware=[Middleware(Preload)])
