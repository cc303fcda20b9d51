"""Who made a number: the host, the clocks, and the files that it was made with."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from inferbench.catalog.bundled import find
from inferbench.distribution import own_version
from inferbench.files.web_addresses import web_address
from inferbench.files.whole_files import sha256
from inferbench.pricing.owned_book import Book
from inferbench.store.manifest import BookStamp, ClientHost


def client_host() -> ClientHost:
    """The machine that this runs on."""
    return ClientHost(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=os.cpu_count() or 1,
        inferbench=own_version(),
    )


def pull_request(said: Mapping[str, str] = os.environ) -> str | None:
    """Address of the pull or merge request that this process runs for, from what GitHub or GitLab says of a job.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    https://docs.gitlab.com/ci/variables/predefined_variables/
    """
    if github := re.fullmatch(r"refs/pull/(\d+)/\w+", said.get("GITHUB_REF", "")):
        place = f"{said.get('GITHUB_SERVER_URL')}/{said.get('GITHUB_REPOSITORY')}/pull/{github[1]}"
    else:
        place = f"{said.get('CI_MERGE_REQUEST_PROJECT_URL')}/-/merge_requests/{said.get('CI_MERGE_REQUEST_IID')}"
    return web_address(place)


def book_stamps(names: tuple[str, ...], books: tuple[Book, ...]) -> tuple[BookStamp, ...]:
    """The very versions of price books."""
    return tuple(
        BookStamp(name=book.name, as_of=book.as_of.isoformat(), sha256=sha256(find("pricing", name)))
        for name, book in zip(names, books, strict=True)
    )


def twin_parameters_sha256() -> str:
    """Checksum of the twin's parameter file."""
    return sha256(Path(__file__).parents[1] / "simulator" / "parameters" / "parameters.yaml")
