"""Plans as text, for EXPLAIN, the command line and the web page."""
