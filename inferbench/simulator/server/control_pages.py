"""Everything but generation: health, identity, metrics, the prefix cache, and the server's own record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus

from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.identity import Served
from inferbench.simulator.server.metrics.counters import Monitor
from inferbench.simulator.server.metrics.loads_page import load_of, loads_text
from inferbench.simulator.server.metrics.metrics_page import CONTENT_TYPE, exposition
from inferbench.simulator.server.metrics.send_lateness import Pacing
from inferbench.simulator.server.protocol.replies import Reply, json_reply, text_reply
from inferbench.simulator.server.send_record import SendRecord

FLUSHED = "Cache flushed.\n"
BUSY = "Cache not flushed: requests are running or waiting.\n"
AS_TEXT = "format=prometheus"


class ControlPages:
    """The pages of one server."""

    def __init__(
        self, served: Served, monitor: Monitor, pacing: Pacing, record: Sequence[SendRecord], backend: ServingBackend
    ) -> None:
        self._served, self._monitor, self._backend = served, monitor, backend
        get: dict[str, Callable[[], Reply]] = {
            "/v1/models": self._models,
            "/metrics": self._metrics,
            "/get_load": self._load,
            "/v1/loads": self._loads,
            f"/v1/loads?{AS_TEXT}": self._loads_as_text,
            "/flush_cache": self._flush,
            "/record": lambda: json_reply(record),
            "/pacing": lambda: json_reply(pacing.summary()),
        }
        get |= dict.fromkeys(("/health", "/health_generate"), lambda: json_reply({}))
        get |= dict.fromkeys(("/model_info", "/get_model_info"), lambda: json_reply(served.model_info()))
        get |= dict.fromkeys(("/server_info", "/get_server_info"), self._server_info)
        self._pages = {("GET", path): page for path, page in get.items()} | {("POST", "/flush_cache"): self._flush}
        self.paths = frozenset(path for _, path in self._pages)

    def find(self, method: str, path: str, query: str = "") -> Callable[[], Reply] | None:
        """Return what answers there; None where nothing does. Of a query all but the one that is known is ignored."""
        form = f"?{AS_TEXT}" if AS_TEXT in query.split("&") else ""
        return self._pages.get((method, path + form)) or self._pages.get((method, path))

    def _models(self) -> Reply:
        model = {"id": self._served.model, "object": "model", "created": 0, "owned_by": "inferbench"}
        return json_reply({"object": "list", "data": [model]})

    def _server_info(self) -> Reply:
        state = {"last_gen_throughput": self._monitor.tokens_per_second()}
        return json_reply(self._served.server_info() | {"internal_states": [state]})

    def _metrics(self) -> Reply:
        text = exposition(self._served, self._monitor, self._backend)
        return Reply(HTTPStatus.OK, text.encode(), CONTENT_TYPE)

    def _load(self) -> Reply:
        """What the power-of-two policy of routers up to 0.3.2 asks for; SGLang 0.5.23 has it no more."""
        monitor = self._monitor
        load = {"dp_rank": 0, "num_reqs": monitor.open, "num_waiting_reqs": monitor.waiting}
        return json_reply([load | {"num_tokens": monitor.context_tokens}])

    def _loads(self) -> Reply:
        load = load_of(self._served, self._monitor, self._backend)
        return json_reply({"version": self._served.server_info()["version"], "loads": [load]})

    def _loads_as_text(self) -> Reply:
        text = loads_text(load_of(self._served, self._monitor, self._backend))
        return Reply(HTTPStatus.OK, text.encode(), CONTENT_TYPE)

    def _flush(self) -> Reply:
        """There is no prefix cache to empty, but a busy SGLang would refuse, and clients must bear that."""
        return text_reply(BUSY, HTTPStatus.BAD_REQUEST) if self._monitor.open else text_reply(FLUSHED)
