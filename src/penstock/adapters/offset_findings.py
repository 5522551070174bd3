"""What is wrong with rows that were to be added beyond an offset, in every warehouse alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.engine.ports.publishing import Publication


def not_beyond(publication: Publication, rows: int) -> Finding:
    """So many of the new rows lie among those that are there, or have no offset."""
    return Finding(
        code="engine.offset_not_beyond",
        message=f"{publication.dataset}: {rows} new row(s) do not lie after the offset {publication.base}",
        place=Place(dataset=publication.dataset, field=publication.offset),
        expected=f"a {publication.offset} that is larger than every one that is there, and never NULL",
        remedy=f"filter by it: WHERE $offset IS NULL OR {publication.offset} > $offset",
    )


def moved(publication: Publication, now: object) -> Finding:
    """The dataset ends elsewhere than when the new rows were asked for."""
    return Finding(
        code="engine.offset_moved",
        message=f"{publication.dataset} grew while rows to be added after {publication.base} were made",
        place=Place(dataset=publication.dataset, field=publication.offset),
        found=str(now),
        expected=str(publication.base),
        remedy="they are made anew, from where it ends now",
    )
