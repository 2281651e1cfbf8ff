import subprocess
import sys
from pathlib import Path

from pagemesh.local_mesh import Service

_SAYS_TWICE = "print('first' * 100, flush=True); input(); print('second', flush=True); input()"


def test_a_long_log_is_moved_aside_while_its_process_goes_on(tmp_path: Path) -> None:
    service = Service("ocr", ("servers.ocr",), "127.0.0.1:1", tmp_path / "ocr.log")
    with (
        service.log.open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-c", _SAYS_TWICE], stdin=subprocess.PIPE, stdout=log, text=True
        ) as process,
    ):
        assert process.stdin is not None
        while not service.log.read_bytes().endswith(b"\n"):
            pass
        service.bound_log(1000)
        assert service.log.stat().st_size > 100
        service.bound_log(100)
        process.stdin.write("\n")
        process.stdin.flush()
        while not service.log.read_bytes().endswith(b"\n"):
            pass
        assert service.log.read_text() == "second\n"
        assert (tmp_path / "ocr.log.1").read_text().startswith("firstfirst")
        process.stdin.write("\n")
