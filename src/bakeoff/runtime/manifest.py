"""The manifest: the table of usable pictures that sorting writes and all that follows reads."""

MANIFEST_COLUMNS = (
    "image_id",  # of the pixels, see `bakeoff.pictures.decoding.pixel_id`
    "path",  # relative to the repository
    "label",
    "group",  # a patient; "" where no pattern says; after the split the joined group
    "width",
    "height",
    "mode",
    "bytes",
    "sha256",  # of the file
    "source",  # the member of the archive
    "phash",  # 64 hexadecimal digits
    "official",  # the archive's own side, or ""
)
