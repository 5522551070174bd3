"""No check of either verifier is idle: whichever is taken out, a bundle that nobody may accept is accepted."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bundle_attacks import attacks
from bundle_verdicts import Attack, broken_for_penstock, broken_for_standalone, standalone
from evidence_cases import AUTHOR

from penstock.delivery import bundling, verification
from penstock.evidence import PublicKey, Role, bundle, chain, envelope, git_objects
from penstock.evidence.chain import RULES
from penstock.evidence.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.evidence.envelope import Envelope

ATTACKS = {made.name: made for made in attacks()}
BESIDE = ("form", "keys", "canonical", "signature", "statement", "content", "anchor", "object")
CHECKS = (*RULES, *BESIDE)


def aimed_at(check: str) -> list[Attack]:
    """The attacks that the check is there for."""
    if check == "object":
        return [ATTACKS["a_key_in_the_place_of_another"]]
    return [made for made in ATTACKS.values() if made.rule == check]


def loosely(value: bytes, *_: object) -> Any:
    """JSON in whatever form."""
    return json.loads(value)


def unread_key(name: str, data: bytes) -> PublicKey:
    """A key file taken at its word."""
    said = yaml.safe_load(data)
    return PublicKey(
        name=name.rpartition("/")[2].removesuffix(".yaml"), role=Role(said["role"]), public=_public(said["public_key"])
    )


def _public(text: str) -> bytes:
    return b64decode(text)


def signer_by_name(envelope: Envelope, keys: Any, _file: str) -> Any:
    return keys.get(envelope.key_id, AUTHOR.public)


def without(check: str, patch: pytest.MonkeyPatch) -> None:
    """Take one check out of Penstock's verifier."""
    taken: dict[str, Callable[[], object]] = {
        "form": lambda: (
            patch.setattr(bundle, "parse_canonical", loosely),
            patch.setattr(bundle, "_is_own_form", lambda *_: True),
        ),
        "keys": lambda: (
            patch.setattr(verification, "_key", unread_key),
            patch.setattr(verification, "key_ring", lambda keys: {key.key_id: key for key in keys}),
        ),
        "canonical": lambda: (
            patch.setattr(envelope, "parse_canonical", loosely),
            patch.setattr(Shape, "note", lambda *_: None),
        ),
        "signature": lambda: patch.setattr(chain, "verified_signer", signer_by_name),
        "statement": lambda: patch.setattr(Shape, "note", lambda *_: None),
        "content": lambda: patch.setattr(bundling, "_needless", lambda *_: ()),
        "anchor": lambda: patch.setattr(bundling, "_untrusted", lambda *_: ()),
        "object": lambda: patch.setattr(git_objects, "_is_itself", lambda *_: True),
    }
    taken.get(check, lambda: patch.setitem(chain.RULES, check, unheard(chain.RULES[check])))()


def without_in_standalone(check: str, patch: pytest.MonkeyPatch) -> None:
    """Take one check out of the standalone verifier: what it must hold is not asked for there."""
    parts = {"keys": "key_ring", "canonical": "read_envelope", "statement": "read_statement"}
    if check in parts:
        patch.setattr(standalone, parts[check], unasked(getattr(standalone, parts[check])))
    elif check == "form":
        patch.setattr(standalone.Bundle, "__init__", unasked(standalone.Bundle.__init__))
    elif check == "object":
        patch.setattr(standalone.Bundle, "object", unasked(standalone.Bundle.object))
    elif check == "signature":
        patch.setattr(standalone, "signer", lambda _payload, key_id, _signature, ring: ring[key_id])
    else:
        patch.setitem(standalone.RULES, check, unheeded(standalone.RULES[check]))


def unheard(rule: Callable[[Any], Iterable[object]]) -> Callable[[Any], Iterator[Any]]:
    """A rule that looks at everything it looked at, and finds nothing."""

    def silent(held: Any) -> Iterator[Any]:
        list(rule(held))
        return iter(())

    return silent


def unheeded(rule: Callable[[Any], list[str] | None]) -> Callable[[Any], list[str]]:
    """A rule of the standalone verifier that looks at everything it looked at, and finds nothing."""

    def silent(chain: Any) -> list[str]:
        unasked(rule)(chain)
        return []

    return silent


def unasked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the standalone verifier in which nothing must hold."""

    def lax(*given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(standalone, "must", lambda *_: None)
            return function(*given)

    return lax


def test_every_rule_can_be_taken_out() -> None:
    assert set(standalone.RULES) | set(BESIDE) == set(CHECKS)
    assert all(aimed_at(check) for check in CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_penstock_accepts_what_nobody_may(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aimed = aimed_at(check)
    assert all(broken_for_penstock(made.data, made.anchors) for made in aimed)

    without(check, monkeypatch)

    assert any(not broken_for_penstock(made.data, made.anchors) for made in aimed)


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_the_standalone_verifier_does_too(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aimed = aimed_at(check)
    assert all(broken_for_standalone(made.data, made.anchors) for made in aimed)

    without_in_standalone(check, monkeypatch)

    assert any(accepted(made) for made in aimed)


def accepted(made: Attack) -> bool:
    """Whether the standalone verifier, with something taken out, lets an attack pass; to stumble is not to accept."""
    try:
        return not broken_for_standalone(made.data, made.anchors)
    except KeyError:
        return False
