"""Bundles of a change in a repository that exists in memory alone: honest ones, and ones that break one rule each."""

from __future__ import annotations

import importlib.util
import json
import sys
from argparse import Namespace
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_cases import APPROVER, AUTHOR, RUNNER, SECOND, STRANGER, TO_APPROVAL, WHOLE, SeedSigner, statement

from penstock.delivery.bundling import BundleReport, Trust, gather, verify_bundle
from penstock.delivery.verification import Evidence, Recorded
from penstock.evidence import Link, Role, Subject, canonical_bytes, digest, review_seen, seal
from penstock.evidence.bundle import Bundle, bundle_bytes
from penstock.evidence.envelope import pae
from penstock.evidence.git_objects import GitObject, History, object_id
from penstock.evidence.keys import Revocation, to_text
from penstock.evidence.statements import finding_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from penstock.evidence import ChainReport, PublicKey

ROOT = Path(__file__).parents[3]
OWN = "changes/RETAIL-1"
QUERY = "pipelines/sales/revenue.sql"
GONE = "pipelines/sales/old.sql"
SETTINGS = b"name: retail\npolicy:\n  quality_score: 90\n  approvals: 1  # one is enough\n"
BEFORE = {
    "README.md": b"# Everything\n",
    "penstock.yaml": SETTINGS,
    "pipelines/sales/pipeline.yaml": b"owner: sales\n",
    GONE: b"SELECT 1\n",
    **{f"keys/{who.name}.yaml": to_text(who.public).encode() for who in (RUNNER, APPROVER, SECOND)},
}
AFTER = {
    **{path: data for path, data in BEFORE.items() if path != GONE},
    QUERY: b"SELECT sum(price) AS revenue\n",
    "pipelines/sales/__init__.py": b"",
    "keys/ana.yaml": to_text(AUTHOR.public).encode(),
    f"{OWN}/story.md": b"# RETAIL-1\n",
}
PAGES = {
    f"{OWN}/story.md": b"# RETAIL-1\n",
    f"{OWN}/plan.md": b"1. build\n",
    f"{OWN}/dossier.md": b"It is fine.\n",
    f"{OWN}/rollout.md": b"done\n",
}
GATE = "weak_tests"
FINDING = {"code": "gate.weak_tests", "severity": "error", "message": "one fault is left", "remedy": "catch it"}
EARLIER, LATER = "2026-11-01", "2026-12-01"
PAGE_OF = {
    Link.DISCOVERY: "story.md",
    Link.DESIGN: "plan.md",
    Link.REVIEW: "dossier.md",
    Link.OBSERVATION: "rollout.md",
}


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


@dataclass(slots=True)
class Repo:
    """Git objects by id, of commits made from files by path."""

    objects: dict[str, GitObject] = field(default_factory=dict)
    digits: int = 40

    def commit(self, files: Mapping[str, bytes], prefix: str = "") -> str:
        """A commit that holds these files, beneath `prefix` if there is one."""
        placed = {f"{prefix}/{path}" if prefix else path: data for path, data in files.items()}
        text = b"tree %s\nauthor A <a@b.c> 0 +0000\ncommitter A <a@b.c> 0 +0000\n\nwork\n"
        return self.put("commit", text % self._tree(placed).encode())

    def put(self, kind: str, data: bytes) -> str:
        made = GitObject(kind=kind, data=data)
        name = object_id(made, self.digits)
        self.objects[name] = made
        return name

    def _tree(self, files: Mapping[str, bytes]) -> str:
        entries: dict[str, tuple[bytes, str]] = {}
        folders: dict[str, dict[str, bytes]] = {}
        for path, data in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = data
            else:
                entries[head] = (b"100644", self.put("blob", data))
        entries |= {name: (b"40000", self._tree(inside)) for name, inside in folders.items()}
        lines = (b"%s %s\0%s" % (mode, name.encode(), bytes.fromhex(i)) for name, (mode, i) in sorted(entries.items()))
        return self.put("tree", b"".join(lines))


