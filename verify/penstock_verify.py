#!/usr/bin/env python3
"""Verifies the evidence of one Penstock change from its bundle alone, without Penstock.

    python penstock_verify.py BUNDLE [--keys DIR] [--trust KEYID]... [--base COMMIT] [--reach STAGE]

It needs Python 3.11 and `cryptography`, runs no git, opens no connection and shares no code with Penstock: it exists to
be read and compared with. docs/evidence.md says what a bundle holds, what it proves, and what not.
Exit code 0: every rule holds; 1: a rule is broken; 2: it was called wrongly.
"""
import argparse
import hashlib
import json
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PAYLOAD = "application/vnd.in-toto+json"
LINKS = "discovery", "design", "implementation", "review", "approval", "deployment", "observation", "rollback", "waiver"
REWORK, DECISIONS = {*LINKS[:3]}, {"approval", "waiver"}
FOLLOWERS = {None: {"discovery"}, "discovery": {"discovery", "design"}, "design": REWORK, "rollback": REWORK,
             "implementation": REWORK | {"review"}, "review": REWORK | {"review", "approval"},
             "approval": REWORK | {"review", "approval", "deployment"}, "observation": {"observation", "rollback"},
             "deployment": {"deployment", "observation", "rollback"}}
# which step may come after which; a waiver is no step of the way and may stand wherever no review has passed yet
SIGNERS = {kind: {"approver"} if kind in DECISIONS else {"author", "runner", "agent"} for kind in LINKS}
SHA, GIT_ID, ANY, TEXT = "[0-9a-f]{64}", "[0-9a-f]{40}|[0-9a-f]{64}", "(?s).*", r"(?s).*\S.*"
FILE = r"(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+(?:/(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+)*"
SUBJECT = rf"(?:git|plan|version|fingerprint|envelope|policy|environment|finding):[^\x00-\x1f\x7f]+|{FILE}"
TYPES = {"_type": r"https://in-toto\.io/Statement/v1", "predicateType": "urn:penstock:evidence:v1"}
SAID = {"change": TEXT, "stage": "|".join(SIGNERS), "at": ANY, "author": TEXT, "project": TEXT, "base_commit": GIT_ID,
        "commit": GIT_ID, "previous": SHA, "commands": list, "verdicts": list, "facts": dict}
COMMAND = {"argv": list, "exit_code": int, "duration_ms": int, "chunk": TEXT, "output_sha256": SHA, "environment": SHA}
KEY = {"name": "[a-z0-9][a-z0-9._-]{0,62}", "role": "author|approver|runner|agent", "key_id": SHA, "public_key": ANY,
       "groups": list, "expires": ANY, "revoked": dict}
REASON = r"(?m)^( +)reason: .*(?:\n\1 .*)*"
WORD = r"""'[^'\n]*'|"[^"\\\n]*"|[^\s\[\]{},:'"](?:[^\s\[\]{},:'"]|:(?=\S))*"""
ENVELOPE = {"payload": ANY, "payloadType": re.escape(PAYLOAD), "signatures": list}
HEAD = {"form": "penstock-evidence/1", "change": TEXT, "prefix": f"|{FILE}"}
LINES = {"envelope": {"envelope": ANY}, "file": {"file": FILE, "data": ANY},
         "object": {"object": GIT_ID, "type": "blob|commit|tree", "data": ANY}}
REMOVED, FOLDER = "git:removed/", b"40000"

def must(holds, why):
    if not holds:
        raise ValueError(why)

def sha256(data):
    return hashlib.sha256(data).hexdigest()

# --- bytes: one form for each value, and no other is read

def plain(value, depth=0):
    """Only text, true, false, null, lists, objects, and whole numbers that every JSON reader keeps."""
    must(depth <= 40 and type(value) is not float and (type(value) is not int or abs(value) < 2**53), "no plain value")
    for inner in value.values() if type(value) is dict else value if type(value) is list else ():
        plain(inner, depth + 1)

def parse(data, limit=4_000_000):
    must(len(data) <= limit, "too long")
    value = json.loads(data.decode())
    plain(value)
    must(canonical(value) == data, "not canonical JSON")
    return value

def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

def unbase64(text):
    data = b64decode(text, validate=True)
    must(b64encode(data).decode() == text, "base64 that is not canonical")
    return data

