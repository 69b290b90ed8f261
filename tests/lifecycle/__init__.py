"""The clients that do what production does."""
