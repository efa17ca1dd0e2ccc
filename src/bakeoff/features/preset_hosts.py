"""Where the files of a preset come from: a folder, Kaggle's cache or host, Hugging Face's."""

from collections.abc import Callable
from pathlib import Path

from bakeoff.params.hub import HUGGING_FACE, kaggle_handle
from bakeoff.runtime.downloads import NotFetchedError, check_answers
from bakeoff.runtime.layout import repository_root

Get = Callable[[str], Path | None]
"""From the name of a file to its path; None where the preset has no such file."""

_KAGGLE = "https://www.kaggle.com"


def cached_getter(reference: str) -> Get:
    """Files of the preset that are on this machine; no host is asked."""
    if reference.startswith(HUGGING_FACE):
        return _cached_hugging_face(*_repository(reference))
    if "/" in reference:  # in a copy that `dvc exp run --temp` makes there are no presets
        folder = repository_root() / reference
        return lambda name: path if (path := folder / name).is_file() else None
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    cache, handle = Cache(), parse_model_handle(kaggle_handle(reference))

    def get(name: str) -> Path | None:
        found = cache.load_from_cache(handle, name)
        return Path(found) if found else None

    return get


def host_getter(reference: str) -> Get:
    """Files of the preset, downloaded where they are not on this machine.

    Raises:
        NotFetchedError: now or later: the host does not answer within seconds, or refuses.
    """
    if reference.startswith(HUGGING_FACE):
        return _hugging_face(*_repository(reference))
    if "/" in reference:
        raise NotFetchedError("no such folder, or no config.json with weights in it")
    return _kaggle(kaggle_handle(reference))


def _repository(reference: str) -> tuple[str, str | None]:
    repository, _, revision = reference.removeprefix(HUGGING_FACE).partition("@")
    return repository, revision or None


def _cached_hugging_face(repository: str, revision: str | None) -> Get:
    from huggingface_hub import try_to_load_from_cache

    def get(name: str) -> Path | None:
        found = try_to_load_from_cache(repository, name, revision=revision)
        return Path(found) if isinstance(found, str) else None

    return get


def _hugging_face(repository: str, revision: str | None) -> Get:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    check_answers(constants.ENDPOINT)  # the library would try for half a minute

    def get(name: str) -> Path | None:
        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except GatedRepoError:
            raise NotFetchedError(
                "its licence must be accepted on its page, and HF_TOKEN set"
            ) from None
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise NotFetchedError("no such repository or revision") from None
        except LocalEntryNotFoundError:
            raise NotFetchedError("no connection") from None
        except EntryNotFoundError:
            return None
        except Exception as error:  # whatever its HTTP library throws
            raise NotFetchedError(type(error).__name__) from None

    return get


def _kaggle(handle: str) -> Get:
    import kagglehub
    from kagglehub.exceptions import KaggleApiHTTPError

    check_answers(_KAGGLE)

    def get(name: str) -> Path | None:
        try:
            return Path(kagglehub.model_download(handle, name))
        except KaggleApiHTTPError as error:
            if "404" in str(error):
                return None
            licence = "403" in str(error) or "401" in str(error)
            raise NotFetchedError(
                "its licence must be accepted on its page, with a login in ~/.kaggle"
                if licence
                else "Kaggle answered with an error"
            ) from None
        except Exception as error:  # whatever its HTTP library throws
            raise NotFetchedError(type(error).__name__) from None

    return get
