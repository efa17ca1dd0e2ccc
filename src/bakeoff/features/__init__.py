"""Records become a frozen backbone's vectors."""
