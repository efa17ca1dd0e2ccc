"""Find duplicate pictures, and join the groups that share one.

Exact duplicates share their decoded pixels (`image_id`). Near duplicates have 256-bit perceptual
hashes within a few bits of each other. Groups that share either are joined, transitively: if A is
a duplicate of B and B of C, then A, B and C are on one side.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

HASH_BITS = 256
PAIR_COLUMNS = ("kind", "distance", "first", "second", "first_label", "second_label")

# pHash compares frequencies with their median, so a picture with texture sets half of the bits.
# In flat pictures the frequencies tie, and all of them would be "duplicates" of one another.
_MIN_BITS_SET = 96

Bits = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Duplicates:
    """Duplicates among the pictures of a manifest."""

    # the joined group of each picture, named after its smallest member, in row order
    groups: "pd.Series[str]"
    pairs: pd.DataFrame  # one row per pair found, with `PAIR_COLUMNS`
    flat: int  # number of pictures with a meaningless hash, which are compared only by their pixels


def find_duplicates(manifest: pd.DataFrame, bits: int | None) -> Duplicates:
    """Find exact and near duplicates, and join the groups that share one.

    Args:
        manifest: columns image_id, path, label, group ("": a group of its own), phash; and
            likeness, where near duplicates beyond `bits` were confirmed.
        bits: largest distance of two near duplicates' hashes; None: only exact duplicates.

    Returns:
        The joined groups and the pairs that joined them. Neither depends on the order of rows.
    """
    order = np.argsort(manifest["path"].to_numpy(dtype=object), kind="stable")
    rows = manifest.iloc[order].reset_index(drop=True)
    keys = group_keys(rows)
    exact = _pairs_of_equals(rows["image_id"].to_numpy(dtype=object))
    hashes = unpack_hashes(rows["phash"])
    textured = ~flat_hashes(hashes)
    near, distances = near_pairs(hashes, bits, textured)
    identical = rows["image_id"].to_numpy(dtype=object)
    strangers = identical[near[:, 0]] != identical[near[:, 1]]
    near, distances = near[strangers], distances[strangers]
    same_key = _pairs_of_equals(keys.to_numpy(dtype=object))
    likeness = _likeness(rows).to_numpy(dtype=object)
    alike = _pairs_of_equals(likeness)
    alike = alike[likeness[alike[:, 0]] != ""]
    joined = join(keys, np.concatenate([same_key, exact, near, alike]))
    groups = pd.Series(index=manifest.index, dtype=object)
    groups.iloc[order] = joined.to_numpy(dtype=object)
    pairs = pd.concat(
        [_describe(rows, exact, "exact", np.zeros(len(exact), np.int64))]
        + [_describe(rows, near, "near", distances)]
        + [_describe(rows, alike, "alike", _distance(hashes, alike[:, 0], alike[:, 1]))],
        ignore_index=True,
    )
    flat = int((~textured).sum()) if bits is not None else 0
    return Duplicates(groups.astype(str), pairs, flat)


def _likeness(manifest: pd.DataFrame) -> "pd.Series[str]":
    """What `likeness.add_likeness` found: equal and not "" for pictures that are alike."""
    return manifest.get("likeness", pd.Series("", manifest.index))


def group_keys(manifest: pd.DataFrame) -> "pd.Series[str]":
    """Each picture's own key: its patient, or its pixels if no pattern names a patient."""
    group = manifest["group"].astype(str)
    return group.where(group != "", manifest["image_id"].astype(str))


def join(keys: "pd.Series[str]", pairs: Pairs) -> "pd.Series[str]":
    """Join rows along pairs, transitively; a group is named after the smallest of its keys.

    Returns (n,) names of the joined groups.

    Examples:
        >>> join(pd.Series(["c", "b", "a", "d"]), np.array([[0, 1], [1, 2]])).tolist()
        ['a', 'a', 'a', 'd']
    """
    n = len(keys)
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    component = connected_components(links, directed=False)[1]
    return keys.groupby(component).transform("min")


def unpack_hashes(phash: "pd.Series[str]") -> Bits:
    """Hexadecimal 256-bit hashes as an (n, 4) array of uint64 words."""
    raw = bytes.fromhex("".join(phash))
    return np.frombuffer(raw, dtype=">u8").reshape(-1, HASH_BITS // 64).astype(np.uint64)


def flat_hashes(hashes: Bits) -> npt.NDArray[np.bool_]:
    """Which (n, 4) hashes have so few bits set that the picture is nearly flat."""
    return np.bitwise_count(hashes).sum(axis=1, dtype=np.int64) < _MIN_BITS_SET


def near_pairs(
    hashes: Bits, bits: int | None, usable: npt.NDArray[np.bool_] | None = None
) -> tuple[Pairs, Pairs]:
    """Pairs of rows whose hashes differ in at most `bits` bits.

    Multi-index hashing: hashes that differ in at most d bits agree on at least one of d + 1 bands
    (Norouzi, Punjani and Fleet, CVPR 2012, section 3), so only rows that share a band's value are
    compared. Equal hashes are linked to the first of them, not pair by pair.

    Args:
        hashes: (n, 4) words.
        bits: the distance d; None finds nothing.
        usable: (n,) rows to compare; None: all.

    Returns:
        (k, 2) row numbers, first below second, sorted; and (k,) distances.

    Examples:
        >>> hashes = unpack_hashes(pd.Series(["0" * 64, "0" * 63 + "3", "f" * 64]))
        >>> pairs, distances = near_pairs(hashes, bits=2)
        >>> pairs.tolist(), distances.tolist()
        ([[0, 1]], [2])
    """
    rows = np.arange(len(hashes)) if usable is None else np.flatnonzero(usable)
    if bits is None or not len(rows):
        return np.empty((0, 2), np.int64), np.empty(0, np.int64)
    distinct, first, inverse = np.unique(
        hashes[rows], axis=0, return_index=True, return_inverse=True
    )
    representative = first[inverse.reshape(-1)]
    copies = np.flatnonzero(representative != np.arange(len(rows)))
    found = [np.stack([rows[representative[copies]], rows[copies]], axis=1)]
    distances = [np.zeros(len(copies), np.int64)]
    close, apart = _close_distinct(distinct, bits)
    found.append(np.sort(rows[first[close]], axis=1))
    distances.append(apart)
    pairs, apart = np.concatenate(found), np.concatenate(distances)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order].astype(np.int64), apart[order]


