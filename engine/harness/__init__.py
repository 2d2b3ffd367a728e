"""How a test becomes a job's input, and what its channel said an answer."""
