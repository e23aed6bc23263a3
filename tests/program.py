"""The program with the engines of the tests: ``python program.py ARGUMENTS`` is ``mimyria ARGUMENTS`` with these too.

Without arguments it is the job of a configuration.
"""

from __future__ import annotations

import sys

from counting import Counting
from polarizable import Polarizable
from springs import Springs

from mimyria import choices
from mimyria.engines import job
from mimyria.engines.engine import Engine
from mimyria.engines.registry import ENGINES

MADE_UP: dict[str, type[Engine]] = {"counting": Counting, "polarizable": Polarizable, "springs": Springs}
COMMAND = (sys.executable, __file__)


def register() -> None:
    """Add the engines of the tests to those of this process and of the jobs that it starts."""
    ENGINES.update(MADE_UP)
    choices.ENGINES = (*choices.ENGINES, *MADE_UP)
    job.COMMAND = COMMAND


if __name__ == "__main__":
    register()
    if sys.argv[1:]:
        from mimyria.__main__ import main

        sys.argv[0] = "mimyria"
        main()
    else:
        sys.exit(job.main())
