"""No crash leaves a picture of a process's memory, with documents and credentials in it."""

import resource


def forbid_core_dumps() -> None:
    """Let no core of this process and its children be written, nor handed to a collector of cores.

    The kernel hands a core to a program (`|` in core_pattern) whatever the limit, but when it is 1.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
