"""detect-secrets, for the shapes of tokens that our own patterns do not know (extra `secrets`).

Its detectors of known shapes alone: those that go by entropy or by names take digests, ids and test data for secrets,
and what they would find under telling names our own patterns find. Nothing is verified over the network.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from penstock.policy.secret_patterns import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

_DETECTORS = (
    ("artifactory", "ArtifactoryDetector"),
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("cloudant", "CloudantDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("ibm_cloud_iam", "IbmCloudIamDetector"),
    ("ibm_cos_hmac", "IbmCosHmacDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("softlayer", "SoftlayerDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
_SHORTEST = 8
_LONGEST_LINE = 20_000


class DetectSecrets:
    """A `SecretScanner` over the detectors of detect-secrets."""

    name = "detect-secrets"

    def __init__(self) -> None:
        self._detectors: Sequence[Any] = [
            getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in _DETECTORS
        ]

    def secrets(self, line: str) -> tuple[Secret, ...]:
        """Every secret of a line; of a very long one its beginning is searched."""
        found: dict[str, Secret] = {}
        for detector in self._detectors:
            for text in detector.analyze_string(line[:_LONGEST_LINE]):
                if len(text) >= _SHORTEST:
                    found.setdefault(text, Secret(kind=f"a secret ({detector.secret_type})", text=text))
        return tuple(found.values())


def open_scanner() -> DetectSecrets | None:
    """The scanner, or None where the extra `secrets` is not installed: then our own patterns look alone."""
    return DetectSecrets() if find_spec("detect_secrets") is not None else None
