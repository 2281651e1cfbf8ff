"""How many threads each model gets when all of them share one machine."""

import os
from collections.abc import Mapping

READER = "ocr"
"""The model that takes nearly all the time."""


def with_thread_defaults(environ: Mapping[str, str], models: tuple[str, ...]) -> dict[str, str]:
    """The environment with `PAGEMESH_<MODEL>_INTRA_OP_THREADS` set where it is not.

    The reader of text gets every core, the others a quarter of them: they run beside it, and
    waiting for a core costs more than a second thread gains.
    """
    cores = len(os.sched_getaffinity(0))
    wanted = {
        f"PAGEMESH_{model.upper()}_INTRA_OP_THREADS": str(
            cores if model == READER else max(1, cores // 4)
        )
        for model in models
    }
    return {**wanted, **environ}
