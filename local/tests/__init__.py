"""Tests of ./dev and of what it runs, with the real parts: `./dev test` runs them with the Python of `.local/python`."""
