"""A fake on a server elsewhere: how this process scripts it, looks into it and sends requests to it."""
