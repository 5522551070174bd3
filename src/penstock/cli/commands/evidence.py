"""`penstock change export` and `penstock change verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.app import evidence
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.evidence.statements import Link

if TYPE_CHECKING:
    from penstock.delivery.bundling import BundleReport
    from penstock.evidence.chain import ChainReport

_PATH = click.Path(path_type=Path)


@click.command(epilog="Example: penstock change export RETAIL-1 --to retail-1.jsonl")
@click.argument("id_", metavar="ID")
@click.option("--to", "target", metavar="FILE", type=_PATH, required=True, help="The file to write.")
@project_option
@answering
def export(door: Door, id_: str, target: Path, project: str | None) -> Answer:
    """Write a change's evidence as one file that anybody can verify, without the project or its repository."""
    del door
    with opened(project) as place:
        size = evidence.export(place, id_, target)
    text = f"{target}: {id_} with all that verification reads, {size:,} bytes\n"
    text += f"next: penstock change verify --bundle {target}"
    return Answer(result={"change": id_, "file": str(target), "bytes": size}, text=text)


@click.command(epilog="Example: penstock change verify RETAIL-1")
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--bundle", metavar="FILE", type=_PATH, help="Verify this file instead; no project is needed.")
@click.option("--keys", metavar="DIR", type=_PATH, help="The public keys you trust, NAME.yaml each.")
@click.option("--trust", "trusted", metavar="KEYID", multiple=True, help="The id of a key you trust; several times.")
@click.option("--base", metavar="COMMIT", help="The commit that you know the change began from.")
@click.option(
    "--reach",
    metavar="STAGE",
    type=click.Choice([str(link) for link in Link]),
    help="What the chain must have come to.",
)
@project_option
@answering
def verify(door: Door, id_: str | None, project: str | None, **options: Any) -> Answer:
    """Check a change's evidence from story to observation, offline, with public keys alone.

    --keys, --trust, --base and --reach go with --bundle.
    """
    del door
    bundle = options.pop("bundle")
    if bundle is not None:
        return _bundle_answer(evidence.verify_file(bundle, change=id_, **options), bundle)
    if id_ is None or any(options.values()):
        raise click.UsageError("name a change, or give --bundle FILE; the other options go with --bundle")
    with opened(project) as place:
        report = evidence.verify(place, id_)
    return _answer(report, report.to_json(), [])


def _bundle_answer(report: BundleReport, bundle: Path) -> Answer:
    """The chain's report, and what stands behind its keys."""
    said = [f"signed by {key.name} ({key.role}) {key.key_id}" for key in report.signers]
    said += [f"base commit {report.base}"] if report.base else []
    if not report.anchored:
        said.append(f"NOT ANCHORED: nothing but {bundle.name} itself vouches for these keys")
        said.append("compare them with what you know from elsewhere, or give --keys, --trust or --base")
    return _answer(report.chain, report.to_json(), said)


def _answer(report: ChainReport, result: dict[str, Any], said: list[str]) -> Answer:
    lines = [f"{'ok    ' if link.ok else 'BROKEN'}  {link.name}" for link in report.links]
    reached = f"the chain reaches {report.furthest}" if report.furthest else "there is no statement that can be read"
    approved = f"; approved by {', '.join(report.approvers)}" if report.approvers else ""
    last = f"{report.change}: {'verified' if report.ok else 'NOT verified'}, {reached}{approved}"
    text = "\n".join([*lines, *said, last])
    return Answer(result=result, text=text, findings=report.findings, exit_code=0 if report.ok else 1)
