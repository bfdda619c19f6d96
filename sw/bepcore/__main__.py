"""`python -m bepcore` is `bepcore`."""

import sys

from .cli import main

sys.exit(main())