@dataclass(slots=True)
class Told:
    """A change's envelopes as they come, over a repository in memory; everything about it can be set otherwise."""

    before: dict[str, bytes] = field(default_factory=lambda: dict(BEFORE))
    after: dict[str, bytes] = field(default_factory=lambda: dict(AFTER))
    pages: dict[str, bytes] = field(default_factory=lambda: dict(PAGES))
    prefix: str = ""
    digits: int = 40
    envelopes: list[bytes] = field(default_factory=list)
    repo: Repo = field(init=False)
    base: str = field(init=False)
    commit: str = field(init=False)

    def __post_init__(self) -> None:
        self.repo = Repo(digits=self.digits)
        self.base = self.repo.commit(self.before, self.prefix)
        self.commit = self.repo.commit(self.after, self.prefix)

    def add(self, stage: Link, signer: SeedSigner | None = None, **changes: Any) -> Told:
        """One more envelope: an approval sees the last review, other stages name their page, the review its files."""
        fields = {
            "base_commit": self.base,
            "commit": self.commit,
            "previous": digest(self.envelopes[-1]) if self.envelopes else None,
            "subjects": self.subjects(stage),
        } | changes
        default = {Link.APPROVAL: APPROVER, Link.WAIVER: SECOND, Link.IMPLEMENTATION: AUTHOR}.get(stage, RUNNER)
        self.envelopes.append(seal(statement(stage, **fields), signer or default))
        return self

    def waive(self, signer: SeedSigner = SECOND, *, of: Mapping[str, Any] = FINDING, **facts: Any) -> Told:
        """A waiver of one finding."""
        subjects = (Subject(name=f"finding:{GATE}/1", sha256=finding_digest(of)),)
        return self.add(Link.WAIVER, signer, subjects=subjects, facts={"gate": GATE, "until": LATER} | facts)

    def leaning(self, stage: Link, waiver: str = "", **changes: Any) -> Told:
        """A stage that lets the finding pass, by the waiver before it if no other is named."""
        waived = [{"finding": finding_digest(FINDING), "waiver": waiver or digest(self.envelopes[-1])}]
        verdict = {"gate": GATE, "outcome": "fail", "counts": "pass", "findings": [FINDING], "waived": waived}
        return self.add(stage, verdicts=(verdict,), **changes)

    def through(self, *stages: Link) -> Told:
        for stage in stages:
            self.add(stage)
        return self

    def subjects(self, stage: Link) -> tuple[Subject, ...]:
        """What a plain statement of a stage is about."""
        if stage is Link.APPROVAL:
            return (review_seen(self.reviews()[-1]),)
        page = PAGE_OF.get(stage)
        own = self.named(f"{OWN}/{page}", self.pages[f"{OWN}/{page}"]) if page else ()
        return (*own, *self.reviewed()) if stage is Link.REVIEW else own

    def reviewed(self) -> tuple[Subject, ...]:
        """The files that the commit changes, and the policy."""
        paths = sorted({*self.before, *self.after})
        changed = [path for path in paths if self.before.get(path) != self.after.get(path) and OWN not in path]
        files = [each for path in changed if path in self.after for each in self.named(path, self.after[path])]
        gone = [Subject(name=f"git:removed/{path}", sha256=digest(b"")) for path in changed if path not in self.after]
        return (*files, *gone, Subject(name="policy:base", sha256=digest(self.before["penstock.yaml"])))

    def reviews(self) -> list[bytes]:
        return [data for data in self.envelopes if payload(data)["predicate"]["stage"] == "review"]

    def named(self, path: str, data: bytes) -> tuple[Subject, ...]:
        return (Subject(name=path, sha256=digest(data)),)

    def bundle(self, change: str = "RETAIL-1") -> Bundle:
        """Everything that judging it reads, whether it is true or not."""
        return self.gathered(change)[1]

    def gathered(self, change: str = "RETAIL-1", ends: tuple[PublicKey, ...] = ()) -> tuple[ChainReport, Bundle]:
        """What its project finds when it is exported, with keys as they are now."""
        named = tuple((f"envelope {number}", data) for number, data in enumerate(self.envelopes, 1))
        files = {**self.after, **self.pages}
        history = History(self.repo.objects.get, self.prefix)
        found = Evidence(change=change, envelopes=named, read=files.get, history=history)
        return gather(found, Recorded(), ends)

    def data(self) -> bytes:
        return bundle_bytes(self.bundle())

    def everything(self) -> Bundle:
        """What an honest verifier would read, found without one: keys, policy, and where the commits differ."""
        history = History(self.repo.objects.get, self.prefix)
        history.file(self.base, "penstock.yaml")
        history.changed(self.base, self.commit, OWN)
        for commit in (self.base, self.commit):
            history.folder(commit, "keys")
        named = {each["name"] for data in self.envelopes for each in payload(data)["subject"]}
        files = {path: data for path, data in {**self.after, **self.pages}.items() if path in named}
        envelopes = tuple(self.envelopes)
        return Bundle(change="RETAIL-1", prefix=self.prefix, envelopes=envelopes, files=files, objects=history.seen)


