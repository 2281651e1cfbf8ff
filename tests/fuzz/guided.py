"""One target under atheris: `python -m tests.fuzz.guided TARGET [options of libFuzzer] FOLDER`.

Its mutations are led by which lines of our code and of the readers behind it were reached.
"""

import sys

import atheris

READERS = ["orchestrator", "gateway", "meshkit", "pagemesh", "fastavro", "yaml", "PIL"]


def main() -> None:
    name = sys.argv.pop(1)
    with atheris.instrument_imports(
        include=[*READERS, "python_multipart"], enable_loader_override=False
    ):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - what is imported now is watched
    atheris.Setup(sys.argv, TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
