"""The driver daemon: Spark Connect in, stages and tasks out."""
