"""Which scenarios of the library make sense for which families of jobs, from what both say of themselves."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.akool.endpoints import FILE, GET_TOKEN, GROUPS
from mock_akool.akool.families import Family
from mock_akool.akool.scenarios.model import Scenario

_DETECTION: Final = frozenset({"detect_faces", "analyze_frames", "sg3/detect"})
_WITH_FACES: Final = ("faceswap_v3", "faceswap_pro", "faceswap_plus", "reage")
"""Families whose clients look for faces first."""


def endpoints_of(family: Family[Any]) -> frozenset[str]:
    """Return the endpoints that a client of a family asks for."""
    creates = [create.endpoint for create in family.creates]
    readers = [reading.results.endpoint for reading in family.readings]
    files = [FILE] if family.makes_files else []
    return frozenset([GET_TOKEN, *creates, *readers, *files]) | (
        _DETECTION if family.name in _WITH_FACES else frozenset()
    )


def makes_sense(scenario: Scenario, family: Family[Any]) -> bool:
    """Return whether a client of the family can meet what the scenario is about.

    It must ask for what the scenario expects to be asked. Faults of files and results need jobs that make files, and
    faults of webhooks need webhooks. What happens to jobs of other creates does not count.
    """
    endpoints = endpoints_of(family)
    if not scenario.expect.is_about(endpoints):
        return False
    needs_files = any(rule.on == (FILE,) for rule in scenario.rules) or any(each.result for each in scenario.jobs)
    if needs_files and not family.makes_files:
        return False
    if scenario.webhooks and not family.webhook.type:
        return False
    creates = endpoints.intersection(GROUPS["create"])
    scripted = [each.when.endpoint for each in scenario.jobs if each.when is not None and each.when.endpoint]
    return not scripted or any(not creates.isdisjoint(each) for each in scripted)
