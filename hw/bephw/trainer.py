"""The trainer core: samples in, results out, a register bus, and between them the stages of the machine.

    samples ─► Loader ─► Forward ─► Backward ─► Update ─► (retired)
                            │  ▲        ▲          │
                    results ◄  └─ W plane (1 bit) ─┘◄── signs
                                     H bank (B-bit counters) ⇄ Update

W and H are separate memories. Inside a mini-batch W stands still, so Forward works on later samples while Backward
and Update still work on earlier ones. Updates and the sweep write the next batch's W into a second bank: between two
batches the line only runs empty, and the sweep runs beside the next batch.
"""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import connect, flipped

from bepsw.registers import WINDOWS

from .backward import Backward
from .delay import delay
from .forward import Forward
from .hidden_bank import HiddenBank
from .loader import Loader
from .queue import Queue
from .register_file import RegisterFile
from .types import step_layout, token_layout, trainer_ports, update_layout
from .update import Update
from .weight_plane import WeightPlane
from .window import Window

__all__ = ["Trainer"]

_QUIET = 16  # cycles after the last activity until every counter has settled


class Trainer(wiring.Component):
    """Trainer core for every network that fits `core`.

    Parameters
    ----------
    core : bepsw.core.Core

    Members
    -------
    samples : In, header and segments of every sample
    results : Out, prediction, trigger flag and margin of every sample, in order
    bus : In, registers of bepsw.registers
    idle : Out, nothing is in flight and the counters have settled
    """

    def __init__(self, core):
        self.core = core
        super().__init__(trainer_ports(core))

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.registers = registers = RegisterFile(core)
        m.submodules.window = window = Window(core)
        m.submodules.weight_plane = plane = WeightPlane(core)
        m.submodules.hidden_bank = bank = HiddenBank(core)

        def reset(name, component):
            """Add a stage under a copy of the reset, which is long enough to come a cycle late."""
            copy = Signal(name=f"reset_{name}", attrs={"keep": 1}, reset_less=True)
            m.d.sync += copy.eq(registers.reset)
            m.submodules[name] = ResetInserter(copy)(component)
            return component

        loader, forward, backward, update = Loader(core), Forward(core), Backward(core), Update(core)
        reset("loader", loader)
        reset("forward", forward)
        reset("backward", backward)
        reset("update", update)

        connect(m, flipped(self.bus), registers.bus)
        connect(m, flipped(self.samples), loader.i)
        connect(m, forward.results, flipped(self.results))
        connect(m, forward.judged, backward.judged)
        updates = reset("updates", Queue(update_layout(core), depth=core.contexts))
        connect(m, backward.updates, updates.i)
        connect(m, updates.o, update.updates)
        queue = reset("tokens", Queue(token_layout(core), depth=core.fronts))
        connect(m, loader.o, queue.i)
        connect(m, queue.o, forward.tokens)
        self._settings(m, loader, forward, backward, update, registers)
        self._weights(m, plane, forward, backward, update, window)
        self._hidden(m, bank, update, window)
        self._activations(m, loader, forward, backward, update)
        self._tables(m, loader, forward, backward, update, registers, window)
        self._status(m, loader, forward, update, registers, window)
        return m

    def _settings(self, m, loader, forward, backward, update, registers):
        """Settings and retirement to those who need them."""
        m.d.comb += [
            loader.run.eq(registers.run),
            loader.classes.eq(registers.class_count),
            loader.retired.eq(update.retired),
            loader.handed.eq(backward.updates.valid),
            forward.train.eq(registers.train),
            forward.online.eq(registers.online),
            forward.batch.eq(registers.batch),
            forward.margin.eq(registers.margin),
            forward.set_pending.eq(registers.set_pending),
            forward.new_pending.eq(registers.value),
            forward.retired.eq(update.retired),
            registers.pending.eq(forward.pending),
        ]

    def _weights(self, m, plane, forward, backward, update, window):
        """The W plane: read by forward passes and walks, written by the update stage or the host."""
        engine = update.engine
        host = window.commit[WINDOWS.index("weights")]
        m.d.comb += [
            plane.read_address.eq(Mux(backward.walking, backward.walk_address, forward.read_address)),
            forward.weights.eq(plane.read_data),
            backward.weights.eq(plane.read_data),
            forward.hold.eq(backward.hold),
            backward.forward_streaming.eq(forward.streaming),
            plane.write_enable.eq(engine.weight_enable | host),
            plane.write_address.eq(Mux(host, window.row[6:], engine.weight_address)),
            plane.write_other.eq(Mux(host, window.row[6 + len(plane.write_address)], engine.weight_other)),
            plane.swap.eq(update.swap),
            plane.write_position.eq(Mux(host, window.row[:6], engine.weight_position)),
            plane.write_data.eq(Mux(host, window.written("weights"), engine.weight_data)),
            backward.peek.eq(window.peek),
            backward.peek_address.eq(window.row >> 6),
            backward.peek_position.eq(window.row[:6]),
            window.weights_row.eq(backward.peek_data),
            window.peeked.eq(backward.peek_done),
        ]

    def _hidden(self, m, bank, update, window):
        """The H bank and the generator: the update stage's, or the host's while idle."""
        engine = update.engine
        host = window.commit[WINDOWS.index("hidden")]
        m.d.comb += [
            bank.read_address.eq(Mux(window.fetching, window.row, engine.read_address)),
            engine.read_data.eq(bank.read_data),
            window.hidden_row.eq(bank.read_data),
            bank.write_enable.eq(engine.write_enable | host),
            bank.write_address.eq(Mux(host, window.row, engine.write_address)),
            bank.write_data.eq(Mux(host, window.written("hidden"), engine.write_data)),
            window.generator_row.eq(engine.random_state),
            engine.random_turn.eq(window.turn),
            engine.random_replace.eq(window.replace),
            engine.random_new.eq(window.written("generator")),
        ]

    def _activations(self, m, loader, forward, backward, update):
        """Inputs and hidden activations of the samples in flight, and the z memory's writes."""
        core, engine = self.core, update.engine
        stores = []
        for name, enable, context, segment, word in (
            ("input_store", loader.store_enable, loader.fill_context, loader.store_segment, loader.fill_data),
            (
                "hidden_store",
                forward.hidden_enable,
                forward.hidden_context,
                forward.hidden_segment,
                forward.hidden_data,
            ),
        ):
            depth = core.contexts << (core.store_segments - 1).bit_length()
            memory = Memory(shape=core.lanes, depth=depth, init=[], attrs={"ram_style": "block"})
            m.submodules[name] = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.en.eq(enable),
                write.addr.eq(Cat(segment, context)),
                write.data.eq(word),
                read.addr.eq(Cat(engine.store_segment, update.context)),
                read.en.eq(1),
            ]
            stores.append(delay(m, read.data, 1, name=f"{name}_output"))
            if core.rules and name == "input_store":
                copy = memory.read_port()
                m.d.comb += [
                    copy.addr.eq(Cat(forward.copy_segment, forward.copy_context)),
                    copy.en.eq(1),
                    forward.copy_data.eq(delay(m, copy.data, 1, name="copy_output")),
                ]
        from_input = Signal()
        chosen = Signal()
        m.d.sync += [from_input.eq(engine.from_input), chosen.eq(from_input)]
        m.d.comb += [
            engine.activations.eq(Mux(chosen, *stores)),
            engine.online.eq(forward.online),
            update.online.eq(forward.online),
            [
                getattr(forward, name).eq(getattr(loader, name))
                for name in ("fill_enable", "fill_mask", "fill_context", "fill_word", "fill_data")
            ],
            backward.z_enable.eq(forward.z_enable),
            backward.z_context.eq(forward.z_context),
            backward.z_beat.eq(forward.z_beat),
            backward.z_data.eq(forward.z_data),
            backward.winners_bank.eq(update.winners_bank),
            backward.winners_index.eq(update.winners_index),
            update.winners.eq(backward.winners),
            backward.bank_done.eq(update.bank_done),
        ]
        if core.rules:
            m.d.comb += [backward.history_index.eq(engine.history_index), engine.history.eq(backward.history)]

    def _tables(self, m, loader, forward, backward, update, registers, window):
        """Step tables and prototypes, written through the window."""
        m.d.comb += [
            [
                getattr(window, name).eq(getattr(registers, name))
                for name in ("set_select", "set_row", "push", "pull", "value")
            ],
            [getattr(registers, name).eq(getattr(window, name)) for name in ("select", "row", "piece")],
            registers.window_busy.eq(window.busy),
            backward.prototype_enable.eq(window.commit[WINDOWS.index("prototypes")]),
            backward.prototype_address.eq(window.row),
            backward.prototype_data.eq(window.written("prototypes")),
        ]
        for name, stage in (("forward", forward), ("backward", backward), ("hidden", update)):
            m.d.comb += [
                stage.table_enable.eq(window.commit[WINDOWS.index(f"{name}_table")]),
                stage.table_address.eq(window.row),
                stage.table_row.eq(window.written(f"{name}_table")),
            ]
        layout = Signal(step_layout(self.core, "input"))
        with m.If(window.commit[WINDOWS.index("input_table")]):
            m.d.sync += layout.eq(window.written("input_table"))
        m.d.comb += loader.row.eq(layout)

    def _status(self, m, loader, forward, update, registers, window):
        """Idle, errors and the counters."""
        quiet = Signal(range(_QUIET + 1), init=_QUIET)
        active = Signal()
        taken = Signal()
        m.d.comb += [
            active.eq(~loader.idle | update.sweeping),
            registers.idle.eq(self.idle),
            window.idle.eq(self.idle),
            registers.errors.eq(Cat(loader.bad_frame, loader.bad_label, window.refused)),
            registers.count_cycles.eq(active),
            taken.eq(forward.results.valid & forward.results.ready & registers.train),
            registers.count_samples.eq(taken),
            registers.count_triggered.eq(taken & forward.results.payload.triggered),
            registers.count_updates.eq(update.engine.updated),
            registers.count_saturations.eq(update.engine.saturated),
            registers.count_sweeps.eq(update.swept),
            registers.count_stalled_in.eq(active & forward.starved),
            registers.count_stalled_out.eq(active & forward.blocked),
        ]
        m.d.sync += self.idle.eq(~active & (quiet == _QUIET) & ~registers.reset)
        with m.If(active):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet != _QUIET):
            m.d.sync += quiet.eq(quiet + 1)
