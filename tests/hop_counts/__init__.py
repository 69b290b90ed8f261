"""How often does Django's asynchronous API hop? Measured, and written down for the reference."""
