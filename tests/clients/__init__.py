"""Two small clients of Akool's image API: one as many people write it, and one that is ready for what goes wrong."""
