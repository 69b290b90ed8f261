"""Which functions of Django, asgiref, drivers and Python are wrapped to record events?"""
