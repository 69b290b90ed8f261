"""What would production do? Clients that serve requests as servers do, imported when a test asks for one."""