def shaped(value, forms, optional=(), nullable=()):
    """An object with exactly these keys, each of its type or, as a text, of its pattern."""
    must(type(value) is dict and forms.keys() - {*optional} <= value.keys() <= forms.keys(), "other keys")
    for key, form in ((key, forms[key]) for key in value if not (key in nullable and value[key] is None)):
        text = type(value[key]) is str and type(form) is str
        must(re.fullmatch(form, value[key]) if text else type(value[key]) is form, f"{key} of another form")
    return value

# --- the bundle: envelopes, files and git's objects, with a note of what was asked for

class Bundle:
    def __init__(self, data):
        must(len(data) <= 64_000_000 and data.endswith(b"\n"), "too long, or cut off")
        head, *lines = (parse(line, 16_000_000) for line in data[:-1].split(b"\n"))
        kinds = [next((kind for kind in LINES if type(line) is dict and kind in line), "object") for line in lines]
        shapes = [(kind, shaped(line, LINES[kind])) for kind, line in zip(kinds, lines, strict=True)]
        parts = {word: [line for kind, line in shapes if kind == word] for word in LINES}
        names = [[line[word] for line in parts[word]] for word in ("file", "object")]
        must(kinds == sorted(kinds) and names == [sorted(set(each)) for each in names], "lines out of order, or twice")
        self.change, self.prefix, self.asked, self.budget = shaped(head, HEAD)["change"], head["prefix"], set(), 20_000
        self.envelopes = [unbase64(line["envelope"]) for line in parts["envelope"]]
        self.files = {line["file"]: unbase64(line["data"]) for line in parts["file"]}
        self.objects = {line["object"]: (line["type"].encode(), unbase64(line["data"])) for line in parts["object"]}

    def file(self, path):
        self.asked |= {path} & self.files.keys()
        return self.files.get(path)

    def object(self, name, kind):
        found, data = self.objects.get(name, (b"", b""))
        must(found == kind and git_id(kind, data, len(name)) == name, f"{name[:12]} is missing or was changed")
        self.asked.add(name)
        return data

    def tree(self, commit):
        return self.object(commit, b"commit").split(b"\n")[0].removeprefix(b"tree ").decode("ascii", "replace")

    def entries(self, tree):
        """What a git tree holds: name to mode and id."""
        data, width, found = self.object(tree, b"tree"), len(tree) // 2, {}
        while data:
            head, zero, rest = data.partition(b"\0")
            mode, _, name = head.partition(b" ")
            sound = zero and len(rest) >= width and name not in {*found, b"", b".", b".."} and b"/" not in name
            must(sound, f"tree {tree[:12]} is broken")
            found[name], data = (mode, rest[:width].hex()), rest[width:]
        return found

    def full(self, path):
        return (f"{self.prefix}/{path}" if self.prefix else path).encode()

    def content(self, commit, path):
        mode, found = self.at(commit, path)
        return None if mode in (None, FOLDER) else self.object(found, b"blob")

    def at(self, commit, path):
        """Mode and id of what stands at a path of the project; (None, None) if nothing does."""
        mode, found = FOLDER, self.tree(commit)
        for name in self.full(path).split(b"/"):
            mode, found = self.entries(found).get(name, (None, None)) if mode == FOLDER else (None, None)
        return mode, found

    def changes(self, old, new, apart=b"", path=b""):
        """Repository paths of files that differ between two trees (None: empty), with the new id, None if gone."""
        if old == new or path == apart + b"/":
            return
        self.budget -= 1
        must(self.budget >= 0 and path.count(b"/") <= 200, "too many folders differ")
        before, after = (self.entries(tree) if tree else {} for tree in (old, new))
        for name in sorted({*before, *after}):
            (was, one), (now, other) = before.get(name, (None, None)), after.get(name, (None, None))
            if (was, one) != (now, other):
                folders = (one if was == FOLDER else None, other if now == FOLDER else None)
                yield from self.changes(*folders, apart, path + name + b"/")
                if {was, now} - {FOLDER, None}:
                    yield path + name, None if now in (None, FOLDER) else other

def git_id(kind, data, digits):
    return hashlib.new("sha1" if digits == 40 else "sha256", b"%s %d\0%s" % (kind, len(data), data)).hexdigest()

