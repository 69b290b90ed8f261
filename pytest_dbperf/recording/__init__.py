"""What happened while a test ran?"""
