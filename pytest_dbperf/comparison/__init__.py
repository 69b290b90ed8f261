"""Is it worse than before?"""
