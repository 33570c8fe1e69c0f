"""What to change, at which line, and what it will save: rules asked about recorded calls."""
