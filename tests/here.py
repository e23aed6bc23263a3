"""An executor that runs the jobs of engines and of Hessians in this process, which saves them their start."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from mimyria.engines import job as of_engines
from mimyria.errors import LabelError
from mimyria.execute import LOG, Job, Outcome
from mimyria.harmonic import job as of_hessians


class Here:
    """One job after the other."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for job in jobs:
            before, status = os.getcwd(), 0
            os.chdir(job.folder)
            try:
                (of_hessians.run_part if job.command == of_hessians.COMMAND else of_engines.run_task)(job.folder)
            except LabelError as error:
                (job.folder / LOG).write_text(f"{error}\n")
                status = of_engines.FAILED
            finally:
                os.chdir(before)
            yield Outcome(job, status)
