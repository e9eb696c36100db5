"""How the server speaks TLS."""

from __future__ import annotations

import ssl

from lineage_api.settings import Settings
from lineage_schemas.errors import InvalidInputError


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return how to speak TLS; ``None`` where the settings name no certificate.

    Raises:
        InvalidInputError: the files cannot be read, or do not belong together.
    """
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A pass phrase would be asked for in the terminal, where nobody may sit.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=b"")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise InvalidInputError(
            f"The certificate cannot be used: {reason}",
            where=f"{settings.tls_certificate}, {settings.tls_key}",
            hint="Both are PEM files; the key has no pass phrase and belongs to the certificate.",
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
