"""Where do events come from? Which library functions are wrapped to emit them?"""
