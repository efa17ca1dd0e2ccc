"""Where the store is, and why it cannot be used: one line without credentials."""

import os
import re
from base64 import b64encode
from urllib.parse import quote, unquote, urlsplit

from bakeoff.runtime import layout
from bakeoff.runtime.addresses import shown

_REFUSED = re.compile(r"\b(401|403) (?:!=|Client Error)")  # as MLflow and requests say it
_HEADER_CODES = ("utf-8", "latin-1")  # of a name and password; clients use either


def own_uri() -> str:
    """The SQLite file in the repository's `mlruns/`."""
    return f"sqlite:///{(layout.mlruns() / 'mlflow.db').as_posix()}"


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI` if set, else the repository's own store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_uri()


def redact(text: str, uri: str | None = None) -> str:
    """`text` without the credentials in the tracking URI and in MLflow's variables.

    Passwords are also removed in their encoded forms in addresses and request headers.
    """
    uri = tracking_uri() if uri is None else uri
    try:
        parts = urlsplit(uri)
    except ValueError:  # no address, so all of it may be a secret
        return text.replace(uri, shown(uri))
    own = {n: os.environ.get(f"MLFLOW_TRACKING_{n}", "") for n in ("USERNAME", "PASSWORD", "TOKEN")}
    secrets = {parts.netloc.rpartition("@")[0], parts.password or "", own["TOKEN"]}
    for name, password in (
        (unquote(parts.username or ""), unquote(parts.password or "")),
        (own["USERNAME"], own["PASSWORD"]),
    ):
        secrets |= {password, quote(password, safe="")}
        pair = f"{name}:{password}" if password else ""
        secrets |= {b64encode(pair.encode(code, "replace")).decode() for code in _HEADER_CODES}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def shown_uri(uri: str | None = None) -> str:
    """The tracking URI without credentials."""
    uri = tracking_uri() if uri is None else uri
    if uri == own_uri():
        return "mlruns/mlflow.db"
    return shown(uri)


def reason_of(error: Exception, uri: str | None = None) -> str:
    """The reason of an error in one line, without credentials and request bodies."""
    text = redact(" ".join(str(error).split()), uri)
    # SQLAlchemy puts its advice before the driver's message and the statement after it.
    text = text.partition(" [SQL: ")[0].rpartition("Error) ")[2]
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        own = "`bakeoff sync --rebuild` makes it anew"
        remedy = own if uri in (None, own_uri()) else "`mlflow db upgrade`, after a backup"
        return f"{shown_uri(uri)} was made by another version of MLflow; {remedy}"
    refused = _REFUSED.search(text)
    if refused and refused[1] == "401":
        return (
            f"{shown_uri(uri)} does not know this account; "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if refused:
        name = os.environ.get("MLFLOW_TRACKING_USERNAME", "this account")
        return (
            f"{name} may not write this at {shown_uri(uri)}; have its administrator grant "
            "EDIT, or MANAGE for what is deleted, see docs/team.md"
        )
    if "Max retries exceeded" in text:
        return f"{shown_uri(uri)} no longer answers"
    return f"{shown_uri(uri)}: {text[:300]}"
