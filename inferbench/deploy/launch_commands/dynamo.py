"""NVIDIA Dynamo around an engine: its frontend, its service discovery, and its workers of SGLang."""

from __future__ import annotations

from inferbench.deploy.engine_versions import EngineVersion, version
from inferbench.deploy.launch_commands.routers import FRONT
from inferbench.deploy.launch_commands.sglang import sglang_environment, sglang_flags
from inferbench.deploy.launch_commands.user_flags import finish_flags
from inferbench.deploy.launch_plan import Process
from inferbench.deploy.placement import STRIDE, WorkerPlace, host, places, worker_port, worker_process
from inferbench.deploy.settings import Flags, LaunchSettings

ETCD_IMAGE = "quay.io/coreos/etcd:v3.5.21"
NATS_IMAGE = "docker.io/library/nats:2.11"


def services(settings: LaunchSettings) -> list[Process]:
    """Return etcd, where workers are found, and NATS for the versions that cannot do without it."""
    ports = settings.launch.ports
    etcd = Process(
        name="etcd",
        role="service",
        node=FRONT,
        port=ports.etcd,
        command=("etcd",),
        flags={
            "--listen-client-urls": f"http://0.0.0.0:{ports.etcd}",
            "--advertise-client-urls": f"http://{host('etcd')}:{ports.etcd}",
            "--data-dir": "/tmp/etcd",
        },
        image=ETCD_IMAGE,
        ready="/health",
    )
    if not needs_nats(settings):
        return [etcd]
    command = ("nats-server",)
    flags: Flags = {"--jetstream": True, "--port": ports.nats}
    return [
        etcd,
        Process(
            name="nats",
            role="service",
            node=FRONT,
            port=ports.nats,
            command=command,
            flags=flags,
            image=NATS_IMAGE,
        ),
    ]


def needs_nats(settings: LaunchSettings) -> bool:
    """Whether events go over NATS: versions that have a choice use ZMQ."""
    return not version("dynamo-frontend", settings.dynamo_version).knows("--event-plane")


def planes(known: EngineVersion) -> Flags:
    """Return the flags by which Dynamo's processes find and reach each other."""
    flags: Flags = {known.spelling("--discovery-backend", "--store-kv"): "etcd", "--request-plane": "tcp"}
    if known.knows("--event-plane"):
        flags["--event-plane"] = "zmq"
    return flags


def meeting_environment(settings: LaunchSettings) -> dict[str, str]:
    """Return where Dynamo's processes find the services."""
    ports = settings.launch.ports
    environment = {"ETCD_ENDPOINTS": f"http://{host('etcd')}:{ports.etcd}"}
    if needs_nats(settings):
        environment["NATS_SERVER"] = f"nats://{host('nats')}:{ports.nats}"
    return environment


def frontend(settings: LaunchSettings) -> Process:
    """Return Dynamo's frontend, which is what clients talk to."""
    known = version("dynamo-frontend", settings.dynamo_version)
    port = settings.launch.ports.router
    flags: Flags = {**planes(known), "--http-port": port, "--router-mode": "round-robin"}
    known.check(flags, "frontend")
    return Process(
        name="frontend",
        role="router",
        node=FRONT,
        port=port,
        environment=meeting_environment(settings),
        prepare=install(settings),
        command=("python3", "-m", "dynamo.frontend"),
        flags=flags,
        ready="/health",
    )


def install(settings: LaunchSettings) -> tuple[tuple[str, ...], ...]:
    """Return how Dynamo comes into an image that is not its own, as InferenceX's recipes do it."""
    if "ai-dynamo" in settings.image:
        return ()
    return (("python3", "-m", "pip", "install", "--quiet", f"ai-dynamo=={settings.dynamo_version}"),)


def sglang_under_dynamo(settings: LaunchSettings, notes: list[str]) -> list[Process]:
    """Return SGLang's workers as Dynamo runs them: the engine's own flags, and Dynamo's."""
    engine, wrapper = version("sglang", settings.version), version("dynamo-sglang", settings.dynamo_version)
    return [_worker(settings, place, engine, wrapper, notes) for place in places(settings)]


def _worker(
    settings: LaunchSettings, place: WorkerPlace, engine: EngineVersion, wrapper: EngineVersion, notes: list[str]
) -> Process:
    port = worker_port(settings, place)
    own = planes(wrapper)
    wrapper.check(own, f"{settings.deployment.name} {place.role}")
    engine_flags: Flags = {**sglang_flags(settings, place, engine), "--host": "0.0.0.0", "--port": port + STRIDE // 2}
    return worker_process(
        settings,
        place,
        environment={
            **meeting_environment(settings),
            "DYN_SYSTEM_PORT": str(port),
            **sglang_environment(settings, place, engine, notes),
        },
        prepare=install(settings),
        command=("python3", "-m", "dynamo.sglang"),
        flags={**finish_flags(settings, place.role, engine_flags, engine, notes), **own},
    )
