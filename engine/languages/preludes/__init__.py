"""Read as text and run inside the sandbox, as `sitecustomize`, before a Python program begins."""
