"""The driver's cluster side: the scheduler's shell. Streams to workers, the registry, jobs, results, metrics."""
