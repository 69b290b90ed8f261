"""Which servers does the service need? Real ones, for tests and measurements, each in a `with` block.

PostgreSQL has its own module, `throwaway_postgres`, because its server lives as long as a process.
"""
