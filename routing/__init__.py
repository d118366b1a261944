"""What a request wants, told by its text alone: certain rules, then a classifier that may abstain."""
