"""Games served to programs outside of the arena."""
