"""The commands of the `headrace` command line, by subject."""
