"""A launch plan for Kubernetes: the same scripts in a ConfigMap, a Deployment of one pod a process, and its Service."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import yaml

from inferbench.deploy.clusters.readme import readme
from inferbench.deploy.clusters.script import IMAGE_CACHE, script
from inferbench.deploy.launch_plan import PLACEHOLDER, LaunchPlan, Process

GPU_RESOURCE = {"AMD": "amd.com/gpu", "NVIDIA": "nvidia.com/gpu"}
CAPABILITIES = {"AMD": ("SYS_PTRACE",), "NVIDIA": ()}
"""Beside IPC_LOCK, which RDMA needs."""
FOLDER = "/plan"
MOST_NAME = 63
READY_SECONDS = 3600
"""How long an engine may load its weights and compile before its pod is started again."""


def kubernetes(plan: LaunchPlan) -> dict[str, str]:
    """Return the files by name: text."""
    name = _name(plan)
    documents = [
        _config(plan, name),
        *(document for process in plan.processes for document in (_service(name, process), _pods(plan, name, process))),
    ]
    steps = [
        f"Workers need nodes with {plan.gpus_per_node} GPUs and a device plugin that gives RDMA devices as "
        f"`{plan.rdma_resource}` (launch.rdma_resource). They use the network of their node, as RDMA does: the "
        "namespace must allow that, and the capabilities that the pods ask for.",
        "`kubectl apply -f manifests.yaml`",
        f"`kubectl wait --for=condition=available --timeout={READY_SECONDS}s deployment "
        f"-l app.kubernetes.io/instance={name}`",
        f"`kubectl port-forward service/{name}-{plan.router.name} {plan.router.port}`, then measure; for figures that "
        "count, run the client in the cluster.",
    ]
    return {
        "manifests.yaml": yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120),
        "plan.json": plan.model_dump_json(indent=2) + "\n",
        "README.md": readme(plan, steps),
    }


class _Dumper(yaml.SafeDumper):
    """Writes scripts as blocks, in which they can be read, and everything where it belongs rather than by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002, PyYAML gives it
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def _name(plan: LaunchPlan) -> str:
    """A name that a Service may have (RFC 1035): at most 63 characters with the process's own, a letter first.

    A name that had to be changed for that ends in what no other plan's does.
    """
    room = MOST_NAME - 1 - max(len(process.name) for process in plan.processes)
    given = f"{plan.deployment}-{plan.topology}"
    made = re.sub("[^a-z0-9]+", "-", given).strip("-")
    made = made if made[0].isalpha() else f"x{made}"
    if made == given and len(made) <= room:
        return made
    told_apart = hashlib.sha256(f"{plan.deployment}/{plan.topology}".encode()).hexdigest()[:6]
    return f"{made[: room - 7].rstrip('-')}-{told_apart}"


def _labels(name: str, process: Process) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": process.name,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": process.role,
        "app.kubernetes.io/managed-by": "inferbench",
    }


def _config(plan: LaunchPlan, name: str) -> dict[str, Any]:
    caveats = "\n".join(f"{caveat.name}: {caveat.text}" for caveat in plan.unlike_production)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "inferbench"},
            **({"annotations": {"inferbench/unlike-production": caveats}} if caveats else {}),
        },
        "data": {
            **{f"{p.name}.sh": script(plan, p) for p in plan.processes if p.image is None},
            **plan.files,
        },
    }


def _service(name: str, process: Process) -> dict[str, Any]:
    """Headless: its name is the pod's address, on every port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-{process.name}", "labels": _labels(name, process)},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {k: v for k, v in _labels(name, process).items() if k.endswith(("name", "instance"))},
            "ports": [{"name": "main", "port": process.port}],
        },
    }


def _pods(plan: LaunchPlan, name: str, process: Process) -> dict[str, Any]:
    labels = _labels(name, process)
    selector = {k: v for k, v in labels.items() if k.endswith(("name", "instance"))}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-{process.name}", "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": READY_SECONDS,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels}, "spec": _pod(plan, name, process)},
        },
    }


def _pod(plan: LaunchPlan, name: str, process: Process) -> dict[str, Any]:
    own = process.image is not None
    worker = process.gpus > 0
    spec: dict[str, Any] = {"containers": [_container(plan, name, process)]}
    if worker:
        spec = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "hostIPC": True, **spec}
    if not own:
        spec["volumes"] = [
            {"name": "plan", "configMap": {"name": name, "defaultMode": 0o555}},
            {"name": "cache", "emptyDir": {}},
        ]
    if worker:
        spec["volumes"] += [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Gi"}}]
    return spec


def _container(plan: LaunchPlan, name: str, process: Process) -> dict[str, Any]:
    own = process.image is not None
    container: dict[str, Any] = {
        "name": process.role,
        "image": process.image or plan.image,
        "command": _pod_command(process),
        "env": [
            {"name": p.host_variable, "value": f"{name}-{p.name}"}
            for p in sorted(plan.processes, key=lambda p: p.host_variable)
            if p.host_variable in process.addresses
        ],
        "ports": [{"name": "main", "containerPort": process.port}],
    }
    if process.ready:
        probe = {"httpGet": {"path": process.ready, "port": "main"}, "periodSeconds": 10, "timeoutSeconds": 5}
        container["startupProbe"] = {**probe, "failureThreshold": READY_SECONDS // 10}
        container["readinessProbe"] = {**probe, "failureThreshold": 3}
    if not own:
        container["volumeMounts"] = [
            {"name": "plan", "mountPath": FOLDER},
            {"name": "cache", "mountPath": IMAGE_CACHE},
        ]
    if process.gpus:
        # Not privileged: it would see every GPU of its node, and not only those that it was given.
        container["securityContext"] = {"capabilities": {"add": ["IPC_LOCK", *CAPABILITIES[plan.vendor]]}}
        container["resources"] = {"limits": {GPU_RESOURCE[plan.vendor]: str(process.gpus), plan.rdma_resource: "1"}}
        container["volumeMounts"] += [{"name": "shm", "mountPath": "/dev/shm"}]
    return container


def _pod_command(process: Process) -> list[str]:
    """A service's image has no shell: Kubernetes itself puts in the addresses."""
    if process.image is None:
        return ["bash", f"{FOLDER}/{process.name}.sh"]
    return [_kubernetes_word(text) for text in process.words]


def _kubernetes_word(text: str) -> str:
    """`$(NAME)` is a variable to Kubernetes, `$$` a dollar sign."""
    parts = re.split(f"({PLACEHOLDER.pattern})", text)
    return "".join(f"$({p[2:-1]})" if PLACEHOLDER.fullmatch(p) else p.replace("$", "$$") for p in parts)
