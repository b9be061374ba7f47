"""The benchmark suite: ``python -m benchmarks`` measures ratios against baselines in the same run."""
