"""The public protocol, Spark Connect: what PySpark programs talk to."""
