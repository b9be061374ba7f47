"""What draws result files, and keeps them."""
