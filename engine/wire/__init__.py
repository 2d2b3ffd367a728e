"""What goes over a socket: messages, frames, plain data, addresses."""
