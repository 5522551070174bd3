"""Policy says which packages no change may bring in: a name, or a name with versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.policy.dependencies.faults import forbidden_rule
from penstock.policy.rules import Policy
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from penstock.model.findings import Finding


def read(entry: str) -> tuple[tuple[str, ...], list[str]]:
    findings: list[Finding] = []
    settings = read_settings(f"name: shop\npolicy:\n  forbidden_packages: [{entry!r}]\n", findings)
    return Policy.of(settings).forbidden_packages if settings else (), [one.code for one in findings]


@pytest.mark.parametrize("entry", ["left-pad", "requests<2.32", "urllib3 >=1, <2.2", "a.b_c==1.0.*"])
def test_a_package_with_or_without_versions_is_read_as_the_gate_reads_it(entry: str) -> None:
    assert read(entry) == ((entry,), [])
    assert forbidden_rule(entry) is not None


@pytest.mark.parametrize("entry", ["requests<", "<2", "requests 2", "a b", "requests; python_version > '3'", "-x"])
def test_an_entry_that_names_no_package_is_a_finding(entry: str) -> None:
    assert read(entry) == ((), ["project.bad_package"])
