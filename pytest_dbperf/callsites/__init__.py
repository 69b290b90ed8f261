"""Whose line was it?"""
