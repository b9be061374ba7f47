"""Sleep that moves the clock of a fake instead of waiting."""
