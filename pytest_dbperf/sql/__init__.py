"""Are two SQL texts the same query, and what do they say?"""
