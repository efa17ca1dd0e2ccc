"""Pictures become TFRecords, and their reader."""
