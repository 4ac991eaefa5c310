"""Cached rows on a worker: which block files are in memory, which on disk, and what gives way to what."""
