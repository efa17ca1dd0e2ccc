"""The one exception that means "the person at the keyboard can correct this"."""

import json
from collections.abc import Iterable

from bakeoff.runtime.addresses import without_secrets


def one_line(text: str) -> str:
    """`text` with control characters escaped, so that it stays on one line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def quoted(value: object, limit: int = 80) -> str:
    """A value as a message shows it: at most `limit` characters of its text, on one line."""
    text = one_line(str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def yaml_list(texts: Iterable[str]) -> str:
    """Texts as a list that can be copied from a message into a YAML file.

    Examples:
        >>> print(yaml_list(["no", "it's"]))
        ['no', 'it''s']
    """
    quote = "'"
    items = (
        quote + text.replace(quote, 2 * quote) + quote if text.isprintable() else json.dumps(text)
        for text in texts
    )
    return f"[{', '.join(items)}]"


def reason_of(error: OSError) -> str:
    """Which file and why, of an error of the operating system or of a connection."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


class BakeoffError(Exception):
    """A mistake in the input, in one sentence: what is wrong, where, and the remedy.

    Stages and the command line print the sentence and exit with status 1; any other exception is
    a bug and keeps its traceback. Messages may contain file names from archives; control characters
    are escaped, and addresses are shown without credentials.

    Attributes:
        sentences: One for each mistake; each is printed on its own line.
    """

    def __init__(self, *sentences: str) -> None:
        """Take the sentences shown to the user."""
        self.sentences = tuple(without_secrets(one_line(sentence)) for sentence in sentences)
        super().__init__("; and ".join(self.sentences))


class DivergedError(BakeoffError):
    """The training loss is NaN or infinite; a search continues with its next trial."""
