"""Changing what an environment shows: one swap, recorded before and after, the same one however often it is asked."""

from __future__ import annotations

import json

import pytest
from engine_bench import Bench

from penstock.engine.promotion import mapping_of, promote
from penstock.engine.removal import remove
from penstock.ledger.facts import RemovalIntended, VersionDefined
from penstock.model.errors import InputError, TaskError
from penstock.plan.versions import Version, relation_of
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import landed, project_of

A, B = {"sim.raw": "1"}, {"sim.raw": "2", "sim.daily": "1"}


def _bench(faults: Faults | None = None) -> Bench:
    bench = Bench(project_of((landed("sim.raw"),)), faults=faults or Faults())
    bench.lease()
    return bench


def _show(bench: Bench, mapping: dict[str, str], reason: str = "deploy", environment: str = "prod") -> str:
    return promote(
        bench.journal, bench.warehouse, environment=environment, mapping=mapping, reason=reason, token=bench.token
    )


def _shown(bench: Bench, environment: str = "prod") -> dict[str, str]:
    target = bench.warehouse.environment(environment)
    assert mapping_of(bench.journal, environment) == target
    return target


def test_an_environment_shows_exactly_the_mapping() -> None:
    bench = _bench()
    _show(bench, B)
    _show(bench, A)
    assert _shown(bench) == A


def test_environments_do_not_touch_each_other() -> None:
    bench = _bench()
    _show(bench, A)
    _show(bench, B, environment="dev")
    assert (_shown(bench), _shown(bench, "dev")) == (A, B)


@pytest.mark.parametrize("mapping", [A, {}], ids=["a mapping", "nothing"])
def test_what_is_shown_already_is_not_promoted_again(mapping: dict[str, str]) -> None:
    bench = _bench()
    first = _show(bench, mapping)
    before = bench.facts()
    assert _show(bench, mapping) == first
    assert bench.facts() == before


def test_another_reason_is_another_promotion() -> None:
    bench = _bench()
    assert _show(bench, A, "deploy") != _show(bench, A, "run")


def test_going_back_to_an_old_mapping_is_a_new_promotion() -> None:
    bench = _bench()
    promotions = [_show(bench, mapping) for mapping in (A, B, A, B)]
    assert len(set(promotions)) == 4
    assert _shown(bench) == B


def test_a_promotion_remembers_what_was_shown_before() -> None:
    bench = _bench()
    for mapping in (A, B):
        promotion = _show(bench, mapping)
    (row,) = bench.journal.rows("promotions", promotion=promotion)
    assert json.loads(str(row["previous"])) == A


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("step", ["PromotionIntended", "swap", "Promoted"])
def test_repeated_after_a_crash_it_is_the_same_promotion(step: str, fault: Fault) -> None:
    calm = _bench()
    _show(calm, A)
    wanted = _show(calm, B)
    numbers = [int(line.split()[0]) for line in calm.faults.trace if step in line]
    bench = _bench(Faults(steps={numbers[1]: fault}))
    _show(bench, A)
    with pytest.raises(Crash):
        _show(bench, B)
    assert bench.faults.fired == bench.faults.asked
    bench.lease()
    assert _show(bench, B) == wanted
    assert _shown(bench) == B
    assert len(bench.journal.rows("promotions")) == 2
    (row,) = bench.journal.rows("promotions", promotion=wanted)
    assert (row["state"], json.loads(str(row["previous"]))) == ("promoted", A)


def test_a_clock_that_went_back_makes_no_second_promotion() -> None:
    bench = _bench()
    _show(bench, A)
    bench.clock.jump(-3600)
    second = _show(bench, B)
    assert _show(bench, B) == second
    assert len(bench.journal.rows("promotions")) == 2


def test_an_intention_that_others_overtook_is_not_taken_up_with_its_old_past() -> None:
    """Its `previous` is what a rollback returns to, so it must be what is shown now."""
    swap = 4  # after the lease, its fence and the intention
    bench = _bench(Faults(steps={swap: Fault.CRASH_BEFORE}))
    with pytest.raises(Crash):
        _show(bench, B)
    assert bench.faults.fired == bench.faults.asked
    bench.lease()
    _show(bench, A, "something else")
    promotion = _show(bench, B)
    (row,) = bench.journal.rows("promotions", promotion=promotion)
    assert json.loads(str(row["previous"])) == A
    assert _shown(bench) == B


def test_an_executor_that_was_replaced_cannot_swap() -> None:
    swap = 4
    bench = _bench(Faults(steps={swap: Fault.TAKEOVER}))
    bench.faults.on[Fault.TAKEOVER] = lambda: bench.warehouse.show_token(99)
    with pytest.raises(TaskError) as caught:
        _show(bench, A)
    assert bench.faults.fired == bench.faults.asked
    assert caught.value.findings[0].code == "engine.fenced"
    assert bench.warehouse.environment("prod") == {}


def test_a_version_whose_rows_were_removed_is_not_shown_until_it_is_built_again() -> None:
    bench = _bench()
    _show(bench, A)
    _show(bench, B)
    version = Version(dataset="sim.raw", fingerprint="1", relation=relation_of("sim.raw", "1"))
    removal = remove(bench.journal, bench.warehouse, [version], by="ana", token=bench.token)
    assert (removal.gone, removal.left) == ((version,), ())
    entries = len(list(bench.journal.entries()))
    with pytest.raises(InputError) as caught:
        _show(bench, A)
    assert [finding.code for finding in caught.value.findings] == ["version.removed"]
    assert len(list(bench.journal.entries())) == entries
    assert _shown(bench) == B

    defined = VersionDefined(dataset="sim.raw", version="1", relation=version.relation, materialization="table")
    bench.journal.append(defined, token=bench.token)
    _show(bench, A)
    assert _shown(bench) == A


def test_a_removal_that_was_broken_off_is_finished_by_the_next_executor() -> None:
    bench = _bench()
    version = Version(dataset="sim.raw", fingerprint="1", relation=relation_of("sim.raw", "1"))
    intent = RemovalIntended(removal="d1", versions=json.dumps([["sim.raw", "1", version.relation]]), by="ana")
    bench.journal.append(intent, token=bench.token)
    bench.lease()
    assert [row["state"] for row in bench.journal.rows("removals")] == ["removed"]
