"""`@pytest.mark.thin(n)`: of the cases of a test every n-th runs by default, the others are slow.

With n prime to the numbers of values of its parameters, the sample meets them all or nearly so.
"""

from collections import Counter

import pytest


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items):
    seen = Counter()
    for item in items:
        if thin := item.get_closest_marker("thin"):
            test = item.location[0], item.originalname
            if seen[test] % thin.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[test] += 1