# --- what a revision says: its keys, and who must approve; YAML of words is read, on lines or in brackets, and no other

def yaml(text):
    lines = [line.rstrip() for line in re.sub(r"(?m)(^|\s)#.*", "", text).split("\n") if line.strip()]
    words = re.sub(WORD, lambda word: json.dumps(word[0].strip("'\"")), in_brackets(lines))
    return json.loads(words, object_pairs_hook=lambda two: must(len(dict(two)) == len(two), "a key twice") or dict(two))

def in_brackets(lines):
    deep = [len(line) - len(line.lstrip(" -")) for line in lines]
    starts = [spot for spot, each in enumerate(deep) if each <= deep[0]]
    parts = [lines[one:other] for one, other in zip(starts, [*starts[1:], len(lines)], strict=True)]
    items = [f"{one.strip(' -')} {in_brackets(more) if one[-1] == ':' else ' '.join(more)}" for one, *more in parts]
    return ("[%s]" if lines and lines[0].lstrip()[0] == "-" else "{%s}") % ",".join(items)

def moment(text):
    found = datetime.fromisoformat(text.strip())
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)

def key_ring(bundle, base, tip, known):
    """Keys by id: of the base revision, and those that approve nothing of the commit that the last statement names.

    What the verifier's own file says of a key's end counts too."""
    found = []
    for commit in dict.fromkeys(each for each in (base, tip) if each):
        mode, folder = bundle.at(commit, "keys")
        for path, blob in bundle.changes(None, folder if mode == FOLDER else None, path=bundle.full("keys/")):
            if path.endswith(b".yaml"):
                key = read_key(bundle.object(blob, b"blob").decode(), Path(path.decode()).stem)
                old = key["key_id"] in {each["key_id"] for each in found}
                found += [key] if commit == base or not (old or key["role"] == "approver") else []
    must(all(len({each[word] for each in found}) == len(found) for word in ("name", "key_id")), "a name or key twice")
    return {key["key_id"]: {**key, "ends": key["ends"] + known.get(key["key_id"], key)["ends"]} for key in found}

def read_key(text, stem):
    key = shaped(yaml(re.sub(REASON, r"\1reason: some", text)), KEY, optional=("groups", "expires", "revoked"))
    public, groups = unbase64(key["public_key"]), key.get("groups", [])
    must(key["name"] == stem and all(type(each) is str for each in groups), f"{stem}: of another name, or odd groups")
    must(len(public) == 32 and sha256(public) == key["key_id"], f"{stem}: another key than its id says")
    revoked = shaped(key["revoked"], {"at": ANY, "reason": TEXT})["at"] if "revoked" in key else None
    ends = [moment(end) for end in (revoked, key.get("expires")) if end is not None]
    return {**key, "public_key": public, "groups": {*groups}, "ends": ends}

def quorums_of(bundle, commit):
    """Who must approve: a label (none for every change), how many, and of which names or groups (none for any)."""
    settings = ((bundle.content(commit, "penstock.yaml") if commit else None) or b"").decode(errors="replace")
    policy = re.search(r"^policy:.*(?:\n(?:[ \t#].*)?)*", settings, re.MULTILINE)
    must(policy or not re.search(r"policy['\"]?\s*:", settings), "penstock.yaml has its policy in an odd place")
    said = yaml(policy[0]) if policy else {"policy": {}}
    asked = shaped(said, {"policy": dict})["policy"].get("approvals", "1")
    asked = dict(asked) if type(asked) is dict else {"count": asked}
    apart = {label: asked.pop(label) for label in ("irreversible", "personal_data") if label in asked}
    everyone = quorum("", asked)
    if everyone[1]:
        apart.setdefault("irreversible", str(max(2, everyone[1])))
    return [everyone, *(quorum(label, each) for label, each in apart.items())]

def quorum(label, asked):
    asked = asked if type(asked) is dict else {"count": asked}
    asked = shaped(asked, {"count": r"[1-9]\d*" if label else r"0|[1-9]\d*", "from": list}, optional=("count", "from"))
    must(all(type(each) is str for each in asked.get("from", ())), "policy names odd approvers")
    return label, int(asked.get("count", "1")), {*asked.get("from", ())}

