"""Does it depend on earlier tests?"""
