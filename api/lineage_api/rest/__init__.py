"""What is sent and asked over plain HTTP."""
