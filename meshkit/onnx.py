"""ONNX Runtime sessions that run on CUDA when it is really there, and say where they run."""

import ctypes
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from meshkit.model import digest_of

__all__ = ["BoundSession", "Device", "OnnxSession", "cuda_is_there", "digest_of", "open_session"]

Device = Literal["auto", "cpu", "cuda"]

_CUDA = "CUDAExecutionProvider"

# ONNX Runtime keeps one environment a process, and an arena can be registered there only once.
_arena_lock = threading.Lock()
_arena: list[Any] = []


class OnnxSession:
    """A loaded network.

    Attributes:
        device: `cpu` or `cuda:0`: where it really runs.
        input_names, output_names: in the order of the file.
        input_types: as the file names them: `tensor(float)`.
        metadata: the file's own string pairs.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self.device = "cuda:0" if _CUDA in session.get_providers() else "cpu"
        self.input_names = [i.name for i in session.get_inputs()]
        self.input_types = [i.type for i in session.get_inputs()]
        self.output_names = [o.name for o in session.get_outputs()]
        self.metadata = dict(session.get_modelmeta().custom_metadata_map)

    def run(
        self,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Sequence[str] | None = None,
        *,
        give_back: bool = False,
    ) -> list[NDArray[Any]]:
        """The named outputs, all of them by default. May be called from several threads.

        Args:
            inputs: by name.
            outputs: names.
            give_back: return the unused memory of the arena to the system after the run.
        """
        names = None if outputs is None else list(outputs)
        options = ort.RunOptions()
        if give_back:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return [np.asarray(array) for array in self._session.run(names, dict(inputs), options)]

    def bind(self, constants: Mapping[str, NDArray[Any]]) -> "BoundSession":
        """Runs that share inputs, which are copied to the device once."""
        return BoundSession(self._session, self.device, constants)


class BoundSession:
    """Runs of a network on its device, without a copy of the inputs that stay the same."""

    def __init__(
        self, session: ort.InferenceSession, device: str, constants: Mapping[str, NDArray[Any]]
    ) -> None:
        self._session = session
        kind = device.partition(":")[0]
        self._constants = {
            name: ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), kind, 0)
            for name, array in constants.items()
        }
        self._outputs = [output.name for output in session.get_outputs()]

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs for the inputs that are not constant. May be called from several threads."""
        binding = self._session.io_binding()
        for name, value in self._constants.items():
            binding.bind_ortvalue_input(name, value)
        for name, array in inputs.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name in self._outputs:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        return [np.asarray(array) for array in binding.copy_outputs_to_cpu()]


def open_session(
    path: str | Path,
    *,
    intra_op_threads: int = 0,
    device: Device = "auto",
    spinning: bool = False,
    shared_arena: bool = False,
) -> OnnxSession:
    """Load a network.

    Args:
        path: the ONNX file.
        intra_op_threads: threads of one run; 0: one for each core this process may use.
        device: `auto` takes CUDA when it is there; `cuda` insists on it.
        spinning: let idle threads burn their core for a faster wake-up. Off, because sessions
            share cores here.
        shared_arena: take working memory from one arena that all such sessions of the process
            share and that grows by what is asked for, no more; a process of several networks that
            are given many shapes stays several times smaller. `OnnxSession.run` can give it back.

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: `cuda` was asked for and cannot be had.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no network at {path}")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = intra_op_threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    if shared_arena:
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
    # Weights stay as long as the session does: they have no place among what comes and goes.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    # Denormal numbers slow the CPU down many times over and change no answer.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu" and cuda_is_there():
        # The default searches all algorithms anew for every input shape.
        providers.insert(0, (_CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}))
    # A thread of its own: the denormal mode is set for the thread that opens the session, and the
    # caller's arithmetic must stay as it was.
    with ThreadPoolExecutor(1) as opener:
        opened = opener.submit(ort.InferenceSession, str(path), options, providers=providers)
        session = OnnxSession(opened.result())
    if device == "cuda" and session.device == "cpu":
        raise RuntimeError(
            f"CUDA was asked for and cannot be had for {path}: onnxruntime-gpu, the NVIDIA driver "
            "and CUDA's libraries must be there"
        )
    return session


def _share_arena() -> None:
    """Register the process's shared arena, once."""
    with _arena_lock:
        if _arena:
            return
        place = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        as_requested = {"arena_extend_strategy": 1, "max_mem": 0}
        ort.create_and_register_allocator(place, ort.OrtArenaCfg(as_requested))
        _arena.append(place)


def cuda_is_there() -> bool:
    """Whether ONNX Runtime was built with CUDA and the driver sees a device.

    Asking for CUDA without it makes ONNX Runtime log errors; this looks first.
    """
    if _CUDA not in ort.get_available_providers():
        return False
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or count.value < 1:
        return False
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA's libraries from Python packages, where they are installed so
    return True
