"""What is measured now?"""
