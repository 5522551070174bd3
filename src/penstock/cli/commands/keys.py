"""`penstock key`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import keys as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import Moment, opened, project_option
from penstock.evidence.keys import Role

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def key() -> None:
    """Make, list and revoke signing keys: private ones in your key store, public ones in the project's keys/."""


@key.command(epilog="Example: penstock key new maria --role approver --group privacy")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True, help="What the key may sign.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="For whom it may approve; several times.")
@click.option("--expires", metavar="MOMENT", type=Moment(), default=None, help="From when on it counts for nothing.")
@click.option("--no-passphrase", "bare", is_flag=True, help="Keep it unencrypted, for a machine.")
@project_option
@answering
def new(
    door: Door,
    *,
    name: str,
    role: str,
    groups: tuple[str, ...],
    expires: datetime | None,
    bare: bool,
    project: str | None,
) -> Answer:
    """Make a key for NAME and put its public half into keys/NAME.yaml.

    The private half is encrypted with the passphrase of PENSTOCK_PASSPHRASE or of the file that
    PENSTOCK_PASSPHRASE_FILE names; at a terminal it is asked for.
    """
    del door
    wish = app.KeyWish(name=name, role=Role(role), groups=groups, expires=expires, bare=bare)
    with opened(project) as place:
        made = app.new_key(place, wish)
    text = (
        f"private key: {made.private} ({'encrypted' if made.encrypted else 'not encrypted: set PENSTOCK_PASSPHRASE'})\n"
        f"public key:  {made.public}\n"
        f"commit the public key; approvers count only if their key was there before a change began"
    )
    result = {"name": name, "role": role, "key_id": made.key_id, "public": made.public, "encrypted": made.encrypted}
    return Answer(result=result, text=text)


@key.command("list", epilog="Example: penstock key list")
@project_option
@answering
def list_(door: Door, project: str | None) -> Answer:
    """List the project's public keys, whether you hold the private half, and whether a passphrase keeps it."""
    del door
    with opened(project) as place:
        found = app.list_keys(place)
    return Answer(
        result={"keys": found},
        text="\n".join(map(_row, found)) or "the project has no keys yet: penstock key new NAME --role author",
    )


def _row(row: dict[str, Any]) -> str:
    parts = [row["name"], row["role"], row["key_id"][:12]]
    parts += ["yours" if row["encrypted"] else "yours, without a passphrase"] if row["private"] else []
    parts += [f"for {', '.join(row['groups'])}"] if row["groups"] else []
    parts += [f"expires {row['expires']}"] if row["expires"] else []
    parts += [f"revoked {row['revoked']}: {row['reason']}"] if row["revoked"] else []
    return "  ".join(parts)


@key.command(epilog='Example: penstock key revoke maria --reason "laptop lost"')
@click.argument("name")
@click.option("--reason", required=True, help="Why.")
@project_option
@answering
def revoke(door: Door, name: str, reason: str, project: str | None) -> Answer:
    """Write into keys/NAME.yaml that the key counts for nothing from now on. Needs no private key."""
    del door
    with opened(project) as place:
        path, revoked = app.revoke_key(place, name, reason)
    assert revoked.revoked is not None  # noqa: S101 - it was just revoked
    result = {"name": name, "key_id": revoked.key_id, "at": revoked.revoked.at, "reason": revoked.revoked.reason}
    text = f"{name} is revoked in {path}\ncommit it on the base branch: approvals of changes under way end with it"
    return Answer(result=result, text=text)
