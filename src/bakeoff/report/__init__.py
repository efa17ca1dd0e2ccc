"""Conclusions become a page, cards, plots and the terminal's table."""
