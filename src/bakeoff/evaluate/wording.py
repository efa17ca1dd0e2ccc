"""Numbers in sentences."""

import re

import numpy as np

from bakeoff.evaluate.intervals import Interval


def percent(share: float) -> str:
    """A share in percent, with one digit: `12.3 %`."""
    return f"{share * 100:.1f} %"


def interval_range(interval: Interval) -> str:
    """An interval of a share, in percent."""
    if np.isnan(interval.low):
        return "interval unknown: a single group"
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f} %"


def points(difference: float) -> str:
    """A difference of shares in points, with its sign: `+1.2`; zero is `+0.0`."""
    # Zero is added because a rounded number may be -0.0.
    return f"{round(difference * 100, 1) + 0.0:+.1f}"


def interval_points(interval: Interval) -> str:
    """An interval of a difference, in points."""
    if np.isnan(interval.low):
        return "interval unknown"
    return " to ".join(map(points, (interval.low, interval.high)))


def p_value(value: float) -> str:
    """A p-value with its sign, such as `= 0.03`."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def unbroken(sentence: str) -> str:
    """The sentence with non-breaking spaces between numbers and units."""
    return re.sub(r"(?<=\d) (?=%|ms\b|MB\b|s\b)", "\u00a0", sentence)
