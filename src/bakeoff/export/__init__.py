"""The augmentation plan and the TFRecords that it is exported to."""
