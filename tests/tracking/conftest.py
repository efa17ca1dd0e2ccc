"""The tiny repository, for every test here."""

from tests.tiny_repository import repository

__all__ = ["repository"]
