"""The masking key comes from the environment or from a file that git ignores; no error holds any of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.masking_key import masking_secret
from penstock.model.errors import InputError
from penstock.model.masking import MaskingKey, MaskingSecret
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.model.findings import Finding

KEY = "4b1f6c0e9d8a7253b6e1c4f70a9d8e25"
VARIABLE = MaskingKey(variable="SHOP_MASKING_KEY")
FILE = MaskingKey(file=".secrets/masking")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "masking").write_text(f"{KEY}\n")
    return tmp_path


def _refused(key: MaskingKey, root: Path) -> Finding:
    with pytest.raises(InputError) as caught:
        masking_secret(key, root)
    (finding,) = caught.value.findings
    assert KEY[:8] not in repr(caught.value.findings)
    return finding


def test_a_variable_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_MASKING_KEY", f" {KEY}\n")
    assert masking_secret(VARIABLE, tmp_path) == MaskingSecret.of(KEY)


def test_a_file_holds_it_that_git_ignores(repository: Path) -> None:
    (repository / ".gitignore").write_text(".secrets/\n")
    assert masking_secret(FILE, repository) == MaskingSecret.of(KEY)


def test_a_file_that_git_would_keep_is_refused(repository: Path) -> None:
    assert _refused(FILE, repository).code == "masking.key_in_git"


def test_a_file_outside_of_the_project_is_refused(repository: Path) -> None:
    (repository / "project").mkdir()
    (repository / "project" / "masking").symlink_to(repository / ".secrets" / "masking")
    assert _refused(MaskingKey(file="masking"), repository / "project").code == "masking.key_outside"


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_MASKING_KEY", KEY[:31])
    assert _refused(VARIABLE, tmp_path).code == "masking.short_key"


def test_where_there_is_none_nothing_is_said_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_MASKING_KEY", raising=False)
    assert masking_secret(VARIABLE, tmp_path) is None
    assert masking_secret(FILE, tmp_path) is None


def test_what_is_kept_of_a_key_shows_neither_it_nor_its_pads() -> None:
    secret = MaskingSecret.of(KEY)
    assert repr(secret) == f"MaskingSecret(digest='{secret.digest}')"
    assert MaskingSecret.of(f"{KEY}x").digest != secret.digest


@pytest.mark.parametrize(
    "text",
    [
        "masking: {}",
        "masking: {key: A_KEY, key_file: file}",
        f"masking: {{key: {KEY}}}",
        "masking: {key_file: ../masking}",
        "masking: {key: A_KEY, kei: B}",
    ],
)
def test_settings_name_one_place_and_hold_no_key(text: str) -> None:
    findings: list[Finding] = []
    assert read_settings(f"name: shop\n{text}\n", findings) is None
    assert findings
    assert KEY not in repr(findings)


def test_settings_say_where_it_is() -> None:
    findings: list[Finding] = []
    settings = read_settings("name: shop\nmasking:\n  key: SHOP_MASKING_KEY\n", findings)
    assert settings is not None
    assert settings.masking == VARIABLE
