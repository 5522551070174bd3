"""`penstock.yaml` to `Settings`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.masking import MaskingKey
from penstock.model.pipelines import NAME_PATTERN, Settings
from penstock.project.author_commands import read_author_commands
from penstock.project.durations import parse_duration
from penstock.project.layout import SETTINGS_FILE
from penstock.project.suite_uses import suite_uses

if TYPE_CHECKING:
    from penstock.model.findings import Finding

BY_COMMAND, DAILY = "by_command", "daily"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
POSTGRES = "postgres"
"""The ledger or the warehouse of a team; its address comes from the environment."""


def read_settings(text: str, findings: list[Finding]) -> Settings | None:
    """The project's settings; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, SETTINGS_FILE), findings=findings)
    before = len(findings)
    name = fields.text("name", required=True)
    given: dict[str, Any] = {
        "warehouse": _beneath(fields, "warehouse", fields.text("warehouse")),
        "ledger": _beneath(fields, "ledger", fields.text("ledger")),
        "parallel": fields.integer("parallel", low=1),
        "pools": _pools(fields),
        "policy": _policy(fields),
        **_retention(fields),
        "great_expectations": tuple(suite_uses(fields)),
        "masking": _masking(fields),
        "authors": read_author_commands(fields),
    }
    fields.unknown()
    if len(findings) > before or name is None:
        return None
    return Settings(name=name, **{key: value for key, value in given.items() if value is not None})


def _beneath(fields: Fields, key: str, text: str | None) -> str | None:
    """A path beneath the project's folder."""
    if text is None:
        return None
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in text:
        fields.note(
            "project.outside",
            f"the {key} {text or repr(text)} is no file beneath the project",
            at=key,
            expected=f"a path beneath the project's folder, or {POSTGRES}",
        )
    return text


def _pools(fields: Fields) -> MappingProxyType[str, int]:
    """How many tasks of each pool run at once."""
    pools = fields.child("pools")
    if pools is None:
        return MappingProxyType({})
    for name in pools.values:
        if not NAME_PATTERN.fullmatch(str(name)):
            pools.note(
                "project.bad_name",
                f"{name!r} cannot name a pool",
                at=name,
                found=str(name),
                expected="lower-case letters, digits and _, beginning with a letter, at most 63",
            )
    sizes = {name: pools.integer(name, low=1, required=True) for name in pools.values}
    return MappingProxyType({name: size for name, size in sizes.items() if size is not None})


def _retention(fields: Fields) -> dict[str, Any]:
    """For how long versions stay after their last use, and whether rows past their retention go by themselves."""
    retention = fields.child("retention")
    if retention is None:
        return {}
    text = retention.text("versions")
    daily = retention.choice("rows", (BY_COMMAND, DAILY)) == DAILY
    retention.unknown()
    try:
        return {"retention": parse_duration(text) if text is not None else None, "expires_daily": daily}
    except ValueError as error:
        retention.note("project.bad_duration", str(error), at="versions", found=text, expected="such as 12h or 30d")
        return {}


def _masking(fields: Fields) -> MaskingKey | None:
    """Where the key of `mask_hash` is; never the key itself."""
    masking = fields.child("masking")
    if masking is None:
        return None
    variable, file = masking.text("key") or "", masking.text("key_file") or ""
    masking.unknown()
    if bool(variable) == bool(file):
        masking.note("project.masking_key", "masking names no key, or two", expected="key: VARIABLE, or key_file: PATH")
    elif variable and not _VARIABLE.fullmatch(variable):
        masking.note(
            "project.masking_key",
            "the masking key is not named by an environment variable",
            at="key",
            found=f"{len(variable)} characters",
            expected="the name of a variable, in capital letters, such as PENSTOCK_MASKING_KEY; never the key itself",
            remedy="if the key itself stands here, make another: everybody who has the repository has seen this one",
        )
        said = masking.findings[-1]
        masking.findings[-1] = replace(said, place=replace(said.place, excerpt=None))
    elif file:
        _beneath(masking, "key_file", file)
    return MaskingKey(variable=variable, file=file)


def _policy(fields: Fields) -> MappingProxyType[str, object]:
    policy = fields.child("policy")
    if policy is None:
        return MappingProxyType({})
    values: dict[str, Any] = {
        "approvals": policy.integer("approvals", low=0),
        "quality_score": policy.number("quality_score", low=0, high=100),
        "observe_intervals": policy.integer("observe_intervals", low=0),
        "documentation": policy.number("documentation", low=0, high=100),
        "mutation_score": policy.number("mutation_score", low=0, high=100),
    }
    policy.unknown()
    return MappingProxyType({name: value for name, value in values.items() if value is not None})
