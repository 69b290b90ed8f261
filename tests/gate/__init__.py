"""Can a grown suite switch the gate on? The example does, and a generated one of up to 5,000 tests."""
