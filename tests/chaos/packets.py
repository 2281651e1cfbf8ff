"""Packets that get lost: a network of our own, whose kernel drops a share of those of a port."""

import ctypes
import os
import subprocess

_NEW_NETWORK = 0x40000000
_MTU_BYTES = 1500
"""As Ethernet's: the loopback's own would carry a small page in one packet."""


def leave_network() -> None:
    """Put this process, which must not have threads yet, into a network of its own.

    Raises:
        OSError: only root may, or `ip` or `iptables` is not installed.
    """
    kernel = ctypes.CDLL(None, use_errno=True)
    _says("iptables", "--version")
    _says("ip", "-V")
    if kernel.unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    _says("ip", "link", "set", "lo", "mtu", str(_MTU_BYTES), "gso_max_segs", "1", "up")


def lose(port: int, share: float) -> None:
    """Drop this share of the packets to and from a port, until `lose_none`.

    Only after `leave_network`: elsewhere it would be the machine's own network.
    """
    dropped = ["-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP"]
    for end in ("--dport", "--sport"):
        _says("iptables", "-w", "-A", "INPUT", "-p", "tcp", end, str(port), *dropped)


def lose_none() -> int:
    """Let all pass again. Returns how many packets were dropped."""
    rules = _says("iptables", "-w", "-nvxL", "INPUT").splitlines()[2:]
    _says("iptables", "-w", "-F", "INPUT")
    return sum(int(rule.split()[0]) for rule in rules)


def _says(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
