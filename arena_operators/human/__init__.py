"""The person: an operator that asks somebody, in a terminal or on a page in the browser."""
