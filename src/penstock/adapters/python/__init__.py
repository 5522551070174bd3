"""Python tasks, in processes of their own."""
