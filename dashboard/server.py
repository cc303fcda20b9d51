"""The dashboard's server: Streamlit's own, which also hands out Plotly and says so before a view asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bundle
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.starlette import App

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


bundle.packed()  # the first window should not wait for it
app = App(Path(__file__).with_name("app.py"), routes=[Route(bundle.ADDRESS, plotly)], middleware=[Middleware(Preload)])
