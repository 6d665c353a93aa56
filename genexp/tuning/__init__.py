"""Search spaces, studies and workers."""
