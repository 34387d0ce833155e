"""Certificates for signing pictures: issuing a private one and judging one that was brought.

The profile is C2PA 2.x, "Digital signatures: certificate profile" (on top of RFC 5280): a chain of
X.509 v3 certificates whose first one may sign (digitalSignature), is not an authority, names its
organisation, its own key and its issuer's key, and carries one purpose fit for content signing.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from maquette.errors import KeyRefused

__all__ = ["NAME", "issue_private_chain", "organisation", "read_chain", "refuse_unfit", "to_pem"]

NAME = "Maquette local signing"
"""The name in certificates made here: neutral, no person, no machine."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_YEAR = timedelta(days=365)
_PURPOSES = {
    "1.3.6.1.5.5.7.3.4",  # emailProtection
    "1.3.6.1.5.5.7.3.36",  # documentSigning
    "1.3.6.1.4.1.62558.2.1",  # C2PA claim signing
    "1.3.6.1.4.1.311.76.59.1.9",  # C2PA signing, Microsoft's
}
_GET_ANOTHER = "ask your certificate authority for a certificate made for C2PA claim signing"


def to_pem(certificate: x509.Certificate) -> str:
    """One certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def organisation(certificate: x509.Certificate) -> str:
    """The organisation that a certificate names, else its common name, else ''."""
    for field in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(field):
            return str(attribute.value)
    return ""


def issue_private_chain(now: datetime | None = None) -> tuple[ec.EllipticCurvePrivateKey, str, str]:
    """A new ES256 key, its chain as PEM (signer first), and the private authority alone as PEM.

    The authority's own key signs this one certificate and is forgotten: nobody, not even this
    machine, can ever issue a second signer under it. Ten years, since a signature without a
    time stamp is only good while its certificate is.
    """
    now = now or datetime.now(UTC)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name(f"{NAME} authority")
    root = (
        _draft(root_name, root_name, root_key.public_key(), now, 20)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _draft(_name(NAME), root_name, key.public_key(), now, 10)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )
    return key, to_pem(leaf) + to_pem(root), to_pem(root)


def read_chain(pem: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, in its order.

    Raises:
        KeyRefused: no certificate in it, or one that cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise KeyRefused(
            "the certificate chain is not readable PEM",
            hint="give a text of '-----BEGIN CERTIFICATE-----' blocks, the signer's own first",
        ) from error


def refuse_unfit(chain: list[x509.Certificate], now: datetime | None = None) -> None:
    """Refuse a chain that content credentials cannot be signed with.

    Raises:
        KeyRefused: expired or not valid yet, an authority, without the right purpose, without an
            organisation's name, or with a chain that does not join up.
    """
    now = now or datetime.now(UTC)
    leaf = chain[0]
    if now > leaf.not_valid_after_utc:
        raise KeyRefused(
            f"the signing certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}",
            hint="bring a renewed one, or start over with a new local key",
        )
    if now < leaf.not_valid_before_utc:
        raise KeyRefused(
            f"the signing certificate is only valid from {leaf.not_valid_before_utc:%Y-%m-%d}",
            hint="wait until then, or check this computer's clock",
        )
    if not organisation(leaf):
        raise KeyRefused("the signing certificate names no organisation", hint=_GET_ANOTHER)
    _refuse_purpose(leaf)
    for signed, signer in itertools.pairwise(chain):
        try:
            signed.verify_directly_issued_by(signer)
        except Exception as error:
            raise KeyRefused(
                "the certificates do not form a chain: each must be issued by the next",
                hint="put the signer's own certificate first, then its issuer, then that one's",
            ) from error


def _refuse_purpose(leaf: x509.Certificate) -> None:
    try:
        extensions = leaf.extensions
    except (ValueError, x509.DuplicateExtension) as error:
        raise KeyRefused("the certificate's extensions are damaged", hint=_GET_ANOTHER) from error
    constraints = _find(extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise KeyRefused(
            "this is an authority's certificate, which may not sign pictures", hint=_GET_ANOTHER
        )
    usage = _find(extensions, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise KeyRefused("the certificate is not meant for digital signatures", hint=_GET_ANOTHER)
    if _find(extensions, x509.AuthorityKeyIdentifier) is None:
        raise KeyRefused(
            "the certificate does not say which key issued it (authority key identifier)",
            hint=_GET_ANOTHER,
        )
    purposes = _find(extensions, x509.ExtendedKeyUsage)
    if purposes is None or not _PURPOSES & {purpose.dotted_string for purpose in purposes}:
        raise KeyRefused(
            "the certificate's purpose (extended key usage) is not one for signing content:"
            " it needs C2PA claim signing, document signing or e-mail protection",
            hint=_GET_ANOTHER,
        )


def _find(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, NAME),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    years: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + years * _YEAR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
