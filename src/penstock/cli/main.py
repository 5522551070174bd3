"""The entry point: finds the command, imports only what it needs, and turns every ending into an exit code.

Exit codes: 0 done · 1 a verdict of no · 2 the input is wrong · 3 a run failed · 4 waiting for a person · 5 a bug.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from penstock import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("starting:init", "Make a small project that works."),
    "check": ("checking:check", "Read the whole project and say everything that is wrong."),
    "test": ("checking:test", "Run the project's unit tests on data."),
    "plan": ("running:plan", "Show what a run would build, and why."),
    "run": ("running:run", "Build what is missing into an environment."),
    "backfill": ("backfilling:backfill", "Build intervals again, and what reads them."),
    "quarantine": ("quarantine:quarantine", "See rows that were put aside, and why; build them again."),
    "serve": ("serving:serve", "Run schedules, triggers and the queue."),
    "schedule": ("schedule:schedule", "Show what would fire; pause and resume pipelines."),
    "drift": ("drifting:drift", "Say on which day a source's files became others."),
    "explain": ("explaining:explain", "Say why a dataset is or is not built."),
    "quality": ("quality:quality", "Show what checks found, and how scores went."),
    "runs": ("runs:runs", "List runs: waiting, under way, over."),
    "logs": ("logs:logs", "Show what a run's tasks printed."),
    "cancel": ("runs:cancel", "Stop a run, and prove that it stopped."),
    "retry": ("runs:retry", "Do again what a run did not get done."),
    "resume": ("runs:resume", "Go on with runs that were interrupted."),
    "query": ("asking:query", "Ask an environment's datasets with SQL."),
    "export": ("exporting:export", "Bring datasets to files and databases that others read."),
    "diff": ("diffing:diff", "Compare environments, versions or intervals row by row."),
    "contract": ("contract:contract", "Infer contracts from data, check, export and compare them."),
    "source": ("sources:source", "Look into databases; write files that read their tables."),
    "lineage": ("lineage:lineage", "Show where a dataset or column comes from, or goes."),
    "personal": ("personal:personal", "Show where personal data goes, and where nobody says so."),
    "docs": ("checking:docs", "Write architecture.md and the pipelines' pages anew."),
    "emit": ("emitting:emit", "Write schedules for cron, or the workflow for GitHub."),
    "admit": ("admitting:admit", "Say whether commits may go into a branch."),
    "deliver": ("delivering:deliver", "Carry a story to production, stage by stage."),
    "change": ("changes:change", "Look at changes; answer, approve, resume, roll back, verify."),
    "key": ("keys:key", "Make and list signing keys."),
    "rollback": ("rollback:rollback", "Put an environment back to what it showed before."),
    "prune": ("pruning:prune", "Remove dataset versions that nothing needs any more."),
    "expire": ("expiring:expire", "Delete rows that are past the retention of their contracts."),
    "doctor": ("doctor:doctor", "Check the ledger against itself and the warehouse."),
}
"""Each command: where it stands below `penstock.cli.commands`, and its line of help."""
GARBAGE_LOOKED_FOR_AFTER = 20_000
"""New objects. What imports make stays; looking through it after every 700, as Python does, is 5 % of a start."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, and lists help without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"penstock.cli.commands.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands with one line each."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first, or an error that offers the nearest name."""
        if args and args[0] not in COMMANDS:
            import difflib  # noqa: PLC0415 - only for a typing error

            close = difflib.get_close_matches(args[0], list(COMMANDS), n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; perhaps {close[0]}" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: penstock deliver stories/RETAIL-1.md",
)
@click.version_option(__version__, prog_name="penstock")
def penstock() -> None:
    """Ship data-pipeline changes safely: from a written requirement to a verified, reversible pipeline."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(GARBAGE_LOOKED_FOR_AFTER)
    sys.exit(penstock(standalone_mode=True))


if __name__ == "__main__":
    main()