def payload(envelope: bytes) -> Any:
    """What an envelope says."""
    return json.loads(b64decode(json.loads(envelope)["payload"]))


def resigned(envelope: bytes, signer: SeedSigner, said: bytes) -> bytes:
    """An envelope around other bytes, truly signed."""
    signature = {"keyid": signer.key_id, "sig": b64encode(signer.sign(pae(said))).decode()}
    return canonical_bytes({**json.loads(envelope), "payload": b64encode(said).decode(), "signatures": [signature]})


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


def attacks() -> list[Attack]:
    """Every attack that exactly one rule stops."""
    return [Attack(name=make.__name__, **make()) for make in MAKERS]


def attack(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    MAKERS.append(make)
    return make


MAKERS: list[Callable[[], dict[str, Any]]] = []
REVIEWED, DEPLOYED = TO_APPROVAL[:4], WHOLE[:6]


@attack
def white_space_between_lines() -> dict[str, Any]:
    data = Told().through(*WHOLE).data()
    return {"rule": "form", "data": data.replace(b'{"change"', b'{ "change"', 1)}


@attack
def lines_in_another_order() -> dict[str, Any]:
    lines = Told().through(*WHOLE).data().splitlines(keepends=True)
    return {"rule": "form", "data": b"".join([*lines[:-2], lines[-1], lines[-2]])}


@attack
def the_same_file_twice() -> dict[str, Any]:
    lines = Told().through(*WHOLE).data().splitlines(keepends=True)
    spot = next(number for number, line in enumerate(lines) if b'"file"' in line)
    return {"rule": "form", "data": b"".join([*lines[:spot], lines[spot], *lines[spot:]])}


@attack
def a_line_of_a_kind_that_nobody_knows() -> dict[str, Any]:
    return {"rule": "form", "data": Told().through(*WHOLE).data() + b'{"note":"trust me"}\n'}


@attack
def a_key_file_of_another_name() -> dict[str, Any]:
    key = {"keys/trudy.yaml": to_text(STRANGER.public).encode()}
    return {"rule": "keys", "data": bundle_bytes(Told(BEFORE | key, AFTER | key).through(*REVIEWED).everything())}


@attack
def a_second_key_for_the_same_name() -> dict[str, Any]:
    shared = {**BEFORE, "keys/old/bo.yaml": to_text(SeedSigner("bo", Role.APPROVER, 9).public).encode()}
    after = {**AFTER, "keys/old/bo.yaml": shared["keys/old/bo.yaml"]}
    return {"rule": "keys", "data": bundle_bytes(Told(shared, after).through(*REVIEWED).everything())}


@attack
def a_key_in_the_place_of_another() -> dict[str, Any]:
    impostor = SeedSigner("bo", Role.APPROVER, 9)
    honest = Told().through(*TO_APPROVAL).bundle()
    forged = Told().through(*REVIEWED).add(Link.APPROVAL, impostor)
    name = object_id(GitObject(kind="blob", data=BEFORE["keys/bo.yaml"]))
    objects = {**honest.objects, name: GitObject(kind="blob", data=to_text(impostor.public).encode())}
    return {"rule": "keys", "data": bundle_bytes(replace(honest, envelopes=tuple(forged.envelopes), objects=objects))}


@attack
def a_reformatted_envelope() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    told.envelopes[-1] = json.dumps(json.loads(told.envelopes[-1])).encode()
    return {"rule": "canonical", "data": told.data()}


@attack
def base64_with_other_last_bits() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    sig = value["signatures"][0]["sig"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    value["signatures"][0]["sig"] = f"{sig[:-3]}{letters[letters.index(sig[-3]) + 1]}=="
    assert b64decode(value["signatures"][0]["sig"]) == b64decode(sig)
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "canonical", "data": told.data()}


@attack
def a_second_signature_beside_the_first() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    value["signatures"] *= 2
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "canonical", "data": told.data()}


@attack
def what_the_key_never_signed() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    said = payload(told.envelopes[-1])
    said["predicate"]["at"] = "2020-01-01T00:00:00Z"
    value["payload"] = b64encode(canonical_bytes(said)).decode()
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "signature", "data": told.data()}


