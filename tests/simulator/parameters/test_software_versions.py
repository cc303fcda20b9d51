import datetime
import math

import pytest

from inferbench.simulator.parameters.parameters import ClassScale, SoftwareVersions
from inferbench.simulator.parameters.software_versions import VersionPace, pace

SOFTWARE_DATES = (
    SoftwareVersions(
        name="old",
        until=datetime.date(2026, 1, 1),
        decode=2.0,
        prefill=1.5,
        kinds=ClassScale(tp=1.0, tep=1.1, dep=0.5),
    ),
    SoftwareVersions(name="older", until=datetime.date(2025, 1, 1), decode=8.0, prefill=6.0),
    SoftwareVersions(name="mixed", until=None, decode=1.2, prefill=1.0),
)


@pytest.mark.parametrize("name", [None, "unheard of"])
def test_todays_software_changes_nothing(name: str | None) -> None:
    assert pace(SOFTWARE_DATES, name, "tp") == VersionPace(1.0, 1.0, dated=False)


def test_earlier_software_slows_each_kind_by_its_own_factor() -> None:
    assert pace(SOFTWARE_DATES, "old", "tp") == VersionPace(2.0, 1.5, dated=True)
    assert pace(SOFTWARE_DATES, "old", "dep") == VersionPace(1.0, 1.5, dated=True)
    assert pace(SOFTWARE_DATES, "mixed", "dep") == VersionPace(1.2, 1.0, dated=False)


def test_half_way_between_two_times_is_their_geometric_mean() -> None:
    both = pace(SOFTWARE_DATES, ("old", "older"), "tp")
    assert (both.decode, both.prefill, both.dated) == (pytest.approx(4.0), pytest.approx(3.0), False)
    assert pace(SOFTWARE_DATES, ("old", None), "tp").decode == pytest.approx(math.sqrt(2.0))
