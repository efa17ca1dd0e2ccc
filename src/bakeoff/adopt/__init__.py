"""From a folder, an archive or a table to a file in `datasets/`."""
