"""Has each filter an index?"""
