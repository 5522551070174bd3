"""Bundles of a change in a repository that exists in memory alone: honest, unless something is set otherwise."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_cases import APPROVER, AUTHOR, RUNNER, SECOND, TO_APPROVAL, WHOLE, SeedSigner, statement

from penstock.delivery.bundling import gather
from penstock.delivery.verification import Evidence, Recorded
from penstock.evidence import Link, Subject, canonical_bytes, digest, review_seen, seal
from penstock.evidence.bundle import Bundle, bundle_bytes
from penstock.evidence.envelope import pae
from penstock.evidence.git_objects import GitObject, History, object_id
from penstock.evidence.keys import to_text
from penstock.evidence.statements import finding_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

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
REVIEWED, DEPLOYED = TO_APPROVAL[:4], WHOLE[:6]
GATE = "weak_tests"
FINDING = {"code": "gate.weak_tests", "severity": "error", "message": "one fault is left", "remedy": "catch it"}
EARLIER, LATER = "2026-11-01", "2026-12-01"
PAGE_OF = {
    Link.DISCOVERY: "story.md",
    Link.DESIGN: "plan.md",
    Link.REVIEW: "dossier.md",
    Link.OBSERVATION: "rollout.md",
}


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


def under(policy: bytes = b"", **keys: PublicKey) -> Told:
    """The same project with another policy or other key files, since before the change."""
    files = {f"keys/{name}.yaml": to_text(key).encode() for name, key in keys.items()}
    files |= {"penstock.yaml": b"name: retail\n" + policy} if policy else {}
    return Told(BEFORE | files, AFTER | files)
