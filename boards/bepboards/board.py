"""The boards that bitstreams can be built for: pins from amaranth-boards, and what a person must know to use one."""

import importlib
from dataclasses import dataclass, replace
from functools import cached_property

from amaranth.build import Attrs
from amaranth_boards.resources import UARTResource

from bepsw.errors import BepError
from bepsw.stored import stride_of

from .synth.device import DEVICES

__all__ = ["BOARDS", "LIGHTS", "Board", "find_board"]

LIGHTS = ("alive", "training", "error")
"""What the lights of a board show, where it has as many."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    name : as on the command line. title : as on the box.
    platform : module and class of amaranth-boards, its device, package, pins and their electrical attributes.
    core : preset that it is for. mhz : clock of that core, which the routed design has to reach.
    lights : {one of `LIGHTS`: (resource, number, subsignal or None)}.
    resources : resources that the platform lacks. high : (resource, number, subsignal) of pins to hold at 1.
    uart : how the serial line leaves the board. sdram : memory on the board.
    data_set : the part, as `sdram.Sdram` has it, of the memory that holds the data set; None where samples only come
        over the line. memory_bits : log2 of its 16-bit words.
    loader : arguments of openFPGALoader. packer : arguments of ecppack.
    """

    name: str
    title: str
    platform: str
    core: str
    mhz: float
    lights: dict
    uart: str
    sdram: str
    loader: tuple
    packer: tuple = ("--compress",)
    resources: tuple = ()
    high: tuple = ()
    data_set: str | None = None
    memory_bits: int | None = None

    def new_platform(self):
        """A fresh platform of Amaranth, with nothing requested yet."""
        platform = self._class()
        platform.add_resources(self.resources)
        return platform

    @cached_property
    def _class(self):
        module, name = self.platform.split(":")
        return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)

    @property
    def part(self):
        """Such as LFE5U-85F."""
        return self._class.device

    @property
    def speed(self):
        """Speed grade."""
        return int(self._class.speed)

    @property
    def device(self):
        """The `Device` with this board's package, and nextpnr's name for its kind of part."""
        kind, size = self.part.removeprefix("LFE5").lower().split("-")
        flag = "--" + (f"{kind}-" if kind != "u" else "") + f"{size[:-1]}k"
        package = self._class.package.replace("BG", "CABGA").replace("MG", "CSFBGA")
        return replace(DEVICES[size], flag=flag, package=package)

    def samples(self, inputs=784):
        """How many samples of `inputs` bits its data set holds, None without one."""
        return None if self.data_set is None else 1 << self.memory_bits - stride_of(inputs)

    def without_data_set(self):
        """The same board, its memory left alone: all samples come over the line."""
        return replace(self, data_set=None, memory_bits=None)

    @property
    def oscillator_hz(self):
        """Of the clock pin."""
        return int(self._clock.clock.frequency)

    @property
    def _clock(self):
        platform = self._class
        return next(resource for resource in platform.resources if resource.name == platform.default_clk)

    def as_dict(self):
        """What `bepcore boards` shows, as plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "device": self.part,
            "package": self.device.package,
            "speed": self.speed,
            "oscillator_mhz": self.oscillator_hz / 1e6,
            "core": self.core,
            "clock_mhz": self.mhz,
            "uart": self.uart,
            "sdram": self.sdram,
            "data_set_samples": self.samples(),
            "lights": list(self.lights),
        }


def _rgb(alive, training, error):
    return {"alive": ("rgb_led", *alive), "training": ("rgb_led", *training), "error": ("rgb_led", *error)}


_SDR = {"sdram": "32 MB SDR, 16 bits", "data_set": "MT48LC16M16", "memory_bits": 24}

_ULX3S = {
    "core": "small",
    "lights": {"alive": ("led", 0, None), "training": ("led", 1, None), "error": ("led", 7, None)},
    "uart": "USB connector US1 (FT231X on the board)",
    **_SDR,
    "loader": ("--board", "ulx3s"),
    "high": (("esp32", 0, "gpio0"),),  # low it is a button to the ESP32, which then puts its own design in place
}

BOARDS = {
    board.name: board
    for board in (
        Board(name="ulx3s-25f", title="ULX3S 25F", platform="ulx3s:ULX3S_25F_Platform", mhz=87.5, **_ULX3S),
        Board(
            name="ulx3s-85f",
            title="ULX3S 85F",
            platform="ulx3s:ULX3S_85F_Platform",
            mhz=87.5,
            **{**_ULX3S, "core": "medium"},
        ),
        Board(
            name="orangecrab-85f",
            title="OrangeCrab r0.2 85F",
            platform="orangecrab_r0_2:OrangeCrabR0_2_85FPlatform",
            core="medium",
            mhz=128,
            lights=_rgb((0, "g"), (0, "b"), (0, "r")),
            uart="adapter of 3.3 V: its TX to pin 0 (RX), its RX to pin 1 (TX), and GND",
            sdram="128 or 512 MB DDR3, 16 bits",
            loader=("--board", "orangeCrab"),
            packer=("--compress", "--freq", "38.8"),  # of the flash, from which its boot loader starts the design
            resources=(
                UARTResource(0, rx="0", tx="1", conn=("io", 0), attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
            ),
        ),
        Board(
            name="ecpix5-85f",
            title="ECPIX-5 85F",
            platform="ecpix5:ECPIX585Platform",
            core="medium",
            mhz=150,
            lights=_rgb((0, "g"), (1, "b"), (2, "r")),
            uart="micro USB connector (second port of the FT2232H on the board)",
            sdram="512 MB DDR3, 16 bits",
            loader=("--board", "ecpix5"),
        ),
        Board(
            name="colorlight-5a-75b",
            title="Colorlight 5A-75B V7.0",
            platform="colorlight_5a75b_r7_0:Colorlight_5A75B_R70Platform",
            core="small",
            mhz=100,
            lights={},  # the only one shares its pin with TX
            uart="adapter of 3.3 V at J19: its TX to pin 2 (KEY+), its RX to pin 5 (DATA_LED-), and GND",
            sdram="4 MB SDR, 32 bits",
            loader=("--board", "colorlight", "--cable", "ft232"),
        ),
        Board(
            name="icesugar-pro",
            title="iCESugar-Pro",
            platform="icesugar_pro:ICESugarProPlatform",
            core="small",
            mhz=75,
            lights=_rgb((0, "g"), (0, "b"), (0, "r")),
            uart="USB connector (serial port of the iCELink on the board)",
            loader=("--cable", "cmsisdap", "--vid", "0x1d50", "--pid", "0x602b"),
            **_SDR,
        ),
    )
}


def find_board(name):
    """The `Board` called `name`.

    Raises
    ------
    BepError
        There is none.
    """
    if name not in BOARDS:
        raise BepError(f"There is no board {name!r}; the boards are {', '.join(BOARDS)}.")
    return BOARDS[name]
