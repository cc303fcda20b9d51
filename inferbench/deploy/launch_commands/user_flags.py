"""The last step of every command: the person's own flags, what newer versions do without, and the check."""

from __future__ import annotations

from collections.abc import Mapping

from inferbench.deploy.engine_versions import EngineVersion
from inferbench.deploy.settings import Flags, LaunchSettings
from inferbench.scenario.launch import Role


def finish_flags(settings: LaunchSettings, role: Role, flags: Flags, known: EngineVersion, notes: list[str]) -> Flags:
    """Return a worker's flags as its version takes them; what was left out for a newer version goes to `notes`.

    The order is that in which a person reads a command: flags that the plan gives, then those of the deployment. Raises
    UsageError for a flag that the version does not have.
    """
    given = getattr(settings.launch.flags, role)
    kept = {flag: value for flag, value in {**flags, **given}.items() if value is not False}
    for flag in [f for f in kept if f not in given and not known.knows(f) and f in settings.default.retired]:
        del kept[flag]
        _note(notes, known, flag, settings.default.retired[flag])
    known.check(kept, f"{settings.deployment.name} {role}")
    return kept


def finish_environment(
    settings: LaunchSettings,
    role: Role,
    environment: Mapping[str, str],
    known: EngineVersion,
    prefix: str,
    notes: list[str],
) -> dict[str, str]:
    """Return a worker's environment in the same way; names with `prefix` are the engine's own and are checked."""
    given = getattr(settings.launch.environment, role)
    kept = {**environment, **given}
    for name in [n for n in kept if n not in given and n.startswith(prefix) and n not in known.environment]:
        if name in settings.default.retired:
            del kept[name]
            _note(notes, known, name, settings.default.retired[name])
    known.check_environment(kept, prefix, f"{settings.deployment.name} {role}")
    return kept


def _note(notes: list[str], known: EngineVersion, name: str, instead: str) -> None:
    line = f"{name} is left out: {known.engine} {known.version} does without it ({instead})"
    if line not in notes:
        notes.append(line)
