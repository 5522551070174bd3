"""What a warehouse says when the state that rows were read from is no longer the one it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import TransientError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.engine.ports.publishing import Publication


def moved(publication: Publication) -> TransientError:
    """Somebody else published rows of the same version meanwhile: these would repeat some of them."""
    return TransientError(
        Finding(
            code="engine.state_moved",
            message=f"{publication.dataset}: its connector's state moved on while these rows were read",
            place=Place(dataset=publication.dataset),
            expected="the state that the rows were read from",
            remedy="it is tried again, from the state that is there now",
        )
    )
