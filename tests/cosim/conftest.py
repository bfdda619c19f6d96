"""Options of the co-simulations: which simulators, and whether they record waves.

They are known when this folder is on the command line: `pytest tests/cosim --sim icarus --waves`.
"""

from pathlib import Path

import pytest

from bepsim.toolbox import SIMULATORS


def pytest_addoption(parser):
    parser.addoption("--sim", choices=SIMULATORS, help="run co-simulations on this simulator only")
    parser.addoption("--waves", action="store_true", help="leave the waves of each co-simulation in build/waves")


def pytest_generate_tests(metafunc):
    if "simulator" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--sim", default=None)
        metafunc.parametrize("simulator", [chosen] if chosen else list(SIMULATORS), scope="session")


@pytest.fixture
def waves(request):
    """Where this test leaves its waves, or None."""
    if not request.config.getoption("--waves", default=False):
        return None
    name = "".join(c if c.isalnum() else "_" for c in request.node.name)
    return Path("build", "waves", name)
