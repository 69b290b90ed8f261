"""Which markers would hold?"""
