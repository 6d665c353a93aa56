"""Split, filter, normalise and scale: everything fitted on train samples alone."""
