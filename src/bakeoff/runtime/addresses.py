"""Addresses without credentials, for messages and files."""

import re

_HIDDEN = "***"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_PARTS = re.compile(  # RFC 3986, 3; matches any text
    r"((?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?P<authority>[^/?#\\]*)(?P<path>[^?#]*)(?P<rest>.*)",
    re.DOTALL,
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]*)(:\d*)?")
_CREDENTIAL = re.compile(
    r"://[^/?#]*@|[?&][^=&#]*(sig|token|key|secret|passw|auth|credential)[^=&#]*=", re.IGNORECASE
)
_CLOSING = "\"'`)]}>,;:"  # characters that may follow an address in a text


def _parts(address: str) -> dict[str, str]:
    found = _PARTS.fullmatch(address)
    return found.groupdict(default="") if found else {}


def shown(address: str) -> str:
    """`address` without user info, query and fragment; text without `://` stays as it is.

    A password with a `/` or another delimiter must be percent-encoded (RFC 3986, 3.2.1). If it is
    not, its end cannot be found, and only the scheme is shown.
    """
    if "://" not in address:
        return address
    parts = _parts(address)
    host = parts["authority"].rpartition("@")[2]
    path = parts["path"]
    if parts["scheme"] == "hf":
        path = path.replace("@", "", 1)  # in front of a revision
    sure = parts["scheme"] and "@" not in path + parts["rest"] and _HOST.fullmatch(host)
    return f"{parts['scheme']}://{host + parts['path'] if sure else _HIDDEN}"


def without_credentials(address: str) -> str:
    """`address` as it is; parameters are copied to files and caches, where no login may go.

    Raises:
        ValueError: it holds a login, a token or a signature.
    """
    if _CREDENTIAL.search(address):
        raise ValueError(
            "an address must hold no login, token or signature: write it without, and put the "
            "login into ~/.netrc, or fetch the file by hand and name its path"
        )
    return address


def below(address: str, name: str) -> str:
    """The address of the file `name` in the folder at `address`; a query is kept at the end."""
    parts = _parts(address)
    folder = f"{parts['scheme']}://{parts['authority']}{parts['path'].rstrip('/')}"
    return f"{folder}/{name}{parts['rest']}"


def file_name(address: str) -> str:
    """The last part of the path at `address`; empty if there is none."""
    return _parts(shown(address))["path"].rpartition("/")[2]


def without_secrets(text: str) -> str:
    """`text` with every address in it as `shown`; idempotent."""
    return _ADDRESS.sub(_as_shown, text)


def _as_shown(found: re.Match[str]) -> str:
    address = found[0].rstrip(_CLOSING)
    return shown(address) + found[0][len(address) :]
