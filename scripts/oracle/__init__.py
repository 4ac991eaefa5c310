"""Makes the expected answers of the differential tests by running every query on real Spark."""