@attack
def a_signature_with_a_multiple_of_the_order_added() -> dict[str, Any]:
    order = 2**252 + 27742317777372353535851937790883648493
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    sig = b64decode(value["signatures"][0]["sig"])
    other = int.from_bytes(sig[32:], "little") + order
    value["signatures"][0]["sig"] = b64encode(sig[:32] + other.to_bytes(32, "little")).decode()
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "signature", "data": told.data()}


@attack
def a_part_that_no_statement_has() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    said = payload(told.envelopes[-1])
    said["predicate"]["waived"] = True
    told.envelopes[-1] = resigned(told.envelopes[-1], RUNNER, canonical_bytes(said))
    return {"rule": "statement", "data": told.data()}


@attack
def an_environment_that_is_no_digest() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    said = payload(told.envelopes[-1])
    said["predicate"]["commands"][0]["environment"] = "mine"
    told.envelopes[-1] = resigned(told.envelopes[-1], RUNNER, canonical_bytes(said))
    return {"rule": "statement", "data": told.data()}


@attack
def last_statements_left_out() -> dict[str, Any]:
    data = Told().through(*TO_APPROVAL, Link.DEPLOYMENT).data()
    return {"rule": "complete", "data": data, "anchors": Anchors(reach=Link.OBSERVATION)}


@attack
def no_statement_at_all() -> dict[str, Any]:
    return {"rule": "complete", "data": Told().data()}


@attack
def an_approval_of_another_change() -> dict[str, Any]:
    return {"rule": "change", "data": Told().through(*REVIEWED).add(Link.APPROVAL, change="RETAIL-2").data()}


@attack
def an_approval_of_another_project() -> dict[str, Any]:
    return {"rule": "change", "data": Told().through(*REVIEWED).add(Link.APPROVAL, project="wholesale").data()}


@attack
def an_earlier_statement_written_anew() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    told.envelopes[1] = Told().through(Link.DISCOVERY).add(Link.DESIGN, facts={"rows": 1}).envelopes[1]
    return {"rule": "previous", "data": told.data()}


@attack
def a_beginning_that_follows_something() -> dict[str, Any]:
    return {"rule": "previous", "data": Told().add(Link.DISCOVERY, previous="0" * 64).data()}


@attack
def an_envelope_twice() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    told.envelopes.insert(1, told.envelopes[0])
    return {"rule": "previous", "data": told.data()}


@attack
def work_after_the_deployment() -> dict[str, Any]:
    return {"rule": "order", "data": Told().through(*WHOLE, Link.DESIGN).data()}


@attack
def a_deployment_without_a_review() -> dict[str, Any]:
    settings = {"penstock.yaml": b"name: retail\npolicy: {approvals: 0}\n"}
    told = Told(BEFORE | settings, AFTER | settings)
    return {"rule": "order", "data": told.through(*TO_APPROVAL[:3], Link.DEPLOYMENT).data()}


@attack
def a_stage_signed_by_an_approver() -> dict[str, Any]:
    return {"rule": "role", "data": Told().through(Link.DISCOVERY).add(Link.DESIGN, SECOND).data()}


@attack
def an_approval_with_an_author_s_key() -> dict[str, Any]:
    dan = SeedSigner("dan", Role.AUTHOR, 21)
    key = {"keys/dan.yaml": to_text(dan.public).encode()}
    return {"rule": "role", "data": Told(BEFORE | key, AFTER | key).through(*REVIEWED).add(Link.APPROVAL, dan).data()}


@attack
def an_author_approves_their_own_change() -> dict[str, Any]:
    told = Told()
    for stage in TO_APPROVAL:
        told.add(stage, author="Bo")
    return {"rule": "four_eyes", "data": told.data()}


@attack
def an_approval_of_more_than_the_review() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    more = (*told.subjects(Link.APPROVAL), Subject(name="plan:next", sha256="7" * 64))
    return {"rule": "approval", "data": told.add(Link.APPROVAL, subjects=more).data()}


@attack
def an_approval_of_an_older_review() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    old = told.subjects(Link.APPROVAL)
    told.through(Link.IMPLEMENTATION, Link.REVIEW)
    return {"rule": "approval", "data": told.add(Link.APPROVAL, subjects=old).data()}


@attack
def fewer_approvals_than_policy_asks() -> dict[str, Any]:
    settings = {"penstock.yaml": b"name: retail\npolicy:\n  approvals: 2\n"}
    told = Told(BEFORE | settings, AFTER | settings)
    return {"rule": "approvers", "data": told.through(*TO_APPROVAL).add(Link.APPROVAL).add(Link.DEPLOYMENT).data()}


