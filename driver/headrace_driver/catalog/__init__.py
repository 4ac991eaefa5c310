"""What queries read and write: files with their schemas and statistics, views, worker-held data."""