def twins(
    ours: pd.DataFrame, theirs: pd.DataFrame, bits: int | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which pictures of `ours` have an exact, or else a near duplicate in `theirs`.

    `bits` None counts only exact duplicates. Returns two (n,) masks; no picture is in both.
    """
    exact = ours["image_id"].isin(theirs["image_id"]).to_numpy(bool)
    alike, known = _likeness(ours), _likeness(theirs)
    near = (alike.ne("") & alike.isin(known)).to_numpy(bool) & ~exact
    if bits is None or ours.empty or theirs.empty:
        return exact, near
    hashes = unpack_hashes(pd.concat([ours["phash"], theirs["phash"]]))
    distinct, number = np.unique(hashes, axis=0, return_inverse=True)
    number = number.reshape(-1)
    of_theirs = np.zeros(len(distinct), bool)
    of_theirs[number[len(ours) :]] = True
    of_theirs &= ~flat_hashes(distinct)
    close, _ = _close_distinct(distinct, bits)
    reached = of_theirs.copy()
    np.logical_or.at(reached, close[:, 0], of_theirs[close[:, 1]])
    np.logical_or.at(reached, close[:, 1], of_theirs[close[:, 0]])
    near |= reached[number[: len(ours)]] & ~flat_hashes(hashes[: len(ours)])
    return exact, near & ~exact


def _close_distinct(hashes: Bits, bits: int) -> tuple[Pairs, Pairs]:
    """Pairs of distinct hashes within `bits`, each once, and their distances."""
    n = len(hashes)
    codes = [np.empty(0, np.int64)]
    for band in _bands(hashes, max(bits + 1, HASH_BITS // 64)):
        order = np.argsort(band, kind="stable")
        ordered = band[order]
        active = np.arange(n - 1) if n else np.empty(0, np.int64)
        for shift in range(1, n):
            active = active[: np.searchsorted(active, n - shift)]
            active = active[ordered[active] == ordered[active + shift]]
            if not len(active):
                break
            one, other = order[active], order[active + shift]
            near = _distance(hashes, one, other) <= bits
            one, other = one[near], other[near]
            codes.append(np.minimum(one, other) * n + np.maximum(one, other))
    code = np.unique(np.concatenate(codes))
    pairs = np.stack([code // max(n, 1), code % max(n, 1)], axis=1)
    return pairs, _distance(hashes, pairs[:, 0], pairs[:, 1])


def _bands(hashes: Bits, count: int) -> Bits:
    """Each row's bits dealt to `count` bands of at most 64 bits; shape (count, n).

    Neighbouring bits are neighbouring frequencies, which similar pictures share; interleaving them
    keeps every band selective.
    """
    words = np.ascontiguousarray(hashes.astype(">u8")).view(np.uint8)
    unpacked = np.unpackbits(words.reshape(len(hashes), -1), axis=1)
    bands = np.zeros((count, len(hashes), 8), np.uint8)
    for band in range(count):
        packed = np.packbits(unpacked[:, band::count], axis=1)
        bands[band, :, : packed.shape[1]] = packed
    return bands.view(np.uint64)[:, :, 0]


def _distance(hashes: Bits, one: Pairs, other: Pairs) -> Pairs:
    """Number of bits in which rows `one` and `other` differ."""
    return np.bitwise_count(hashes[one] ^ hashes[other]).sum(axis=1, dtype=np.int64)


def _pairs_of_equals(values: npt.NDArray[np.object_]) -> Pairs:
    """Rows that repeat an earlier row's value, each paired with the first such row."""
    codes = pd.factorize(values)[0]
    first = np.unique(codes, return_index=True)[1][codes]
    later = np.flatnonzero(first != np.arange(len(values)))
    return np.stack([first[later], later], axis=1).astype(np.int64)


def _describe(rows: pd.DataFrame, pairs: Pairs, kind: str, distances: Pairs) -> pd.DataFrame:
    """A row with `PAIR_COLUMNS` for each pair of row numbers."""
    path, label = rows["path"].to_numpy(dtype=object), rows["label"].to_numpy(dtype=object)
    values = (path[pairs[:, 0]], path[pairs[:, 1]], label[pairs[:, 0]], label[pairs[:, 1]])
    facts = dict(zip(PAIR_COLUMNS[2:], values, strict=True))
    return pd.DataFrame({"kind": [kind] * len(pairs), "distance": distances, **facts})
