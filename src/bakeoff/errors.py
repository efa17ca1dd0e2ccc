"""The one exception that means "the person at the keyboard can mend this"."""


class BakeoffError(Exception):
    """A mistake in the input, said in one sentence: what is wrong, where, and the remedy.

    Stages and the command line print the message alone and exit with status 1; any other
    exception is a bug of ours and keeps its traceback.
    """


class DivergedError(BakeoffError):
    """A training's loss is no longer a number; a search goes on with its next trial."""
