"""Random damage: each case ends in a reason or one sentence, in bounded time and memory."""