# --- envelopes and statements

def read_envelope(data):
    envelope = shaped(parse(data), ENVELOPE)
    (signature,) = (shaped(each, {"keyid": SHA, "sig": ANY}) for each in envelope["signatures"])
    return unbase64(envelope["payload"]), signature["keyid"], unbase64(signature["sig"])

def signer(payload, key_id, signature, ring):
    must(key_id in ring, f"signed by {key_id}, a key that nobody registered")
    encoded = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)
    Ed25519PublicKey.from_public_bytes(ring[key_id]["public_key"]).verify(signature, encoded)
    return ring[key_id]

def read_statement(payload):
    """A statement's predicate, with its subjects by name in their order."""
    value = shaped(parse(payload), {**TYPES, "predicate": dict, "subject": list})
    said = shaped(value["predicate"], SAID, nullable=("base_commit", "commit", "previous"))
    moment(said["at"])
    for command in said["commands"]:
        shaped(command, COMMAND, optional=("environment",))
        must(all(type(word) is str for word in command["argv"]) and command["duration_ms"] >= 0, "no command")
        must(command["chunk"] == command["output_sha256"][:12], "another chunk than its output's")
    commit = [{"name": "git:commit", "digest": {"gitCommit": said["commit"]}}] if said["commit"] else []
    must(value["subject"] and value["subject"][: len(commit)] == commit, "no subject, or another commit")
    found = [shaped(each, {"name": SUBJECT, "digest": dict}) for each in value["subject"][len(commit) :]]
    subjects = {each["name"]: shaped(each["digest"], {"sha256": SHA})["sha256"] for each in found}
    must(len({*subjects, *(each["name"] for each in commit)}) == len(value["subject"]), "a subject twice")
    return {**said, "subjects": subjects}

# --- the rules between statements: each raises at the first thing that breaks it; those of EACH judge one envelope

class Link:
    """A verified statement: its place from 0, its envelope's digest, who signed, and what is said."""
    def __init__(self, place, data, key, said):
        self.place, self.sha, self.key, self.said, self.at = place, sha256(data), key, said, moment(said["at"])
        self.stage, self.label, self.signer = said["stage"], f"envelope {place + 1:02d}", key["name"].casefold()
        self.rank, self.ended = LINKS.index(self.stage), any(self.at >= end for end in key["ends"])

    def in_force(self, at):
        """Whether a decision still counts: its key has not ended, and neither has what it says of itself."""
        until = self.said["facts"].get("until")
        return all(at < end for end in self.key["ends"]) and (until is None or at < moment(str(until)))

class Chain:
    """All links, and of each what had been said before it: the step, the review, and the approvals of it that count."""
    def __init__(self, bundle, links, quorums, options):
        self.bundle, self.links, self.quorums, self.options, self.standing = bundle, links, quorums, options, []
        near = [e.said["author"] for e in links] + [e.key["name"] for e in links if e.stage not in DECISIONS]
        self.change, close, before, review, sound = bundle.change, {name.casefold() for name in near}, None, None, ()
        for e in links:
            e.before, e.review, e.sound, e.close = before, review, sound, e.signer in close
            e.sees = review and list(e.said["subjects"].values()) == [review.sha]
            if e.stage != "waiver":  # a step; one that goes back makes void what was reached since
                before, last = e.stage, self.standing[-1].rank if self.standing else 0
                self.standing = [*(each for each in self.standing if last <= e.rank or each.rank < e.rank), e]
            if e.stage in {*REWORK, "review"}:
                review, sound = e if e.stage == "review" else None, ()
            if e.stage == "approval" and e.key["role"] == "approver" and e.sees and not (e.close or e.ended):
                sound = (*sound, e)
        self.review = next((e for e in reversed(self.standing) if e.stage == "review"), None)

def complete(c):
    must(c.bundle.envelopes, "there is no evidence")
    must(c.options.reach in {None, *(e.stage for e in c.standing)}, f"the change has not reached {c.options.reach}")

def change(c, e):
    same = (e.said["change"], e.said["project"]) == (c.change, c.links[0].said["project"])
    must(same, f"{e.label} belongs to {e.said['change']} of {e.said['project']}")

def previous(c, e):
    before = sha256(c.bundle.envelopes[e.place - 1]) if e.place else None
    must(e.said["previous"] == before, f"{e.label} was not written after the one before it")

