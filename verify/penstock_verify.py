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

LINKS = "discovery", "design", "implementation", "review", "approval", "deployment", "observation", "rollback", "waiver"
REWORK, DECISIONS = LINKS[:3], ("approval", "waiver")
NEXT = {None: LINKS[:1], "discovery": LINKS[:2], "design": LINKS[:3], "implementation": LINKS[:4], "review": LINKS[:5],
        "approval": (*LINKS[:6], "rollback"), "deployment": LINKS[5:8], "observation": LINKS[6:8], "rollback": REWORK}
# which step may come after which: one further, or back while nothing is live; a waiver is no step of the way, and may
# stand wherever no review has passed yet
SHA, GIT_ID, ANY, TEXT = "[0-9a-f]{64}", "[0-9a-f]{40}|[0-9a-f]{64}", "(?s).*", r"(?s).*\S.*"
FILE = r"(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+(?:/(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+)*"
SUBJECT = rf"(?:git|plan|version|fingerprint|envelope|policy|environment|finding):[^\x00-\x1f\x7f]+|{FILE}"
TYPES = {"_type": r"https://in-toto\.io/Statement/v1", "predicateType": "urn:penstock:evidence:v1"}
SAID = {"change": TEXT, "stage": "|".join(LINKS), "at": ANY, "author": TEXT, "project": TEXT, "base_commit": GIT_ID,
        "commit": GIT_ID, "previous": SHA, "commands": list, "verdicts": list, "facts": dict}
COMMAND = {"argv": list, "exit_code": int, "duration_ms": int, "chunk": TEXT, "output_sha256": SHA, "environment": SHA}
KEY = {"name": "[a-z0-9][a-z0-9._-]{0,62}", "role": "author|approver|runner|agent", "key_id": SHA, "public_key": ANY,
       "groups": list, "expires": ANY, "revoked": dict}
REASON = r"(?m)^( +)reason: .*(?:\n\1 .*)*"
WORD = r"""'[^'\n]*'|"[^"\\\n]*"|[^\s\[\]{},:'"](?:[^\s\[\]{},:'"]|:(?=\S))*"""
LINES = {"form": {"form": "penstock-evidence/1", "change": TEXT, "prefix": f"|{FILE}"}, "envelope": {"envelope": ANY},
         "file": {"file": FILE, "data": ANY}, "object": {"object": GIT_ID, "type": "blob|commit|tree", "data": ANY}}
