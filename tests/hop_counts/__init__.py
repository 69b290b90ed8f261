"""How often does Django's asynchronous API hop? The plugin measures it for the reference."""
