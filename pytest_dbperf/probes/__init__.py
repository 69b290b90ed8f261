"""Where do events come from? Each probe wraps functions of Django, asgiref, a driver or Python."""
