"""Feature vectors of the records, computed by a frozen backbone."""
