"""Blocks between stages: their format, how map tasks write them, where they lie, how reducers get them."""
