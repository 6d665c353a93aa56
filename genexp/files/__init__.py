"""Files of any kind: where they lie, how they are packed, and the tables in them."""