LABELS, REMOVED, FOLDER, NOTHING = ("irreversible", "personal_data"), "git:removed/", b"40000", (None, None)

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
    must(type(value) is dict and canonical(value) == data, "not a JSON object in its canonical form")
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
        lines = [parse(line, 16_000_000) for line in data[:-1].split(b"\n")]
        parts = {kind: [shaped(line, form) for line in lines if kind in line] for kind, form in LINES.items()}
        names = [[line[kind] for line in parts[kind]] for kind in ("form", "file", "object")]
        must(names == [sorted(set(each)) for each in names], "files or objects out of order, or twice")
        must([line for kind in LINES for line in parts[kind]] == lines, "lines out of order, or of no kind")
        (head,), self.asked, self.budget = parts["form"], set(), 20_000
        self.change, self.prefix = head["change"], head["prefix"]
        self.envelopes = [unbase64(line["envelope"]) for line in parts["envelope"]]
        self.files = {line["file"]: unbase64(line["data"]) for line in parts["file"]}
        self.objects = {line["object"]: (line["type"].encode(), unbase64(line["data"])) for line in parts["object"]}

    def object(self, name, kind):
        found, data = self.objects.get(name, (b"", b""))
        must(found == kind and git_id(kind, data, len(name)) == name, f"{kind.decode()} {name} is missing or changed")
        self.asked.add(name)
        return data

    def tree(self, commit):
        return self.object(commit, b"commit").split(b"\n")[0].removeprefix(b"tree ").decode("ascii", "replace")

    def entries(self, tree):
        """What a git tree holds: name to mode and id."""
        data = self.object(tree, b"tree")
        found = re.findall(rb"(?s)([^ \0]*) ([^/\0]+)\0(.{%d})" % (len(tree) // 2), data)
        names = {name for _, name, _ in found} - {b".", b".."}
        must(len(names) == len(found) and b"".join(b"%s %s\0%s" % each for each in found) == data, "a broken tree")
        return {name: (mode, one.hex()) for mode, name, one in found}

    def full(self, path):
        return (f"{self.prefix}/{path}" if self.prefix else path).encode()

    def files_at(self, commit, path):
        """A project's file at a commit, or the files in a folder of it: repository path to bytes."""
        found = self.changes(None, self.tree(commit), self.full(f"{path}/")) if commit else ()
        return {name.decode(errors="replace"): self.object(blob, b"blob") for name, blob in found}

    def settings(self, commit):
        return b"".join(self.files_at(commit, "penstock.yaml").values())

    def changes(self, old, new, within=b"", apart=None, path=b""):
        """Paths of files that differ between two trees (None: empty), with the new id, None if gone.

        It looks at folders on the way to `within` and beneath it, not into `apart`; each of them ends in a slash."""
        if old == new or path == apart or not (path.startswith(within) or within.startswith(path)):
            return
        self.budget -= 1
        must(self.budget >= 0 and path.count(b"/") <= 200, "too many folders differ")
        before, after = (self.entries(tree) if tree else {} for tree in (old, new))
        for name in sorted({*before, *after}):
            was, now, spot = before.get(name, NOTHING), after.get(name, NOTHING), path + name + b"/"
            yield from self.changes(*(one if mode == FOLDER else None for mode, one in (was, now)), within, apart, spot)
            if was != now and {was[0], now[0]} - {FOLDER, None} and spot.startswith(within):
                yield path + name, None if now[0] in (None, FOLDER) else now[1]

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
    found = keys_of(bundle, base)
    for key in keys_of(bundle, tip):
        if key["role"] != "approver" and key["key_id"] not in {each["key_id"] for each in found}:
            found.append(key)
    must(all(len({each[word] for each in found}) == len(found) for word in ("name", "key_id")), "a name or key twice")
    return {key["key_id"]: {**key, "end": min(key["end"], known.get(key["key_id"], key)["end"])} for key in found}

def keys_of(bundle, commit):
    files = {Path(path): data for path, data in bundle.files_at(commit, "keys").items()}
    return [read_key(data.decode(), path.stem) for path, data in files.items() if path.suffix == ".yaml"]

def read_key(text, stem):
    key = shaped(yaml(re.sub(REASON, r"\1reason: some", text)), KEY, optional=("groups", "expires", "revoked"))
    public = unbase64(key["public_key"])
    must(key["name"] == stem and len(public) == 32 and sha256(public) == key["key_id"], f"{stem}: another name or key")
    revoked = shaped(key["revoked"], {"at": ANY, "reason": TEXT})["at"] if "revoked" in key else None
    end = min(moment("9999-12-31" if end is None else end) for end in (revoked, key.get("expires")))
    return {**key, "public_key": public, "groups": {*key.get("groups", ())}, "end": end}

def quorums_of(bundle, commit):
    """Who must approve: a label (none for every change), how many, and of which names or groups (none for any)."""
    settings = bundle.settings(commit).decode(errors="replace")
    policy = re.search(r"^policy:.*(?:\n(?:[ \t#].*)?)*", settings, re.MULTILINE)
    must(policy or not re.search(r"policy['\"]?\s*:", settings), "penstock.yaml has its policy in an odd place")
    asked = shaped(yaml(policy[0]), {"policy": dict})["policy"].get("approvals", {}) if policy else {}
    asked = asked if type(asked) is dict else {"count": asked}
    everyone = quorum("", {word: asked[word] for word in asked if word not in LABELS})
    unsaid = [("irreversible", max(2, everyone[1]), set())] if everyone[1] and "irreversible" not in asked else []
    return [everyone, *(quorum(label, asked[label]) for label in LABELS if label in asked), *unsaid]

def quorum(label, asked):
    asked = asked if type(asked) is dict else {"count": asked}
    asked = shaped(asked, {"count": r"[1-9]\d*" if label else r"0|[1-9]\d*", "from": list}, optional=("count", "from"))
    return label, int(asked.get("count", "1")), {*asked.get("from", ())}

# --- envelopes and statements

def read_envelope(data):
    sealed = shaped(parse(data), {"payload": ANY, "payloadType": r"application/vnd\.in-toto\+json", "signatures": list})
    (signature,) = (shaped(each, {"keyid": SHA, "sig": ANY}) for each in sealed["signatures"])
    return unbase64(sealed["payload"]), signature["keyid"], unbase64(signature["sig"])

def signer(payload, key_id, signature, ring):
    must(key_id in ring, f"signed by {key_id}, a key that nobody registered")
    encoded = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
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
    found = [shaped(each, {"name": SUBJECT, "digest": dict}) for each in value["subject"]]
    must(0 < len({each["name"] for each in found}) == len(found), "no subject, or one twice")
    must(found[: len(commit)] == commit, "another commit than its first subject")
    subjects = {each["name"]: shaped(each["digest"], {"sha256": SHA})["sha256"] for each in found[len(commit) :]}
    return {**said, "subjects": subjects}

# --- the rules between statements: each lists what breaks it, or raises

class Link:
    """A verified statement: all that is said, its place from 0, its envelope's digest and the last one's, its key."""
    def __init__(self, place, envelopes, key, said):
        vars(self).update(said, place=place, key=key, at=moment(said["at"]), sha=sha256(envelopes[place]))
        self.before = sha256(envelopes[place - 1]) if place else None
        self.rank, self.label = LINKS.index(self.stage), f"envelope {place + 1:02d} ({self.stage} by {key['name']})"

    def in_force(self, at):
        """Whether a decision still counts: its key has not ended, and neither has what it says of itself."""
        until = self.facts.get("until")
        return at < self.key["end"] and (until is None or at < moment(str(until)))

class Chain:
    """All links, and of each whether it fits there, the review before it, and the approvals of that which count."""
    def __init__(self, bundle, links, quorums, options):
        self.bundle, self.links, self.quorums, self.options, self.standing = bundle, links, quorums, options, []
        near = [e.author for e in links] + [e.key["name"] for e in links if e.stage not in DECISIONS]
        near, step, review, sound = {name.casefold() for name in near}, None, None, ()
        for e in links:
            e.review, e.sound, e.close = review, sound, e.key["name"].casefold() in near
            e.sees = review and list(e.subjects.values()) == [review.sha]
            step = "approval" if (step, quorums[0][1]) == ("review", 0) else step  # where none is asked for
            e.fits = step in {None, *REWORK} if e.stage == "waiver" else e.stage in NEXT[step]
            if e.stage != "waiver":  # a step; one that goes back makes void what was reached since
                step, last = e.stage, self.standing[-1].rank if self.standing else 0
                self.standing = [*(each for each in self.standing if last <= e.rank or each.rank < e.rank), e]
            if e.stage in {*REWORK, "review"}:
                review, sound = e if e.stage == "review" else None, ()
            if e.stage == "approval" and e.sees and e.key["role"] == "approver" and e.at < e.key["end"] and not e.close:
                sound = (*sound, e)
        self.review = next((e for e in reversed(self.standing) if e.stage == "review"), None)

def approvers(c):
    """A deployment follows as many approvals as the base's policy asks, by those it names, and for what is labelled."""
    for e in (each for each in c.links if each.stage == "deployment"):
        keys = [each.key for each in e.sound if each.in_force(e.at)]
        labels = {"", *listed(e.review.facts if e.review else {}, "labels", str)}
        for label, count, among in (each for each in c.quorums if each[0] in labels):
            people = {key["name"] for key in keys if not among or among & {key["name"], *key["groups"]}}
            must(len(people) >= count, f"{e.label}: {len(people)} of {count} approvals {label} {among or ''}")

def listed(owner, word, kind):
    return [each for each in owner[word] if type(each) is kind] if type(owner.get(word)) is list else []

def leaning(known, e):
    """For each finding that a statement lets pass, the waiver that stands before it and is about it; None without."""
    for verdict in listed(vars(e), "verdicts", dict):
        bare = [{word: one[word] for word in one if word != "remedy"} for one in listed(verdict, "findings", dict)]
        made = {sha256(canonical(each)) for each in bare}
        for one in listed(verdict, "waived", dict):
            waiver, finding = known.get((str(one.get("waiver")), e.base_commit)), str(one.get("finding"))
            same = waiver and waiver.place < e.place and waiver.facts.get("gate") == verdict.get("gate")
            yield waiver if same and finding in made.intersection(waiver.subjects.values()) else None

def waivers(c):
    """What counts although a gate found it was waived before, for that finding, until after stage and deployment."""
    used, broken, known = [], [], {(e.sha, e.base_commit): e for e in c.links if e.stage == "waiver"}
    for e in c.links:
        new = [(e.rank, waiver) for waiver in leaning(known, e)]
        used = [*(each for each in used if each[0] < e.rank), *new]
        counts = [waiver and waiver.in_force(e.at) for _, waiver in (used if e.stage == "deployment" else new)]
        broken += [] if all(counts) else [e.label]
    return broken

def subjects(c):
    """The last statement of a stage that names a file tells its bytes."""
    named = {(e.stage, path): sha for e in c.standing for path, sha in e.subjects.items() if ":" not in path}
    held = {path: sha256(data) for path, data in c.bundle.files.items()}
    return sorted({path for (_, path), sha in named.items() if held.get(path) != sha})

def base(c):
    """What stands rests on one base revision, and the review on its policy; discovery may have seen an older one."""
    rests = c.standing[-1].base_commit if c.standing else None
    strays = [e.label for e in c.standing if e.stage != "discovery" and e.base_commit != rests]
    odd = c.review and rests and c.review.subjects.get("policy:base") != sha256(c.bundle.settings(rests))
    return [*strays, "the review has another policy than its base"] if odd else strays

def tree(bundle, review):
    """The reviewed commit differs from its base in the files that the review names, and in no other."""
    own, named, digits = f"changes/{bundle.change}/", review.subjects, len(review.commit or "")
    held = dict(bundle.changes(bundle.tree(review.base_commit), bundle.tree(review.commit), apart=bundle.full(own)))
    files = {path: bundle.files[path] for path in bundle.files.keys() & named.keys() if not path.startswith(own)}
    said = {bundle.full(path): git_id(b"blob", data, digits) for path, data in files.items()}
    said |= {bundle.full(path.removeprefix(REMOVED)): None for path in named if path.startswith(REMOVED)}
    return sorted(path.decode(errors="replace") for path in held | said if held.get(path, "") != said.get(path, ""))

def anchor(c):
    """Every signer is one whom the verifier trusts: by the id of the key, and by name and role if the key was given."""
    rests = c.links[-1].base_commit if c.links else None
    trusted = {key["key_id"]: {word: key[word] for word in ("name", "role")} for key in c.options.known.values()}
    trusted = {**{key_id: {} for key_id in c.options.trust}, **trusted}
    strange = [e.label for e in c.links if trusted and e.key | trusted.get(e.key["key_id"], {"name": None}) != e.key]
    return strange if c.options.base in (None, rests) else [*strange, f"base commit {rests}"]

RULES = {
    "complete": lambda c: [] if c.bundle.envelopes and c.options.reach in {None, *(e.stage for e in c.standing)}
    else ["the chain ends too early"],
    "change": lambda c: [e.label for e in c.links if (e.change, e.project) != (c.bundle.change, c.links[0].project)],
    "previous": lambda c: [e.label for e in c.links if e.previous != e.before],
    "order": lambda c: [e.label for e in c.links if not e.fits],
    "role": lambda c: [e.label for e in c.links if (e.key["role"] == "approver") != (e.stage in DECISIONS)],
    "four_eyes": lambda c: [e.label for e in c.links if e.stage in DECISIONS and e.close],
    "approval": lambda c: [e.label for e in c.links if e.stage == "approval" and not e.sees],
    "approvers": approvers, "terms": lambda c: [e.label for e in c.links if e.at >= e.key["end"]], "waivers": waivers,
    "commit": lambda c: [e.label for e in c.links if e.stage in ("approval", "deployment") and e.review
                         and not e.commit == e.review.commit is not None],
    "subjects": subjects, "base": base, "tree": lambda c: tree(c.bundle, c.review) if c.review else [],
    "content": lambda c: sorted((c.bundle.files.keys() - {path for e in c.standing for path in e.subjects})
                                | (c.bundle.objects.keys() - c.bundle.asked)), "anchor": anchor}

def verify(data, options):
    """What breaks each rule, by its name; and the chain, if the file is a bundle at all."""
    broken = {name: [] for name in ("form", "keys", "canonical", "signature", "statement", *RULES)}
    def attempt(rule, act, *given):
        try:
            return act(*given)
        except (ValueError, TypeError, OverflowError, RecursionError, InvalidSignature) as error:
            broken[rule].append(str(error) or type(error).__name__)
            return None
    bundle = attempt("form", Bundle, data)
    if bundle is None:
        return broken, None
    opened = [attempt("canonical", read_envelope, each) for each in bundle.envelopes]
    said = [parts and attempt("statement", read_statement, parts[0]) for parts in opened]
    spoken = sorted((each for each in said if each), key=lambda each: each["stage"] != "waiver")
    last = spoken[-1] if spoken else {"base_commit": None, "commit": None}  # a waiver chooses nothing after a step
    ring = attempt("keys", key_ring, bundle, last["base_commit"], last["commit"], options.known) or {}
    quorums = attempt("keys", quorums_of, bundle, last["base_commit"])
    keys = [parts and attempt("signature", signer, *parts, ring) for parts in opened]
    links = [Link(place, bundle.envelopes, keys[place], one) for place, one in enumerate(said) if one and keys[place]]
    chain = Chain(bundle, links, quorums or [("", 1, set())], options)
    for name, rule in RULES.items():
        broken[name] += attempt(name, rule, chain) or []
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
    print(f"{chain.bundle.change}: verified, the chain reaches {reached}" if reached else "NOT verified")
    return 0 if reached else 1

if __name__ == "__main__":
    raise SystemExit(main())
