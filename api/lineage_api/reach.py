"""Who can reach this server, and whether its settings let them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from lineage_api.identity.issuers import check_issuers
from lineage_api.loopback import is_loopback
from lineage_schemas.errors import InvalidInputError

if TYPE_CHECKING:
    from lineage_api.settings import Settings

HOSTS_MAX: Final = 100

_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")


def check_reach(settings: Settings) -> None:
    """Refuse settings under which somebody could get in who should not.

    Raises:
        InvalidInputError: says which of them contradict each other.
    """
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise InvalidInputError(
            "TLS needs a certificate and its key",
            where="tls_certificate, tls_key",
            hint="Name both files; they may be the same.",
        )
    if settings.sign_in == "local":
        _check_local(settings)
    else:
        _check_open(settings)


def own_names(settings: Settings) -> frozenset[str]:
    """Return the names this server goes by, beside those of this machine, in lower case."""
    host = () if _is_any(settings.host) else (settings.host,)
    return frozenset(canonical_name(one) for one in (*settings.hosts, *host))


def canonical_name(host: str) -> str:
    """Return a host name or address as it is compared."""
    name = host.lower().rstrip(".")
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _check_local(settings: Settings) -> None:
    if not is_loopback(settings.host):
        raise InvalidInputError(
            "Without signing in, the ledger serves this machine only",
            where=f"host {settings.host[:64]}",
            hint="Use 127.0.0.1, ::1 or localhost, or set sign_in to required.",
        )
    for name, given in (
        ("behind_proxy", settings.behind_proxy),
        ("hosts", bool(settings.hosts)),
        ("issuers", bool(settings.issuers)),
    ):
        if given:
            raise InvalidInputError(
                "Without signing in, the ledger goes by this machine's own names only, and "
                "everybody who reaches it may do everything",
                where=name,
                hint=f"Set sign_in to required, or leave {name} out.",
            )


def _check_open(settings: Settings) -> None:
    check_issuers(settings.issuers)
    if not settings.host:
        raise InvalidInputError("A server listens somewhere", where="host")
    if len(settings.hosts) > HOSTS_MAX:
        raise InvalidInputError(f"A server goes by {HOSTS_MAX} names at most", where="hosts")
    for host in settings.hosts:
        if canonical_name(host) != host.lower() or not (_NAME.fullmatch(host) or _is_address(host)):
            raise InvalidInputError(
                "This is no name of a host",
                where=ascii(host[:64]),
                hint="Give names or addresses alone: no scheme, no port, no brackets, no star.",
            )
    if is_loopback(settings.host):
        return
    if _is_any(settings.host) and not settings.hosts:
        raise InvalidInputError(
            "A server that listens on every address must say by which names it goes",
            where=f"host {settings.host}",
            hint="Set hosts, such as ledger.example.org.",
        )
    if not (settings.tls_certificate or settings.behind_proxy):
        raise InvalidInputError(
            "Beyond this machine, credentials would be sent for everybody to read",
            where=f"host {settings.host[:64]}",
            hint="Set tls_certificate and tls_key, or behind_proxy where a proxy speaks TLS.",
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_any(host: str) -> bool:
    return not host or (_is_address(host) and ip_address(host).is_unspecified)
