"""Parameters: their sections, how they are parsed, and what is rendered from them."""
