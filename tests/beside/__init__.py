"""Are the counts right beside other libraries that wrap the same functions?"""