@attack
def another_commit_deployed() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL).add(Link.DEPLOYMENT, commit="d" * 40).add(Link.OBSERVATION)
    return {"rule": "commit", "data": told.data()}


@attack
def a_page_that_was_edited() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    told.pages[f"{OWN}/dossier.md"] += b"Nothing moves.\n"
    return {"rule": "subjects", "data": told.data()}


@attack
def a_page_that_was_taken_out() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    del told.pages[f"{OWN}/plan.md"]
    return {"rule": "subjects", "data": told.data()}


@attack
def another_policy_than_the_base_s() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != "policy:base"]
    lax = Subject(name="policy:base", sha256=digest(b"name: retail\n"))
    return {"rule": "base", "data": told.add(Link.REVIEW, subjects=(*named, lax)).data()}


@attack
def a_review_on_another_base() -> dict[str, Any]:
    told = Told()
    other = told.repo.commit({**BEFORE, "README.md": b"# Something else\n"})
    told.add(Link.DISCOVERY).add(Link.DESIGN, base_commit=other).through(Link.IMPLEMENTATION, Link.REVIEW)
    return {"rule": "base", "data": told.data()}


@attack
def a_commit_that_holds_other_bytes() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != QUERY]
    told.after[QUERY] = b"SELECT 0 AS revenue\n"  # the bytes the bundle brings; the commit was made before
    told.add(Link.REVIEW, subjects=(*named, *told.named(QUERY, told.after[QUERY])))
    return {"rule": "tree", "data": told.data()}


@attack
def a_file_in_the_commit_that_the_review_does_not_name() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = tuple(each for each in told.subjects(Link.REVIEW) if each.name != QUERY)
    return {"rule": "tree", "data": told.add(Link.REVIEW, subjects=named).data()}


@attack
def a_file_said_to_be_gone_that_is_there() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != QUERY]
    gone = Subject(name=f"git:removed/{QUERY}", sha256=digest(b""))
    return {"rule": "tree", "data": told.add(Link.REVIEW, subjects=(*named, gone)).data()}


@attack
def a_file_outside_the_project() -> dict[str, Any]:
    told = Told(prefix="shops/retail")
    inside = {f"shops/retail/{path}": data for path, data in AFTER.items()}
    told.commit = told.repo.commit({**inside, "shops/other/penstock.yaml": b"name: other\n"})
    return {"rule": "tree", "data": told.through(*REVIEWED).data()}


@attack
def a_file_that_nothing_speaks_of() -> dict[str, Any]:
    bundle = Told().through(*WHOLE).bundle()
    return {"rule": "content", "data": bundle_bytes(replace(bundle, files={**bundle.files, "note.md": b"trust me"}))}


@attack
def an_object_that_nothing_leads_to() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    bundle, name = told.bundle(), told.repo.put("blob", b"SELECT 2\n")
    objects = {**bundle.objects, name: told.repo.objects[name]}
    return {"rule": "content", "data": bundle_bytes(replace(bundle, objects=objects))}


@attack
def a_project_of_strangers() -> dict[str, Any]:
    keys = {f"keys/{STRANGER.name}.yaml": to_text(STRANGER.public).encode()}
    told = Told(BEFORE | keys, AFTER | keys).through(*REVIEWED).add(Link.APPROVAL, STRANGER)
    return {"rule": "anchor", "data": told.data(), "anchors": Anchors(keys=(AUTHOR, RUNNER, APPROVER))}


@attack
def a_trusted_key_in_another_role() -> dict[str, Any]:
    widened = SeedSigner("ana", Role.RUNNER, AUTHOR.seed)
    told = Told(after={**AFTER, "keys/ana.yaml": to_text(widened.public).encode()}).through(*WHOLE)
    return {"rule": "anchor", "data": told.data(), "anchors": Anchors(keys=(AUTHOR, RUNNER, APPROVER))}


@attack
def another_base_than_the_verifier_knows() -> dict[str, Any]:
    return {"rule": "anchor", "data": Told().through(*WHOLE).data(), "anchors": Anchors(base="e" * 40)}


# --- terms, quorums, waivers


def under(policy: bytes = b"", **keys: PublicKey) -> Told:
    """The same project with another policy or other key files, since before the change."""
    files = {f"keys/{name}.yaml": to_text(key).encode() for name, key in keys.items()}
    files |= {"penstock.yaml": b"name: retail\n" + policy} if policy else {}
    return Told(BEFORE | files, AFTER | files)


