"""What did the changes bring? Measured before and after, behind a real gunicorn: `run.py example-bench`."""
