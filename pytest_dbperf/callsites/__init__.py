"""Which line of your code caused it?"""
