"""TLS on either side of the proxy, as configured."""

import ssl

from sidecar.config import SidecarConfig


def server_context(config: SidecarConfig) -> ssl.SSLContext | None:
    """TLS towards callers, mutual when a client authority is named; None for plain text.

    Raises:
        OSError, ssl.SSLError: a file is missing or not what it should be.
    """
    if config.listen_tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.listen_tls_cert, config.listen_tls_key)
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
