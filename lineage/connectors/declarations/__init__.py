"""What people declare: read from files, and said as records."""
