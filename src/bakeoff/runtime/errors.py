"""The one exception that means "the person at the keyboard can correct this"."""

from bakeoff.runtime.addresses import without_secrets


def one_line(text: str) -> str:
    """`text` with what would break or colour a terminal's line escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class BakeoffError(Exception):
    """A mistake in the input, in one sentence: what is wrong, where, and the remedy.

    Stages and the command line print the sentence and exit with status 1; any other exception is
    a bug of ours and keeps its traceback. Names that strangers chose are in many messages:
    whatever they hold, a sentence stays one line, and no address shows its credentials.

    Attributes:
        sentences: One for each mistake; where several were found, each gets a line of its own.
    """

    def __init__(self, *sentences: str) -> None:
        """What is shown to the user."""
        self.sentences = tuple(without_secrets(one_line(sentence)) for sentence in sentences)
        super().__init__("; and ".join(self.sentences))


class DivergedError(BakeoffError):
    """A training's loss is no longer a number; a search goes on with its next trial."""
