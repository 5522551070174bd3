"""Luigi: local scheduler, one worker; a task is done when its file is there (renamed into place, not synced)."""

from __future__ import annotations

import luigi

from peers.driver import Stopwatch, answer, job, must

JOB = job()


class Step(luigi.Task):  # type: ignore[misc]  # luigi is not installed where types are checked
    """Writes one small file."""

    number = luigi.IntParameter()

    def requires(self) -> list[Step]:
        """The step before, in a chain."""
        return [Step(number=self.number - 1)] if JOB.before(self.number) else []

    def output(self) -> luigi.LocalTarget:
        """The file that says the step is done."""
        return luigi.LocalTarget(str(JOB.folder / JOB.name(self.number)))

    def run(self) -> None:
        """Do nothing, durably."""
        with self.output().open("w") as file:
            file.write("1")


def main() -> None:
    """Run the job."""
    clock = Stopwatch()
    wanted = range(JOB.tasks) if JOB.shape == "fan" else (JOB.tasks - 1,)
    luigi.build([Step(number=number) for number in wanted], local_scheduler=True, workers=1, log_level="WARNING")
    running = clock.lap()
    must(len(list(JOB.folder.iterdir())), JOB)
    answer(running=running)


if __name__ == "__main__":
    main()
