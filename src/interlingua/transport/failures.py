"""What can go wrong on the way to a server, in the words that every HTTP client of ours says it with.

Nothing here shows an address's path or query, nor credentials.
"""

from __future__ import annotations

from interlingua.errors import ConnectionFailed, InvalidRequest, LocalFileError, TimedOut, UpstreamError


def no_connection_in_time(host: str) -> TimedOut:
    """The connection did not stand within `Timeouts.connect`."""
    return TimedOut(f"no connection to {host} within the time limit", phase="connect")


def silent(host: str, limit: float | None) -> TimedOut:
    """The head did not come within `limit` seconds."""
    return TimedOut(f"{host} has not begun to answer within {limit:g} s", phase="first_byte")


def proxy_refused(host: str, status: int | None) -> ConnectionFailed:
    """The proxy made no tunnel; its status where that is known."""
    how = f"with status {status}" if status else "to go there"
    return ConnectionFailed(
        f"the proxy on the way to {host} refused {how}",
        remedy="Check HTTPS_PROXY and its credentials, or name the host in NO_PROXY.",
    )


def proxy_away(host: str, proxy: str, reason: str) -> ConnectionFailed:
    """The proxy at `proxy` is not reached."""
    return ConnectionFailed(
        f"the proxy {proxy} on the way to {host} cannot be reached: {reason}",
        remedy="Check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY.",
    )


def proxy_unknown(place: str, scheme: str) -> ConnectionFailed:
    """A proxy of a kind that we do not speak to."""
    return ConnectionFailed(
        f"the proxy {place} speaks {scheme}, which is not supported",
        remedy="Set HTTPS_PROXY to an http:// proxy, or name the host in NO_PROXY.",
        retryable=False,
    )


def untrusted(host: str, reason: str, remedy: str = "") -> ConnectionFailed:
    """TLS failed."""
    return ConnectionFailed(
        f"no trusted connection to {host}: {reason}",
        remedy=remedy
        or "If a proxy or server of your own signs certificates, name its authority's file in SSL_CERT_FILE.",
        retryable=False,
    )


def unresolved(name: str, reason: str) -> ConnectionFailed:
    """A name has no address."""
    return ConnectionFailed(
        f"the name {name} cannot be resolved: {reason}",
        remedy="Check the address for typing errors, and that this machine is online.",
    )


def nobody_listens(place: str) -> ConnectionFailed:
    """The connection was refused at once."""
    return ConnectionFailed(f"nothing listens at {place}", remedy="Start the server, or check the address and port.")


def unreachable(host: str, reason: str) -> ConnectionFailed:
    """No connection, for another reason."""
    return ConnectionFailed(f"no connection to {host}: {reason}")


def malformed(host: str) -> InvalidRequest:
    """The request cannot be written down."""
    return InvalidRequest(
        f"the request to {host} cannot be sent: its address or a header is malformed",
        remedy="Check base_url and the configured headers for stray characters.",
    )


def no_http(host: str) -> ConnectionFailed:
    """What answered is no HTTP server."""
    return ConnectionFailed(f"{host} did not answer in HTTP", remedy="Check the address, port and scheme.")


def undecodable(host: str) -> UpstreamError:
    """The body is not compressed as its head says."""
    return UpstreamError(f"{host} sent a body that cannot be decompressed")


def broke_off(host: str) -> ConnectionFailed:
    """The connection ended too early."""
    return ConnectionFailed(
        f"the connection to {host} broke off", remedy="Try again; if it stays, look at the network or the server."
    )


def too_large(host: str, most: int, status: int) -> UpstreamError:
    """A whole answer of more than `most` bytes, decompressed."""
    return UpstreamError(f"the answer of {host} is larger than {most} bytes", upstream_status=status, retryable=False)


def unusable_certificate(path: str, reason: object) -> LocalFileError:
    """A certificate file that is missing or holds none."""
    return LocalFileError(f"the certificate file {path} cannot be used: {reason}", path=path)
