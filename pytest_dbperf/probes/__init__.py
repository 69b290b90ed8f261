"""Where do we listen?"""
