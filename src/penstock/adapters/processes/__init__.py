"""Python tasks and commands, in processes of their own."""
