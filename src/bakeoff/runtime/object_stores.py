"""Files in object stores: S3, Google Cloud Storage, Azure, and data sets of Hugging Face.

Each store's package is in an optional extra. Credentials come from the environment and from the
files that the store's own tools write, never from an address.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import IO, Any, NamedTuple

from bakeoff.runtime.addresses import shown
from bakeoff.runtime.errors import BakeoffError


class ObjectStore(NamedTuple):
    """What reads a store, and how one logs in there."""

    package: str
    extra: str
    login: str


STORES = {
    "s3": ObjectStore("s3fs", "s3", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
    "gs": ObjectStore("gcsfs", "gs", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": ObjectStore("adlfs", "az", "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
    "hf": ObjectStore("huggingface_hub", "hub", "HF_TOKEN"),
}
"""By the scheme of the address."""


class StoreError(OSError):
    """A failure, in a few words, after which another attempt may help."""


def is_object(url: str) -> bool:
    """Whether an address is of one of `STORES`."""
    scheme, colon, _ = url.partition("://")
    return bool(colon) and scheme in STORES


@contextmanager
def reading_object(url: str, start: int) -> Iterator[tuple[Callable[[int], bytes], int, str]]:
    """Read an object from byte `start` on: a function that reads bytes, its size, its ETag.

    Raises:
        BakeoffError: the package is missing, there is no such object, or it may not be read.
        StoreError: the connection fails; another attempt may help.
    """
    store = STORES[url.partition("://")[0]]
    if importlib.util.find_spec(store.package) is None:
        raise BakeoffError(
            f"{shown(url)}: {store.package} is in an extra; run "
            f"`uv sync --inexact --extra {store.extra}`"
        )
    import fsspec

    with _translated(url, store):
        options = {"version_aware": True} if "?versionId=" in url else {}
        files, path = fsspec.core.url_to_fs(url, **options)
        facts: dict[str, Any] = files.info(path)
        if facts["type"] != "file":
            raise FileNotFoundError(url)
        size, etag = int(facts["size"]), str(facts.get("ETag") or facts.get("etag") or "")
        stream: IO[bytes] = files.open(path, "rb", cache_type="readahead")
        stream.seek(min(start, size))

    def read(most: int) -> bytes:
        with _translated(url, store):
            return stream.read(most)

    with closing(stream):
        yield read, size, etag.strip('"')


@contextmanager
def _translated(url: str, store: ObjectStore) -> Iterator[None]:
    """Errors of the store's own calls as `reading_object` raises them."""
    try:
        yield
    except Exception as error:
        raise _reason(url, store, error) from None


def _reason(url: str, store: ObjectStore, error: Exception) -> Exception:
    """The error in one sentence, or as a StoreError where another attempt may help."""
    kind, text = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, FileNotFoundError) or kind in ("NoSuchBucket", "EntryNotFoundError"):
        what = "bucket" if "bucket" in text.lower() else "object"
        return BakeoffError(f"{shown(url)}: there is no such {what}; correct the address")
    if kind in ("NoCredentialsError", "DefaultCredentialsError", "PartialCredentialsError"):
        return BakeoffError(f"{shown(url)}: no credentials; set {store.login}")
    if isinstance(error, PermissionError) or "Forbidden" in text or "Access Denied" in text:
        return BakeoffError(
            f"{shown(url)}: these credentials may not read it; set those of an account "
            f"that may: {store.login}"
        )
    if "connect" in kind.lower():
        return StoreError("no connection")
    return StoreError(f"{kind}: {text[:200]}")
