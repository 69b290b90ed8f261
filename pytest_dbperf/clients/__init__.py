"""What would production do?"""
