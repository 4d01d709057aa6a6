"""`./dev bench`: Hoidap's benchmarks, each compared with peers in the same run (docs/performance.md)."""
