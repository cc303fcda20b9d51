"""Environment of the network: which devices and interfaces collectives and KV transfers use."""

from __future__ import annotations

from inferbench.deploy.settings import LaunchSettings


def network_environment(settings: LaunchSettings) -> dict[str, str]:
    """Return what NCCL (RCCL on AMD) and Gloo need to find the fabric."""
    launch = settings.launch
    interface = launch.interface or settings.default.interface
    environment = {
        "NCCL_IB_HCA": ",".join(settings.rdma_devices),
        "NCCL_SOCKET_IFNAME": interface,
        "GLOO_SOCKET_IFNAME": interface,
    }
    if launch.traffic_class is not None:
        environment["NCCL_IB_TC"] = str(launch.traffic_class)
    if launch.service_level is not None:
        environment["NCCL_IB_SL"] = str(launch.service_level)
    return environment


def kv_environment(settings: LaunchSettings) -> dict[str, str]:
    """Return what the library that moves KV caches needs; MoRI's is in mori.py."""
    backend = settings.deployment.stack.kv_transfer
    if backend == "nixl":  # of these UCX takes those nearest to each GPU
        return {"UCX_NET_DEVICES": ",".join(f"{name}:1" for name in settings.rdma_devices)}
    if backend == "mooncake" and settings.gpu.vendor == "AMD":
        # Without these Mooncake does not reach another node from AMD GPUs (sgl-project/sglang#30052).
        return {"MC_DISABLE_HIP": "1", "MC_GID_INDEX": "1"}
    return {}
