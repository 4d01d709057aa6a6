"""`./dev containers`: tests the image and compose.yaml with the available container engine."""
