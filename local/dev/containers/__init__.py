"""`./dev containers`: proves the image and compose.yaml, on the engine that is there."""
