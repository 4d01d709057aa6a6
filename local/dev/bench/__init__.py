"""`./dev bench`: Hoidap's benchmarks, each beside a peer in the same run (docs/performance.md)."""
