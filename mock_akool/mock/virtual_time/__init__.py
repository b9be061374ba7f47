"""Virtual time: what the code under test waits for moves the clock of a fake, and takes no real time."""
