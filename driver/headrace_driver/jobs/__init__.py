"""The native `Jobs` service: list, watch and cancel jobs, see workers, submit SQL and Python applications."""
