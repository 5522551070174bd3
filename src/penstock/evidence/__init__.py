"""Evidence that a third party can verify offline: canonical bytes, signed statements, keys and the chain of them."""

from penstock.evidence.canonical import canonical_bytes, digest, parse_canonical
from penstock.evidence.chain import ChainReport, ChainRules, LinkReport, verify_chain
from penstock.evidence.envelope import OpenedEnvelope, Signer, open_envelope, seal
from penstock.evidence.keys import PublicKey, Role, key_ring
from penstock.evidence.statements import CommandRecord, Link, Statement, Subject, review_seen

__all__ = [
    "ChainReport",
    "ChainRules",
    "CommandRecord",
    "Link",
    "LinkReport",
    "OpenedEnvelope",
    "PublicKey",
    "Role",
    "Signer",
    "Statement",
    "Subject",
    "canonical_bytes",
    "digest",
    "key_ring",
    "open_envelope",
    "parse_canonical",
    "review_seen",
    "seal",
    "verify_chain",
]
