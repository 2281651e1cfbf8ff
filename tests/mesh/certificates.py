"""Certificates as Istio's authority makes them: an identity a pod, in a URI."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = timedelta(days=1)


class Authority:
    """One who signs certificates.

    Args:
        name: of its own certificate.
    """

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        builder = _builder(self._name, self._name, self._key.public_key())
        self._own = builder.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> None:
        """Write its own certificate, by which others know what it signed."""
        path.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def issue(self, folder: Path, name: str, shown: x509.GeneralName) -> None:
        """Write `<name>.pem` and `<name>.key` for one who shows this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([])
        builder = _builder(subject, self._name, key.public_key())
        names = x509.SubjectAlternativeName([shown])
        made = builder.add_extension(names, critical=True).sign(self._key, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / f"{name}.key").write_bytes(secret)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
    )
