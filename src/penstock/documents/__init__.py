"""Bounded, line-aware reading of the text files people write: YAML, front matter, SQL headers."""

from penstock.documents.fields import Fields
from penstock.documents.reading import Document, read_yaml, split_front_matter
from penstock.documents.writing import to_yaml

__all__ = ["Document", "Fields", "read_yaml", "split_front_matter", "to_yaml"]
