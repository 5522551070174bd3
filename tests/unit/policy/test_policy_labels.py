"""What a change is besides: irreversible, or about personal data."""

from __future__ import annotations

from dataclasses import replace

from policy_cases import REVENUE, contract, dataset, project

from penstock.delivery.irreversible import labels_of
from penstock.model.contracts import ColumnSpec

TAGGED = replace(contract(), columns=(ColumnSpec(name="email", type="VARCHAR", personal="email"),))


def test_a_plain_change_has_no_label() -> None:
    assert labels_of((), project(), [REVENUE]) == ()


def test_steps_that_cannot_be_undone_make_it_irreversible() -> None:
    assert labels_of(("mails are sent",), project(), []) == ("irreversible",)


def test_tagged_columns_of_what_moves_make_it_personal() -> None:
    tagged = project(dataset(contract=TAGGED))
    assert labels_of((), tagged, [REVENUE]) == ("personal_data",)
    assert labels_of((), tagged, []) == ()
    assert labels_of((), tagged, ["sales.gone"]) == ()
