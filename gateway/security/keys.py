"""API keys: `pm_<id>_<secret>`. A file keeps what tells them, not the keys themselves.

The secret is 256 random bits, so that a plain SHA-256 of it cannot be turned round by guessing.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from meshkit.errors import DependencyUnavailable, InvalidInput, NotFound

PREFIX = "pm_"
CLIENT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_ID_BYTES, _SECRET_BYTES = 6, 32
_LOOK_SECONDS = 1.0


class Key(BaseModel):
    """What is kept of a key.

    Attributes:
        id: names it, in the audit log too.
        client: whose it is.
        sha256: of its secret part.
        is_admin: whether it may erase other clients' documents.
    """

    id: str
    client: str = Field(pattern=CLIENT_PATTERN)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    note: str = ""
    is_admin: bool = False
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    def is_good(self, moment: datetime) -> bool:
        """Whether it opens the door at that moment."""
        is_over = self.expires_at is not None and moment >= self.expires_at
        return self.revoked_at is None and not is_over


_KEYS = TypeAdapter(list[Key])


class KeyFile:
    """The keys of a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, Key] = {}
        self._state: tuple[int, int, int] | None = None
        self._looked_at = -_LOOK_SECONDS

    def find(self, text: str) -> Key | None:
        """The good key that a client showed, None when it is none.

        Raises:
            DependencyUnavailable: the file was never read and cannot be.
        """
        key_id, _, secret = text.removeprefix(PREFIX).partition("_")
        self._look()
        key = self._keys.get(key_id)
        told = key.sha256 if key is not None else "0" * 64
        is_right = hmac.compare_digest(told, _digest(secret))
        return key if key is not None and is_right and key.is_good(datetime.now(UTC)) else None

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            stat = self._path.stat()
            state = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if state != self._state:
                self._keys = {key.id: key for key in read_keys(self._path)}
                self._state = state
        except (OSError, InvalidInput) as error:
            if self._state is None:
                raise DependencyUnavailable(
                    "the keys of clients cannot be read now; try again", reason="KEYS_UNAVAILABLE"
                ) from error


def read_keys(path: Path) -> list[Key]:
    """The keys of a file; none when there is no file yet.

    Raises:
        InvalidInput: it is no such file.
        OSError: it cannot be read.
    """
    try:
        return _KEYS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except ValidationError as error:
        raise InvalidInput(f"{path} is no file of API keys") from error


def create_key(
    path: Path,
    client: str,
    note: str = "",
    lifetime: timedelta | None = None,
    *,
    is_admin: bool = False,
) -> str:
    """Add a key to a file. It is told here once, and never again.

    Raises:
        InvalidInput: the client's name cannot be one, or the file is none of keys.
        OSError: the file cannot be written.
    """
    if not re.fullmatch(CLIENT_PATTERN, client):
        raise InvalidInput(
            f"client {client[:80]!r}: letters, digits, `.`, `_` and `-` are expected, 64 at most"
        )
    moment = datetime.now(UTC).replace(microsecond=0)
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    key = Key(
        id=key_id,
        client=client,
        sha256=_digest(secret),
        note=note,
        is_admin=is_admin,
        created_at=moment,
        expires_at=moment + lifetime if lifetime else None,
    )
    _write(path, [*read_keys(path), key])
    return f"{PREFIX}{key_id}_{secret}"


def revoke_key(path: Path, key_id: str) -> Key:
    """Let a key open nothing any more.

    Raises:
        NotFound: there is no such key.
        InvalidInput, OSError: as for `create_key`.
    """
    keys = read_keys(path)
    for index, key in enumerate(keys):
        if key.id == key_id:
            moment = key.revoked_at or datetime.now(UTC).replace(microsecond=0)
            keys[index] = key.model_copy(update={"revoked_at": moment})
            _write(path, keys)
            return keys[index]
    raise NotFound(f"there is no key {key_id[:80]!r} in {path}")


def _write(path: Path, keys: list[Key]) -> None:
    """Whoever reads meanwhile sees the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_KEYS.dump_python(keys, mode="json", exclude_none=True), indent=2)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        try:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