def order(c, e):
    unasked = (e.before, e.stage, c.quorums[0][1]) == ("review", "deployment", 0)
    right = e.before in {None, *REWORK} if e.stage == "waiver" else unasked or e.stage in FOLLOWERS[e.before]
    must(right, f"{e.label} ({e.stage}) follows {e.before or 'nothing'}")

def role(_, e):
    must(e.key["role"] in SIGNERS[e.stage], f"{e.label} is signed by {e.key['name']}, a key of {e.key['role']}s")

def four_eyes(_, e):
    must(e.stage not in DECISIONS or not e.close, f"{e.label}: {e.key['name']} wrote or ran the change")

def approval(_, e):
    must(e.stage != "approval" or e.sees, f"{e.label} does not approve the last review")

def approvers(c, e):
    keys = [each.key for each in e.sound if each.in_force(e.at)]
    labels = e.review.said["facts"].get("labels") if e.review else None
    for label, count, among in c.quorums if e.stage == "deployment" else ():
        people = {key["name"] for key in keys if not among or among & {key["name"], *key["groups"]}}
        unasked = label and not (type(labels) is list and label in labels)
        must(unasked or len(people) >= count, f"{e.label}: {len(people)} of {count} approvals {label} {among or ''}")

def terms(_, e):
    must(not e.ended, f"{e.label}: the key of {e.key['name']} had ended by then")

def commit(_, e):
    bound = e.review and e.stage in ("approval", "deployment")
    must(not bound or e.said["commit"] == e.review.said["commit"] is not None, f"{e.label} is about another commit")

def objects(owner, word):
    return [each for each in owner[word] if type(each) is dict] if type(owner.get(word)) is list else []

def waivers(c):
    """What counts although a gate found it was waived before, for that finding, until after stage and deployment."""
    used = []
    for e in c.links:
        used = [each for each in used if each[0] < e.rank]
        for verdict in objects(e.said, "verdicts"):
            bare = [{word: one[word] for word in one if word != "remedy"} for one in objects(verdict, "findings")]
            made = [sha256(canonical(each)) for each in bare]
            for one in objects(verdict, "waived"):
                found = [w for w in c.links if (w.stage, w.sha) == ("waiver", one.get("waiver")) and w.place < e.place]
                must(found and found[0].in_force(e.at), f"{e.label} leans on a waiver that is not there, or had ended")
                same = found[0].said["facts"].get("gate") == verdict.get("gate")
                covered = one.get("finding") in [sha for sha in found[0].said["subjects"].values() if sha in made]
                same = same and found[0].said["base_commit"] == e.said["base_commit"]
                must(same and covered, f"{e.label} leans on {found[0].label}, which is about something else")
                used += [(e.rank, found[0])]
        must(e.stage != "deployment" or all(each.in_force(e.at) for _, each in used), f"{e.label}: a waiver had ended")

def subjects(c):
    named = {(e.stage, path): sha for e in c.standing for path, sha in e.said["subjects"].items() if ":" not in path}
    held = {path: c.bundle.file(path) for _, path in named}
    for (stage, path), sha in named.items():
        same = held[path] is not None and sha256(held[path]) == sha
        must(same, f"{path}, named in {stage}, is missing or was changed")

def base(c):
    for e in c.standing:
        same = e.stage == "discovery" or e.said["base_commit"] == c.standing[-1].said["base_commit"]
        must(same, f"{e.label} rests on another base revision")
    if c.review and c.review.said["base_commit"]:
        policy = sha256(c.bundle.content(c.review.said["base_commit"], "penstock.yaml") or b"")
        must(c.review.said["subjects"].get("policy:base") == policy, "the review was not judged by its base's policy")

def tree(c):
    """The reviewed commit differs from its base in the files that the review names, and in no other."""
    if not c.review:
        return
    old, new, own = c.review.said["base_commit"], c.review.said["commit"], f"changes/{c.change}"
    must(old and new, "the review names no commit or no base")
    held = dict(c.bundle.changes(c.bundle.tree(old), c.bundle.tree(new), c.bundle.full(own)))
    named = {}
    for name in c.review.said["subjects"]:
        path = name.removeprefix(REMOVED)
        if ":" not in path and not path.startswith(f"{own}/"):
            data = None if path != name else c.bundle.file(path)
            named[c.bundle.full(path)] = None if data is None else git_id(b"blob", data, len(new))
    for path in sorted(held.keys() | named.keys()):
        must(held.get(path, "") == named.get(path, ""), f"{path!r} is not what the review says of it")

