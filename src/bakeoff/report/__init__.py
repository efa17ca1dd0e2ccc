"""The report page, model cards, plots, and the terminal's table."""
