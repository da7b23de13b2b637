"""Indexing: gather, scatter and masks."""
