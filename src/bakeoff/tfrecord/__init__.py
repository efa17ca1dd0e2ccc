"""Writing pictures to TFRecords, and reading them."""
