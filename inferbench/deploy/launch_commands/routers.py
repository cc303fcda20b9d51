"""What clients talk to: the router in front of engines that have none of their own."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.deploy.engine_versions import version
from inferbench.deploy.launch_plan import Process
from inferbench.deploy.placement import host
from inferbench.deploy.settings import Flags, LaunchSettings

FRONT = 0
"""The node of the router: that of the first prefill worker."""


def sglang_router(settings: LaunchSettings, workers: Sequence[Process]) -> Process:
    """SGLang's router, which sends each request to a prefill and a decode worker at once."""
    flags: Flags = {
        "--pd-disaggregation": True,
        "--host": "0.0.0.0",
        "--port": settings.launch.ports.router,
        "--policy": "random",
        "--prefill-policy": "random",
        "--decode-policy": "random",
        "--cb-timeout-duration-secs": 15,
        "--retry-max-retries": 3,
        "--worker-startup-timeout-secs": 3600,
    }
    version("sglang-router", settings.router_version).check(flags, "router")
    urls = tuple(word for worker in workers for word in _sglang_words(worker))
    return _router(settings, ("python3", "-m", "sglang_router.launch_router"), flags, urls, "/readiness")


def _sglang_words(worker: Process) -> tuple[str, ...]:
    bootstrap = worker.flags.get("--disaggregation-bootstrap-port")
    port = (str(bootstrap),) if bootstrap is not None else ()
    return (f"--{worker.role}", f"http://{host(worker.name)}:{worker.port}", *port)


def vllm_router(settings: LaunchSettings, workers: Sequence[Process]) -> Process:
    """The router of vLLM: each request goes to a prefill worker and then, with its KV addresses, to a decode worker."""
    connector = {"nixl": "nixl", "mooncake": "mooncake", "mori-io": "moriio"}
    flags: Flags = {
        "--vllm-pd-disaggregation": True,
        "--kv-connector": connector[settings.deployment.stack.kv_transfer or ""],
        "--host": "0.0.0.0",
        "--port": settings.launch.ports.router,
        "--policy": "round_robin",
        "--worker-startup-timeout-secs": 3600,
    }
    version("vllm-router", settings.router_version).check(flags, "router")
    urls = tuple(
        word for worker in workers for word in (f"--{worker.role}", f"http://{host(worker.name)}:{worker.port}")
    )
    return _router(settings, ("python3", "-m", "vllm_router.launch_router"), flags, urls, "/health")


def _router(
    settings: LaunchSettings, command: tuple[str, ...], flags: Flags, arguments: tuple[str, ...], ready: str
) -> Process:
    """Its package is not in every engine's image, and is small."""
    package = command[2].split(".")[0].replace("_", "-")
    return Process(
        name="router",
        role="router",
        node=FRONT,
        port=settings.launch.ports.router,
        prepare=(("python3", "-m", "pip", "install", "--quiet", f"{package}=={settings.router_version}"),),
        command=command,
        flags=flags,
        arguments=arguments,
        ready=ready,
    )
