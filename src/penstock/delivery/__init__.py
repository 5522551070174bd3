"""Takes a change through its five stages: actions, exit gates, evidence, approval, rollout, rollback."""
