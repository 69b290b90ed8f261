"""Is it the same query?"""
