"""The asyncio side of the sandbox, and the door to the native module."""
