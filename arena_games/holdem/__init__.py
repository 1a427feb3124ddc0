"""Limit hold'em for two to six seats, in sessions of several hands."""
