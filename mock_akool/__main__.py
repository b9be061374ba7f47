"""`python -m mock_akool` is `mock-akool`."""

import sys

from mock_akool.cli import main

sys.exit(main())
