"""What SandboxFusion and ScaleBox answer beside a run: submissions judged, data sets and their prompts."""
