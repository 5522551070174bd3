"""The only door to sqlglot: what a query reads and means, how it moves to other relations, where its columns come from.

Nothing is imported here: callers name the module they need, so that `import penstock.sql` costs nothing.
"""
