"""Cached rows: which plans a session caches, where in later plans they stand, and the jobs that make them."""
