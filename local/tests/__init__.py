"""Tests of what ./dev runs, over the real parts: `./dev test` runs them with the Python of `.local/python`."""
