"""Tools of this repository: generators of docs and golden bodies."""
