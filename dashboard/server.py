"""The dashboard's server: Streamlit's own, whose pages also bring Plotly."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.starlette import App

from dashboard import bundle, data
from inferbench.comparison.axes import X_AXES, Y_AXES
from inferbench.errors import InferbenchError
from inferbench.pareto.plot import layout

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
TAG = f'<script defer src="{bundle.ADDRESS}"></script></head>'.encode()


def plotly(request: Request) -> Response:
    """Plotly, packed for those who can unpack it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(bundle.packed(), media_type="text/javascript", headers={**KEPT, "Content-Encoding": "gzip"})
    return Response(bundle.plain(), media_type="text/javascript", headers=KEPT)


class BringPlotly:
    """Adds Plotly's script to every page: it runs once Streamlit's has begun, and while that waits for its server."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold an HTML answer back until it is whole, and send it with the script."""
        asked = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "text/html" in asked.get("accept", ""):  # a page is small, and cannot be changed once it is packed
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
        held: list[Message] = []

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                held.append(message)
            elif held and message["type"] == "http.response.body":
                held.append(message)
                if not message.get("more_body"):
                    for whole in _with_script(held):
                        await send(whole)
            else:
                await send(message)

        await self.app(scope, receive, pass_on)


def _is_html(start: Message) -> bool:
    return MutableHeaders(raw=start["headers"]).get("content-type", "").startswith("text/html")


def _with_script(held: list[Message]) -> tuple[Message, Message]:
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts)
    longer = body.replace(b"</head>", TAG, 1)
    if body:  # the answer to a HEAD has none
        MutableHeaders(raw=start["headers"])["content-length"] = str(len(longer))
    return start, {"type": "http.response.body", "body": longer}


def warm() -> None:
    """Read the store and make what Plotly's Python makes only once, while no window waits for it."""
    layout(X_AXES["interactivity"], Y_AXES["throughput"], (False, True))
    with suppress(InferbenchError, OSError):  # the view that meets it says so
        data.points()


bundle.packed()
Thread(target=warm, name="warm", daemon=True).start()
app = App(
    Path(__file__).with_name("app.py"), routes=[Route(bundle.ADDRESS, plotly)], middleware=[Middleware(BringPlotly)]
)
