"""What did we accept?"""
