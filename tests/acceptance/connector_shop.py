"""A project whose pipeline is brought by connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock_places import Place

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """\
owner: shop-team
schedule: manual
start: 2024-01-01
end: 2024-01-11
"""
COLUMNS = """\
columns:
  id: BIGINT
  state: VARCHAR
  price: DECIMAL(12,2)
  items: JSON
  changed_at: TIMESTAMP
"""
REST_API = """\
description: Orders as the shop's API gives them.
format: dlt
rest_api:
  client:
    base_url: {address}
    auth:
      type: bearer
    paginator: {{type: page_number, base_page: 1, total_path: pages}}
  resources:
    - name: orders
      endpoint:
        path: orders
        data_selector: orders
        params: {{since: "{{incremental.start_value}}"}}
        incremental: {{cursor_path: changed_at, initial_value: "2000"}}
resource: orders
secrets:
  client.auth.token: SHOP_KEY
"""


def connector_shop(folder: Path, **files: str) -> Place:
    """The project with these files in its one pipeline; `__` in a name stands for a dot."""
    pipeline = folder / "project" / "pipelines" / "shop"
    pipeline.mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "project" / "penstock.yaml").write_text("name: shop\n")
    (pipeline / "pipeline.yaml").write_text(PIPELINE)
    for name, text in files.items():
        (pipeline / name.replace("__", ".")).write_text(text)
    return Place(folder / "project", folder / "keys")
