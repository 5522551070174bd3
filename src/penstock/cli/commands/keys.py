"""`penstock key`."""

from __future__ import annotations

import click

from penstock.app import keys as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option


@click.group()
def key() -> None:
    """Make and list signing keys: private ones in your key store, public ones in the project's keys/."""


@key.command(epilog="Example: penstock key new maria --role approver")
@click.argument("name")
@click.option("--role", type=click.Choice(["author", "approver"]), required=True, help="What the key may sign.")
@project_option
@answering
def new(door: Door, name: str, role: str, project: str | None) -> Answer:
    """Make a key for NAME and put its public half into keys/NAME.yaml.

    The private half is encrypted if PENSTOCK_PASSPHRASE is set.
    """
    del door
    with opened(project) as place:
        made = app.new_key(place, name, role)
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
    """List the project's public keys, and whether you hold the private half."""
    del door
    with opened(project) as place:
        found = app.list_keys(place)
    rows = [
        f"{row['name']}  {row['role']}  {row['key_id'][:12]}  {'yours' if row['private'] else ''}".rstrip()
        for row in found
    ]
    return Answer(
        result={"keys": found},
        text="\n".join(rows) or "the project has no keys yet: penstock key new NAME --role author",
    )
