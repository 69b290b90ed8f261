"""Does it grow with the rows?"""
