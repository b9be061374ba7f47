"""The tests. Each folder has the name of the package whose behaviour it tries; some are of no package:

- `contract`: what the emulated API does, by the sections of the contract and through every transport. It is not below
  `akool`, because what a client sees is made by all layers together, and whoever reads a section looks for its test.
- `scenarios`: what becomes of jobs and requests, by `akool.scenarios` and `scenario_library` together.
- `docs`, `packaging`, `tools`: the pages and their blocks, what is built and installed, the generators and checks.
- `soak`: what is left behind, after very many runs of everything.
- `clients`: small clients that others play.
"""
