"""What did the remedies bring? Measured before and after, behind a real gunicorn: `run.py example-bench`."""
