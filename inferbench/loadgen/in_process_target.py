"""What targets without a connection have in common."""

from __future__ import annotations

from typing_extensions import override

from inferbench.loadgen.port import Target


class InProcessTarget(Target):
    """A target in this process: there is nothing to connect to, and an answer is looked at as it comes."""

    @override
    async def open(self, connections: int) -> None: ...

    @override
    def backlog(self) -> int:
        return 0

    @override
    async def close(self) -> None:
        self.cancel()
