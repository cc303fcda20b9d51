"""Where runs lie: a directory, or a prefix in an object store. Both hold `<scenario>/<run_id>/` and nothing else.

Runs are written in a directory and pushed from there: records are appended to while a load goes on, and objects
cannot be. An object store is named by a URL that pyarrow reads, such as `s3://bucket/prefix`; keys come from the
environment, and `?endpoint_override=host:port&scheme=http` names a server other than Amazon's.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs
from typing_extensions import override

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import inside, read_document, too_long
from inferbench.files.whole_files import write_whole
from inferbench.records import layout
from inferbench.secrets.redact import excerpt, redact


class StorageBackend(ABC):
    """A store, wherever it lies. A run's name is `<scenario>/<run_id>`; files are named relative to the store."""

    location: str

    @abstractmethod
    def names(self) -> list[str]:
        """All run directories by name, sorted. It lists directories and opens no file."""

    @abstractmethod
    def read(self, file: str, limit: int | None = None) -> bytes | None:
        """The content of a file, None where there is none.

        Raises StoreError where it cannot be read, lies outside of its run, or has more than `limit` bytes.
        """

    @abstractmethod
    def write(self, file: str, content: bytes) -> None:
        """Write a file whole or not at all."""

    @abstractmethod
    def stamp(self, file: str) -> int | None:
        """When a file was last changed, ns; None where there is none."""

    @abstractmethod
    def files(self, name: str) -> list[str]:
        """All files of a run, relative to the store."""


def open_backend(location: str | Path) -> StorageBackend:
    """Open a store by its path or URL. Raises StoreError for a URL that cannot be used."""
    return ObjectStoreBackend(str(location)) if "://" in str(location) else DirectoryBackend(Path(location))


class DirectoryBackend(StorageBackend):
    """A store in a directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.location = str(path)

    @override
    def names(self) -> list[str]:
        return sorted(
            f"{scenario.name}/{run.name}"
            for scenario in _directories(self.path)
            if not os.path.exists(os.path.join(scenario.path, layout.MANIFEST))
            for run in _directories(Path(scenario.path))
        )

    @override
    def read(self, file: str, limit: int | None = None) -> bytes | None:
        run, name = self._within(file)
        try:
            return read_document(run, name, limit) if (run / name).exists() else None
        except OSError as error:  # a name that is too long, say
            raise StoreError(f"{run / name}: cannot be read: {error.strerror}") from None

    def _within(self, file: str) -> tuple[Path, str]:
        """The run that a file belongs to, or the store itself, and the file's name in it. A run may be a link."""
        scenario, _, rest = file.partition("/")
        run_id, _, name = rest.partition("/")
        if ".." in (scenario, run_id):
            raise StoreError(f"{self.path}: {file!r} is no file in it")
        return (self.path / scenario / run_id, name) if name else (self.path, file)

    @override
    def write(self, file: str, content: bytes) -> None:
        path = inside(*self._within(file))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: cannot be made: {error.strerror}") from None
        write_whole(path, content)

    @override
    def stamp(self, file: str) -> int | None:
        try:
            return (self.path / file).stat().st_mtime_ns
        except OSError:
            return None

    @override
    def files(self, name: str) -> list[str]:
        run = self.path / name
        found = (p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())
        return sorted(f"{name}/{inside(run, file).relative_to(run).as_posix()}" for file in found)


def _directories(path: Path) -> Iterator[os.DirEntry[str]]:
    """Directories in a directory, hidden ones left out; none where there is no such directory."""
    try:
        with os.scandir(path) as entries:
            yield from [e for e in entries if not e.name.startswith(".") and e.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None


class ObjectStoreBackend(StorageBackend):
    """A store below a prefix of an object store."""

    def __init__(self, url: str) -> None:
        self.location = redact(url.split("?")[0].rstrip("/"))
        try:
            self._fs, self._root = fs.FileSystem.from_uri(url)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(f"{self.location}: cannot be used: {_one_line(error)}") from None

    @override
    def names(self) -> list[str]:
        with self._errors("listed"):
            return sorted(
                f"{PurePosixPath(scenario).name}/{PurePosixPath(run).name}"
                for scenario in self._directories(self._root)
                if self.stamp(f"{PurePosixPath(scenario).name}/{layout.MANIFEST}") is None
                for run in self._directories(scenario)
            )

    def _directories(self, path: str) -> list[str]:
        found = self._fs.get_file_info(fs.FileSelector(path, allow_not_found=True))
        return [i.path for i in found if i.type is fs.FileType.Directory and not i.base_name.startswith(".")]

    @override
    def read(self, file: str, limit: int | None = None) -> bytes | None:
        with self._errors("read"):
            try:
                with self._fs.open_input_file(f"{self._root}/{file}") as stream:
                    if limit is not None and stream.size() > limit:
                        raise StoreError(too_long(f"{self.location}/{file}", stream.size(), limit))
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    @override
    def write(self, file: str, content: bytes) -> None:
        with self._errors("written"), self._fs.open_output_stream(f"{self._root}/{file}") as stream:
            stream.write(content)

    @override
    def stamp(self, file: str) -> int | None:
        with self._errors("read"):
            info = self._fs.get_file_info(f"{self._root}/{file}")
            return int(info.mtime_ns) if info.type is fs.FileType.File else None

    @override
    def files(self, name: str) -> list[str]:
        with self._errors("listed"):
            found = self._fs.get_file_info(fs.FileSelector(f"{self._root}/{name}", recursive=True))
        start = len(self._root.rstrip("/")) + 1
        return sorted(i.path[start:] for i in found if i.type is fs.FileType.File)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise StoreError(f"{self.location}: cannot be {what}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return excerpt(str(error), 300)


def push(run: Path, backend: StorageBackend) -> str:
    """Copy a run to another store and return its name there.

    The manifest goes last: a run that was pushed half has none, and is listed as half-written.
    """
    source = DirectoryBackend(run.parent.parent)
    name = f"{run.parent.name}/{run.name}"
    for file in _manifest_last(source.files(name)):
        if (content := source.read(file)) is not None:
            backend.write(file, content)
    return name


def pull(name: str, backend: StorageBackend, store: Path, only: Iterable[str] | None = None) -> Path:
    """Copy a run from another store, whole or `only` these of its files, and return its directory.

    Raises StoreError where there is no such run, or where a key would lead out of it.
    """
    target = DirectoryBackend(store)
    files = backend.files(name) if only is None else [f"{name}/{file}" for file in only]
    found = False
    for file in _manifest_last(files):
        content = backend.read(file)
        if content is not None:
            target.write(file, content)
            found = found or file.endswith(f"/{layout.MANIFEST}")
    if not found:
        raise StoreError(f"{backend.location}: holds no run {name!r}")
    return store / name


def _manifest_last(files: Iterable[str]) -> list[str]:
    return sorted(files, key=lambda file: (PurePosixPath(file).name == layout.MANIFEST, file))
