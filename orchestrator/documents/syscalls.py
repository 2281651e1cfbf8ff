"""A seccomp filter: the system calls that reading a document and drawing its pages needs.

Every other call fails as if the kernel did not have it (ENOSYS), which makes libraries fall back
where they can. Files can be opened for reading only, and signals sent to oneself only. The filter
is a program for the kernel's classic BPF machine (seccomp(2)); numbers are from the kernel's tables
for each architecture.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass, field

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

# BPF: load a word of seccomp_data, jump if equal, jump if any bit is set, return.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

_CLONE_THREAD = 0x00010000
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)


@dataclass(frozen=True, slots=True)
class _Architecture:
    """The kernel's name for it, and its numbers of calls: those always allowed, and those allowed
    for some arguments only."""

    audit: int
    always: tuple[int, ...]
    opens: dict[int, int] = field(default_factory=dict)
    """Calls that open files, with the place of their flags."""
    clone: int = 0
    to_oneself: tuple[int, ...] = ()
    """Calls whose first argument must be this process, or 0."""


# fmt: off
_ARCHITECTURES = {
    "x86_64": _Architecture(
        audit=0xC000003E,
        always=(
            0, 1, 3, 4, 5, 6, 7, 8,  # read write close stat fstat lstat poll lseek
            9, 10, 11, 12, 25, 28,  # mmap mprotect munmap brk mremap madvise
            13, 14, 15, 131,  # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
            16, 17, 19, 20, 21, 32, 72,  # ioctl pread64 readv writev access dup fcntl
            24, 35, 228, 229, 230, 96, 201,  # sched_yield, sleeping, clocks
            39, 102, 104, 107, 108, 186,  # getpid getuid getgid geteuid getegid gettid
            44, 45, 48,  # sendto recvfrom shutdown, on the one socket there is
            60, 231, 219, 218,  # exit exit_group restart_syscall set_tid_address
            63, 79, 89, 267, 217,  # uname getcwd readlink readlinkat getdents64
            97, 98, 99, 100, 160, 204,  # limits, usage, sysinfo, times, sched_getaffinity
            158, 202, 273, 324, 334,  # arch_prctl futex set_robust_list membarrier rseq
            262, 269, 271, 318, 332, 439,  # newfstatat faccessat ppoll getrandom statx faccessat2
            444, 445, 446,  # Landlock, which can only take more away
        ),
        opens={2: 1, 257: 2},
        clone=56,
        to_oneself=(62, 234, 302),  # kill tgkill prlimit64
    ),
    "aarch64": _Architecture(
        audit=0xC00000B7,
        always=(
            57, 62, 63, 64, 65, 66, 67, 79, 80,  # close lseek read write readv writev pread64 stats
            214, 215, 216, 222, 226, 233,  # brk munmap mremap mmap mprotect madvise
            132, 134, 135, 139,  # sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn
            17, 23, 25, 29, 48, 61, 73, 78,  # getcwd dup fcntl ioctl faccessat getdents64 ppoll ...
            101, 113, 114, 115, 124, 169,  # sleeping, clocks, sched_yield
            172, 174, 175, 176, 177, 178,  # getpid and the like
            206, 207, 210,  # sendto recvfrom shutdown
            93, 94, 96, 128,  # exit exit_group set_tid_address restart_syscall
            123, 153, 160, 163, 164, 165, 179,  # sched_getaffinity times uname limits usage sysinfo
            98, 99, 283, 293,  # futex set_robust_list membarrier rseq
            278, 291, 439,  # getrandom statx faccessat2
            444, 445, 446,
        ),
        opens={56: 2},
        clone=220,
        to_oneself=(129, 131, 261),
    ),
}
# fmt: on


def allow_reading_only() -> bool:
    """Installs the filter for this process. False where the kernel or this architecture has none.

    `no_new_privs` must be set.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return False
    code = b"".join(_program(architecture, os.getpid()))
    instructions = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    program = Program(len(code) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _program(architecture: _Architecture, pid: int) -> list[bytes]:
    program = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        *_unless_equal(architecture.audit, [_returning(_KILL_PROCESS)]),
        _instruction(_LOAD, _NUMBER_AT),
    ]
    for number in architecture.always:
        program += _if_equal(number, [_returning(_ALLOW)])
    for number, place in architecture.opens.items():
        program += _if_equal(number, _opening(place))
    program += _if_equal(architecture.clone, _cloning())
    for number in architecture.to_oneself:
        program += _if_equal(number, _to(pid))
    program.append(_returning(_ERRNO | errno.ENOSYS))
    return program


def _opening(place: int) -> list[bytes]:
    return [
        _instruction(_LOAD, _argument(place)),
        _instruction(_ANY_BIT, _TO_WRITE, otherwise=1),
        _returning(_ERRNO | errno.EACCES),
        _returning(_ALLOW),
    ]


def _cloning() -> list[bytes]:
    """A thread is allowed, a process is not."""
    return [
        _instruction(_LOAD, _argument(0)),
        _instruction(_ANY_BIT, _CLONE_THREAD, otherwise=1),
        _returning(_ALLOW),
        _returning(_ERRNO | errno.EPERM),
    ]


def _to(pid: int) -> list[bytes]:
    return [
        _instruction(_LOAD, _argument(0)),
        *_if_equal(pid, [_returning(_ALLOW)]),
        *_if_equal(0, [_returning(_ALLOW)]),
        _returning(_ERRNO | errno.EPERM),
    ]


def _argument(place: int) -> int:
    """Where the low half of a call's argument is (little-endian)."""
    return _ARGUMENTS_AT + 8 * place


def _if_equal(value: int, then: list[bytes]) -> list[bytes]:
    return [_instruction(_EQUAL, value, otherwise=len(then)), *then]


def _unless_equal(value: int, then: list[bytes]) -> list[bytes]:
    return [_instruction(_EQUAL, value, so=len(then)), *then]


def _returning(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _instruction(code: int, value: int, *, so: int = 0, otherwise: int = 0) -> bytes:
    """One `sock_filter`: what to do, how many to skip if so and if not, and with what."""
    return struct.pack("=HBBI", code, so, otherwise, value & 0xFFFFFFFF)
