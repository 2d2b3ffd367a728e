"""The daemon: one engine behind a Unix socket and HTTP, with scorers that its caller brings."""
