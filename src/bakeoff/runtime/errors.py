"""The one exception that means "the person at the keyboard can mend this"."""

from bakeoff.runtime.addresses import without_secrets


def one_line(text: str) -> str:
    """`text` with what would break or colour a terminal's line escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class BakeoffError(Exception):
    """A mistake in the input, said in one sentence: what is wrong, where, and the remedy.

    Stages and the command line print the message alone and exit with status 1; any other
    exception is a bug of ours and keeps its traceback. Names that a stranger chose are in many a
    message: whatever they hold, it stays one line, and no address shows what lets one in.
    """

    def __init__(self, sentence: str) -> None:
        """What is shown to the user."""
        super().__init__(without_secrets(one_line(sentence)))


class DivergedError(BakeoffError):
    """A training's loss is no longer a number; a search goes on with its next trial."""