@attack
def a_key_that_had_expired() -> dict[str, Any]:
    ended = replace(RUNNER.public, expires=EARLIER)
    return {"rule": "terms", "data": under(ci=ended).through(*REVIEWED).data()}


@attack
def a_key_that_was_revoked_in_the_base() -> dict[str, Any]:
    ended = replace(RUNNER.public, revoked=Revocation(at=EARLIER, reason="lost, with the laptop # it's gone"))
    return {"rule": "terms", "data": under(ci=ended).through(*REVIEWED).data()}


@attack
def a_key_that_the_verifier_knows_to_be_revoked() -> dict[str, Any]:
    ended = replace(RUNNER.public, revoked=Revocation(at=EARLIER, reason="lost"))
    anchors = Anchors(keys=(AUTHOR, APPROVER), ended=(ended,))
    return {"rule": "terms", "data": Told().through(*REVIEWED).data(), "anchors": anchors}


@attack
def an_author_s_new_key_that_the_verifier_knows_to_be_revoked() -> dict[str, Any]:
    ended = replace(AUTHOR.public, revoked=Revocation(at=EARLIER, reason="lost"))
    anchors = Anchors(keys=(RUNNER, APPROVER), ended=(ended,))
    return {"rule": "terms", "data": Told().through(*REVIEWED).data(), "anchors": anchors}


@attack
def an_approval_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = Told().through(*REVIEWED).add(Link.APPROVAL, facts={"until": LATER})
    return {"rule": "approvers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def an_approver_s_key_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = under(bo=replace(APPROVER.public, expires=LATER)).through(*TO_APPROVAL)
    return {"rule": "approvers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def an_approver_whom_policy_does_not_ask() -> dict[str, Any]:
    told = under(b"policy:\n  approvals:\n    count: 1\n    from: [finance, cy]\n")
    return {"rule": "approvers", "data": told.through(*DEPLOYED).data()}


@attack
def two_approvals_and_none_of_the_group_that_a_label_asks_for() -> dict[str, Any]:
    told = under(b"policy:\n  approvals: {personal_data: {from: [privacy]}}\n")
    told.through(*REVIEWED[:3]).add(Link.REVIEW, facts={"labels": ["personal_data"]})
    data = told.through(Link.APPROVAL).add(Link.APPROVAL, SECOND).add(Link.DEPLOYMENT).data()
    return {"rule": "approvers", "data": data}


@attack
def one_approval_of_what_cannot_be_undone() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).add(Link.REVIEW, facts={"labels": ["irreversible"]})
    return {"rule": "approvers", "data": told.through(Link.APPROVAL, Link.DEPLOYMENT).data()}


@attack
def a_waiver_that_had_ended() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(until=EARLIER)
    return {"rule": "waivers", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(until=LATER).leaning(Link.REVIEW).through(Link.APPROVAL)
    return {"rule": "waivers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def a_waiver_of_another_finding() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(of={**FINDING, "message": "another fault is left"})
    return {"rule": "waivers", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_of_another_gate() -> dict[str, Any]:
    return {"rule": "waivers", "data": Told().through(*REVIEWED[:3]).waive(gate="impact").leaning(Link.REVIEW).data()}


@attack
def a_waiver_that_nobody_signed() -> dict[str, Any]:
    return {"rule": "waivers", "data": Told().through(*REVIEWED[:3]).leaning(Link.REVIEW, "0" * 64).data()}


@attack
def a_waiver_by_the_author() -> dict[str, Any]:
    told = Told()
    for stage in REVIEWED[:3]:
        told.add(stage, author="Cy")
    return {"rule": "four_eyes", "data": told.waive(SECOND).leaning(Link.REVIEW, author="Cy").data()}


@attack
def a_waiver_with_an_author_s_key() -> dict[str, Any]:
    dan = SeedSigner("dan", Role.AUTHOR, 21)
    told = under(dan=dan.public).through(*REVIEWED[:3]).waive(dan)
    return {"rule": "role", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_once_the_review_has_passed() -> dict[str, Any]:
    return {"rule": "order", "data": Told().through(*REVIEWED).waive().data()}


@attack
def an_agent_s_approval() -> dict[str, Any]:
    robot = SeedSigner("robot", Role.AGENT, 7)
    return {"rule": "role", "data": under(robot=robot.public).through(*REVIEWED).add(Link.APPROVAL, robot).data()}
