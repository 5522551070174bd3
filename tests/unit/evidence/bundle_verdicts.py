"""What both verifiers say of a bundle, and what an attack on them is."""

from __future__ import annotations

import importlib.util
import sys
from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundle_cases import ROOT

from penstock.delivery.bundling import BundleReport, Trust, verify_bundle
from penstock.evidence.keys import to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from evidence_cases import SeedSigner

    from penstock.evidence import Link, PublicKey


def _standalone() -> ModuleType:
    """The verifier that shares no code with Penstock."""
    spec = importlib.util.spec_from_file_location("penstock_verify", ROOT / "verify" / "penstock_verify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["penstock_verify"] = module
    spec.loader.exec_module(module)
    return module


standalone = _standalone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What a verifier is told beside the bundle; `ended` are key files with terms of their own."""

    keys: tuple[SeedSigner, ...] = ()
    ended: tuple[PublicKey, ...] = ()
    trust: tuple[str, ...] = ()
    base: str | None = None
    reach: Link | None = None


ALONE = Anchors()


def by_penstock(data: bytes, anchors: Anchors = ALONE) -> BundleReport:
    """What Penstock says of a bundle."""
    public = (*(each.public for each in anchors.keys), *anchors.ended)
    trust = Trust(keys=public, key_ids=frozenset(anchors.trust), base=anchors.base)
    return verify_bundle(data, "bundle", trust, reach=anchors.reach)


def broken_for_penstock(data: bytes, anchors: Anchors = ALONE) -> set[str]:
    return {link.name for link in by_penstock(data, anchors).chain.links if not link.ok}


def broken_for_standalone(data: bytes, anchors: Anchors = ALONE) -> set[str]:
    """The rules that the standalone verifier finds broken."""
    files = [(each.name, each.public) for each in anchors.keys] + [(each.name, each) for each in anchors.ended]
    known = {key.key_id: standalone.read_key(to_text(key), name) for name, key in files}
    reach = None if anchors.reach is None else str(anchors.reach)
    options = Namespace(known=known, trust=list(anchors.trust), base=anchors.base, reach=reach)
    found, _ = standalone.verify(data, options)
    return {name for name, why in found.items() if why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A bundle that must not be accepted, the one rule that stops it, and what the verifier is told."""

    name: str
    rule: str
    data: bytes
    anchors: Anchors = ALONE


class Attacks:
    """The attacks of one module: whatever makes one is decorated with this."""

    def __init__(self) -> None:
        self.makers: list[Callable[[], dict[str, Any]]] = []

    def __call__(self, make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        self.makers.append(make)
        return make
