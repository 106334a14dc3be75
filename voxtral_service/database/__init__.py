"""What is kept when the process ends: tables, their migrations, connections."""
