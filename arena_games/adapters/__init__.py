"""Games of other libraries behind one name each: `openspiel:NAME`, `pettingzoo:MODULE`, `gymnasium:ID`.

docs/adapters.md says what is derived, what is declared, what is probed and what is refused.
"""
