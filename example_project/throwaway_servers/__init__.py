"""What does the service run with? Real servers, each as long as a `with` block, for tests and for measuring.

PostgreSQL has a module of its own, `throwaway_postgres`, as its server lives as long as a process.
"""
