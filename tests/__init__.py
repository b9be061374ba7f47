"""The tests. Each folder has the name of the package whose behaviour it tries; some are of no package:

- `contract`: what the emulated API does, by the sections of the contract and through every transport. It is not below
  `akool`, because what a client sees is made by all layers together, and whoever reads a section looks for its test.
  The module of a family names its section in its first line. Sections 1 to 10 have a file each, such as
  `test_section4`; those from 12 on have the file of their family or of what several share, and stand in the names of
  their tests: `test_s16_what_they_cost`. `test_families` asks of every family what all have in common.
- `scenarios`: what becomes of jobs and requests, by `akool.scenarios` and `scenario_library` together.
- `dashboard`: the page of `admin.dashboard` in a real browser; what the admin API does for it is in `admin`.
- `docs`, `packaging`, `tools`: the pages and their blocks, what is built and installed, the generators and checks.
- `typing`: what the type checkers of users see of the package.
- `soak`: what is left behind, after very many runs of everything.
- `clients`: small clients that others play.

Where several packages make a thing, its tests are in the folder with its name:

- `recording`: a recording from its making to its replay, also by `server.recorder`, `server.replayer` and
  `mock.from_recording`.
- `webhooks`: webhooks on their way, also by `core.webhook_faults`. How a test sees them is in `mock`.
"""
