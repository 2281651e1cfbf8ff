"""TLS on either side of the proxy, as configured."""

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path

from sidecar.config import SidecarConfig

_log = logging.getLogger(__name__)


def server_context(config: SidecarConfig) -> ssl.SSLContext | None:
    """TLS towards callers, mutual when a client authority is named; None for plain text.

    Files that are replaced count for connections that come after that.

    Raises:
        OSError, ssl.SSLError: a file is missing or not what it should be.
    """
    if config.listen_tls_cert is None:
        return None
    context = _server_context(config, config.listen_tls_cert)
    context.sni_callback = _Renewal(config, config.listen_tls_cert, context)
    return context


class _Renewal:
    """Called in each handshake: shows the certificate that lies on the disk now."""

    def __init__(self, config: SidecarConfig, chain: Path, context: ssl.SSLContext) -> None:
        self._config = config
        self._chain = chain
        named = (chain, config.listen_tls_key, config.listen_tls_client_ca)
        self._paths = [path for path in named if path is not None]
        self._context = context
        self._seen = _stamps(self._paths)

    def __call__(self, tls: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        try:
            seen = _stamps(self._paths)
            if seen != self._seen:
                self._context, self._seen = _server_context(self._config, self._chain), seen
                _log.info("certificates were replaced")
        except (OSError, ssl.SSLError) as error:  # half written, say: the next handshake looks anew
            _log.warning("the certificates on the disk cannot be used", exc_info=error)
        tls.context = self._context


def _stamps(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """What changes with a file: its time in ns, and its number, which a new file has anew."""
    return [(state.st_mtime_ns, state.st_ino) for state in (path.stat() for path in paths)]


def _server_context(config: SidecarConfig, chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, config.listen_tls_key)
    if config.listen_tls_client_ca is not None:
        context.load_verify_locations(config.listen_tls_client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    return context


def client_context(config: SidecarConfig) -> ssl.SSLContext | None:
    """TLS towards the model; None for plain text.

    Raises:
        OSError, ssl.SSLError: a file is missing or not what it should be.
    """
    if config.upstream_tls_ca is None:
        return None
    context = ssl.create_default_context(cafile=str(config.upstream_tls_ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.upstream_tls_cert is not None:
        context.load_cert_chain(config.upstream_tls_cert, config.upstream_tls_key)
    context.set_alpn_protocols(["h2"])
    return context
