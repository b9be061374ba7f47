"""Two families that share their readers, prices and files: videos of images, and of texts (contract section 15)."""
