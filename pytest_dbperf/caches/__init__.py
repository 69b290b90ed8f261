"""Do the counts of a test depend on what earlier tests left in a cache?"""
