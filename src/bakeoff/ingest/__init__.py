"""Any source becomes data/raw."""
