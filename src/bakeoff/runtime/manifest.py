"""The manifest: the table of usable pictures, written by sort and read by later stages."""

MANIFEST_COLUMNS = (
    "image_id",  # of the pixels, see `bakeoff.pictures.decoding.pixel_id`
    "path",  # relative to the repository
    "label",
    "group",  # a patient; "" without a pattern; after the split the joined group
    "width",
    "height",
    "mode",
    "bytes",
    "sha256",  # of the file
    "source",  # the member of the archive
    "phash",  # 64 hexadecimal digits
    "official",  # the archive's own side, or ""
)
