"""Values every floor shares: pipelines, datasets, intervals, contracts, stories, findings. Standard library only."""
