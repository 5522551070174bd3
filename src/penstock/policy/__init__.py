"""What may pass: gates as small pure functions over facts, and the policy that sets their thresholds."""