def content(c):
    needless = (c.bundle.files.keys() | c.bundle.objects.keys()) - c.bundle.asked
    must(not needless, f"no statement leads to {', '.join(sorted(needless))}")

def anchor(c):
    base_commit = c.links[-1].said["base_commit"] if c.links else None
    must(c.options.base in (None, base_commit), f"the chain rests on the base commit {base_commit}")
    for key in (e.key for e in c.links if c.options.known or c.options.trust):
        trusted = c.options.known.get(key["key_id"], key if key["key_id"] in c.options.trust else {})
        same = all(key[word] == trusted.get(word) for word in ("name", "role"))
        must(same, f"{key['name']} ({key['role']}) signed with {key['key_id']}, not trusted for that")

EACH = (change, previous, order, role, four_eyes, approval, approvers, terms, commit)
RULES = {rule.__name__: rule for rule in (complete, change, previous, order, role, four_eyes, approval, approvers,
                                          terms, waivers, commit, subjects, base, tree, content, anchor)}

def verify(data, options):
    """What breaks each rule, by its name; and the chain, if the file is a bundle at all."""
    broken = {name: [] for name in ("form", "keys", "canonical", "signature", "statement", *RULES)}
    def attempt(rule, act, *given):
        try:
            return act(*given)
        except (ValueError, OverflowError, RecursionError, InvalidSignature) as error:
            broken[rule].append(str(error) or type(error).__name__)
            return None
    bundle = attempt("form", Bundle, data)
    if bundle is None:
        return broken, None
    opened = [attempt("canonical", read_envelope, each) for each in bundle.envelopes]
    said = [parts and attempt("statement", read_statement, parts[0]) for parts in opened]
    steps = [each for each in said if each and each["stage"] != "waiver"] or [each for each in said if each]
    last = steps[-1] if steps else {"base_commit": None, "commit": None}
    ring = attempt("keys", key_ring, bundle, last["base_commit"], last["commit"], options.known) or {}
    quorums, links = attempt("keys", quorums_of, bundle, last["base_commit"]), []
    for place, parts in enumerate(opened):
        key = parts and attempt("signature", signer, *parts, ring)
        links += [Link(place, bundle.envelopes[place], key, said[place])] if key and said[place] else []
    chain = Chain(bundle, links, quorums or [("", 1, set())], options)
    for name, rule in RULES.items():
        for e in links if name in {each.__name__ for each in EACH} else [None]:
            attempt(name, rule, chain, *([e] if e else []))
    return broken, chain

def main():
    parser = argparse.ArgumentParser(description="Verify the evidence of one Penstock change from its bundle alone.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--keys", type=Path, help="a folder of the public keys you trust, NAME.yaml each")
    parser.add_argument("--trust", action="append", default=[], help="the id of a key you trust; several times")
    parser.add_argument("--base", help="the commit that you know the change began from")
    parser.add_argument("--reach", choices=LINKS[:-1], help="what the chain must have come to")
    options = parser.parse_args()
    files = options.keys.glob("*.yaml") if options.keys else ()
    options.known = {key["key_id"]: key for key in (read_key(path.read_text(), path.stem) for path in files)}
    broken, chain = verify(options.bundle.read_bytes(), options)
    for name, found in broken.items():
        print("BROKEN" if found else "ok    ", name, *found, sep="  ")
    for key in {e.key["key_id"]: e.key for e in chain.links}.values() if chain else ():
        print(f"signed by {key['name']} ({key['role']}) {key['key_id']}")
    if not (options.known or options.trust or options.base):
        print("NOT ANCHORED: nothing but the bundle itself vouches for these keys")
    reached = chain and (chain.standing or chain.links)[-1].stage if not any(broken.values()) else None
    print(f"{chain.change}: verified, the chain reaches {reached}" if reached else "NOT verified")
    return 0 if reached else 1

if __name__ == "__main__":
    raise SystemExit(main())
