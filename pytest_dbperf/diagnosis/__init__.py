"""What does it mean? Advice that the numbers of the test prove, or none."""
