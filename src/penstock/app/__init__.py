"""One function for each verb; `wiring` alone names concrete adapters."""
