"""The clients of a daemon; they need neither the engine nor the native module."""
