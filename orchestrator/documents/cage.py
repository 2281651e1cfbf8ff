"""What the process that reads hostile files is kept from, by the kernel's own means.

Four layers, each worth having alone: no network (a namespace without an interface), no privileges
(capabilities dropped), no file but the document and the code (Landlock), and no system call but
those that reading and drawing need (`orchestrator.documents.syscalls`). A kernel or a container
runtime may refuse one of them; the others hold all the same, and the worker says which do.
"""

import ctypes
import os
import sysconfig
from pathlib import Path

import cv2
import numpy as np
import PIL
import pypdfium2

_libc = ctypes.CDLL(None, use_errno=True)

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_NEWIPC = 0x08000000

_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_OVERRIDE = 1 << 1
_CAP_DAC_READ_SEARCH = 1 << 2

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3

# Highest right of the file system that each version of Landlock knows; the last one and up, all.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

# What readers look at only when they need it: modules, libraries, fonts, how much memory they take.
_READABLE: tuple[str, ...] = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(str(Path(str(module.__file__)).parent) for module in (cv2, np, PIL, pypdfium2)),
    "/usr/share/fonts",
    "/usr/share/X11/fonts",
    "/usr/local/share/fonts",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/proc/self/statm",
)


def leave_network() -> bool:
    """Enters a network of its own, in which there is none. False where that is not allowed.

    Needs a process with one thread. Whoever is not root has to enter a user namespace, too; root
    stays in its own, where it may read the documents of other users.
    """
    flags = _CLONE_NEWNET | _CLONE_NEWIPC
    if os.geteuid() != 0:
        flags |= _CLONE_NEWUSER
    return bool(_libc.unshare(flags) == 0)


def drop_capabilities() -> bool:
    """Keeps of root's privileges, where there are any, only that of reading any file."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Data(ctypes.Structure):
        _fields_ = (
            ("effective", ctypes.c_uint32),
            ("permitted", ctypes.c_uint32),
            ("inheritable", ctypes.c_uint32),
        )

    kept = _CAP_DAC_OVERRIDE | _CAP_DAC_READ_SEARCH if os.geteuid() == 0 else 0
    header = Header(_CAPABILITY_VERSION, 0)
    wanted = (Data * 2)(Data(kept, kept, 0), Data(0, 0, 0))
    if _libc.capset(ctypes.byref(header), ctypes.byref(wanted)) == 0:
        return True
    # Some of what was to be kept was not there.
    nothing = (Data * 2)()
    return bool(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)) == 0)


def see_only(document: Path) -> bool:
    """From now on, of all files, only `document` and installed code and fonts can be opened, and
    these only for reading. False where the kernel has no Landlock.

    `no_new_privs` must be set. What is open already stays open.
    """
    version = _libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    if version < 1:
        return False
    ruleset = _ruleset(version)
    if ruleset < 0:
        return False
    try:
        for path in (str(document), *_READABLE):
            _allow_reading(ruleset, Path(path))
        return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _ruleset(version: int) -> int:
    """A descriptor of rules that forbid all that this version of Landlock can forbid."""
    attributes = _RulesetAttributes(
        handled_access_fs=(1 << _FILE_RIGHTS.get(version, 16)) - 1,
        handled_access_net=_BIND_AND_CONNECT_TCP if version >= 4 else 0,
        scoped=_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    return int(_libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
        rule = _PathBeneath(rights, descriptor)
        _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
