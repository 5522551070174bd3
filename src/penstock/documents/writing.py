"""Plain values to the YAML a person would write: block style, order kept, long text folded."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Indents lists under their key and writes multi-line text as a literal block."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, False)  # noqa: FBT003


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any, *, width: int = 110) -> str:
    """YAML text that `read_yaml` reads back equal. No aliases, keys in the order given."""
    _Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
