"""A look at some pictures: whether they can be read, and how large they are."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.adopt.listing import Listing, read_members
from bakeoff.pictures.decoding import MAX_PIXELS, opened
from bakeoff.pictures.picture_error import PictureError
from bakeoff.sort.labelled_file import LabelledFile

_MOST = 200


@dataclass(frozen=True)
class Samples:
    """What was seen."""

    content: dict[str, bytes]  # the bytes of each picture that could be opened, by its path
    sides: dict[str, tuple[int, int]]  # width and height of each, in pixels
    unusable: tuple[tuple[str, str], ...]  # `(path, why)` of the others

    @property
    def shortest(self) -> int:
        """The shortest side that was seen, in pixels; 0 if none was."""
        return min((min(size) for size in self.sides.values()), default=0)

    def described(self) -> str:
        """Sizes and problems, in one line."""
        if not self.sides:
            return "none was looked at"
        widths, heights = zip(*self.sides.values(), strict=True)
        size = f"{_span(widths)} x {_span(heights)} pixels in {len(self.sides)} that were opened"
        if not self.unusable:
            return size
        reasons = Counter(why for _, why in self.unusable)
        why, count = reasons.most_common(1)[0]
        return f"{size}; {len(self.unusable)} others cannot be used ({count}: {why})"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def look_at_some(listing: Listing, usable: Sequence[LabelledFile]) -> Samples:
    """Open the headers of some pictures of each class, evenly spread over its paths."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for item in sorted(usable, key=lambda item: item.path):
        by_label[item.label].append(item.path)
    each = max(1, _MOST // max(1, len(by_label)))
    wanted = [
        path
        for label in sorted(by_label)
        for path in by_label[label][:: max(1, len(by_label[label]) // each)][:each]
    ][:_MOST]
    content, sides, unusable = {}, {}, []
    for path, data in sorted(read_members(listing, set(wanted)).items()):
        try:
            with opened(data, max_pixels=MAX_PIXELS, min_side=1) as picture:
                sides[path] = picture.size
            content[path] = data
        except PictureError as error:
            unusable.append((path, str(error)))
    return Samples(content, sides, tuple(unusable))
