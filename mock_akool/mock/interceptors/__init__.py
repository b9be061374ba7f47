"""How `requests`, `httpx` and `aiohttp` are answered in this process."""
