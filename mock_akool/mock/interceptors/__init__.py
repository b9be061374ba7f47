"""How `requests`, `httpx` and `aiohttp` are answered in this process, and why nothing else reaches Akool."""
