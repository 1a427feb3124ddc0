"""Managed environments: what a plugin's runtime asks for, found, built, checked and removed."""
