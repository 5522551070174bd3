"""A change's evidence as a bundle, and the verification of one without its project, its repository or a network.

Invariants: a bundle holds exactly what judging the chain reads; one that holds more, or less, is not accepted. Keys
that it brings along prove that nobody altered it without them; whose they are, and which were revoked since, the
verifier must know from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.delivery.verification import Evidence, Recorded, evidence_of, judge, keys_here, trusted_keys
from penstock.evidence.bundle import Bundle, bundle_bytes, parse_bundle
from penstock.evidence.chain import ChainReport, LinkReport
from penstock.evidence.envelope import read_envelope
from penstock.evidence.git_objects import History
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from penstock.delivery.ports import Folder, Repository
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the verifier knows from elsewhere: public keys, ids of public keys, the base commit. Each may be empty."""

    keys: tuple[PublicKey, ...] = ()
    key_ids: frozenset[str] = frozenset()
    base: str | None = None

    @property
    def given(self) -> bool:
        """Whether anything is known at all."""
        return bool(self.keys or self.key_ids or self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """What verification of a bundle found: the chain's report, its base commit, who signed, and whether anything that
    the verifier knew before vouches for those keys.
    """

    chain: ChainReport
    base: str | None = None
    signers: tuple[PublicKey, ...] = ()
    anchored: bool = False

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return self.chain.ok

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        signers = [{"name": key.name, "role": str(key.role), "key_id": key.key_id} for key in self.signers]
        return {**self.chain.to_json(), "base": self.base, "signers": signers, "anchored": self.anchored}


def export_change(change: str, root: Path, folder: Folder, repository: Repository, ledger: Recorded) -> bytes:
    """The bundle of a change whose evidence verifies.

    Raises:
        InputError: there is no evidence of that change.
        RefusedError: its evidence does not verify; the findings say why.
    """
    with repository.history() as history:
        found = evidence_of(change, root, folder, history)
        here = keys_here(root, folder)
        report, bundle = gather(replace(found, history=history.afresh()), ledger, here)
    if not report.ok:
        raise RefusedError(report.findings)
    return bundle_bytes(bundle)


def gather(found: Evidence, ledger: Recorded, ends: Sequence[PublicKey] = ()) -> tuple[ChainReport, Bundle]:
    """Judge a chain, and put what that reads into a bundle. The history must be one of which nothing was read yet.

    `ends` are keys as they are now: what was revoked since is judged by, and is no part of the bundle.
    """
    files: dict[str, bytes] = {}
    report = judge(replace(found, read=_noting(found.read, files)), ledger, ends=ends)
    bundle = Bundle(
        change=found.change,
        prefix=found.history.prefix,
        envelopes=tuple(data for _, data in found.envelopes),
        files=files,
        objects=found.history.seen,
    )
    return report, bundle


def verify_bundle(
    data: bytes, name: str, trust: Trust = Trust(), *, change: str | None = None, reach: Link | None = None
) -> BundleReport:
    """What is wrong with a bundle, rule by rule; nothing that is wrong with it raises.

    `change` is the change it must be of, `reach` a stage that must stand: where its last statements were left out on
    purpose, what remains is a shorter chain that is whole.
    """
    try:
        bundle = parse_bundle(data, name)
    except InputError as error:
        broken = LinkReport(name="form", findings=error.findings)
        return BundleReport(
            chain=ChainReport(change=change or name, links=(broken,), furthest=None, approvers=(), head=None)
        )
    files: dict[str, bytes] = {}
    history = History(bundle.objects.get, bundle.prefix)
    envelopes = tuple((f"envelope {number:02d}", each) for number, each in enumerate(bundle.envelopes, 1))
    found = Evidence(
        change=change or bundle.change,
        envelopes=envelopes,
        read=_noting(bundle.files.get, files),
        history=history,
    )
    chain = judge(found, Recorded(reach=reach), ends=trust.keys)
    base = found.last.base_commit if found.last else None
    signers = _signers(found)
    links = (
        LinkReport(name="form", findings=()),
        *chain.links,
        LinkReport(name="content", findings=tuple(_needless(bundle, files, history, name))),
        LinkReport(name="anchor", findings=tuple(_untrusted(signers, base, trust))),
    )
    return BundleReport(chain=replace(chain, links=links), base=base, signers=signers, anchored=trust.given)


def _noting(read: Callable[[str], bytes | None], files: dict[str, bytes]) -> Callable[[str], bytes | None]:
    """The same reader, which notes in `files` what it read."""

    def noting(path: str) -> bytes | None:
        data = read(path)
        if data is not None:
            files[path] = data
        return data

    return noting


def _needless(bundle: Bundle, files: dict[str, bytes], history: History, name: str) -> Iterator[Finding]:
    """What nothing in the chain speaks of: nothing protects it, so it could be anything."""
    for what in sorted({*(bundle.files.keys() - files), *(bundle.objects.keys() - history.seen)}):
        yield Finding(
            code="evidence.needless",
            message=f"{name} holds {what}, which no statement leads to",
            place=Place(file=name, field=what),
            found=what,
            expected="only what verification reads",
            remedy="take the file again from whoever exported it",
        )


def _signers(found: Evidence) -> tuple[PublicKey, ...]:
    """Whose keys the envelopes name, in order; whether they truly signed says the chain."""
    try:
        ring = trusted_keys(found)
    except InputError:
        return ()
    signers: dict[str, PublicKey] = {}
    for label, data in found.envelopes:
        try:
            key_id = read_envelope(data, label).key_id
        except InputError:
            continue
        if key_id in ring:
            signers[key_id] = ring[key_id]
    return tuple(signers.values())


def _untrusted(signers: tuple[PublicKey, ...], base: str | None, trust: Trust) -> Iterator[Finding]:
    """What does not agree with what the verifier knows."""
    if trust.base is not None and base != trust.base:
        yield _stranger("other_anchor", "the chain rests on another base commit", base or "none", trust.base)
    if not (trust.keys or trust.key_ids):
        return
    known = {key.key_id: key for key in trust.keys}
    for key in signers:
        if key.key_id in known:
            said, meant = (f"{each.name}, {each.role}" for each in (key, known[key.key_id]))
            if said != meant:
                yield _stranger("other_role", f"the bundle gives the key {key.key_id[:12]} to another", said, meant)
        elif key.key_id not in trust.key_ids:
            message = f"{key.name} signed with a key that you did not say you trust"
            yield _stranger("untrusted_key", message, key.key_id, "a key of --keys or --trust")


def _stranger(code: str, message: str, found: str, expected: str) -> Finding:
    return Finding(
        code=f"evidence.{code}",
        message=message,
        found=found,
        expected=expected,
        remedy="ask its owner for the key or the commit by another way than the bundle came, and compare",
    )
