"""Watch one run for draws on entropy that nobody controls, and for directory listings.

Nothing is patched outside of a watch. While one is on, every draw costs a walk up the stack and no
more: no audit hook, no profiler, and the clock is never touched.
"""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_repro.entropy.frames import Tracer
from pytest_repro.entropy.names import call_text
from pytest_repro.entropy.probes import Installation
from pytest_repro.entropy.sorting import is_sorted
from pytest_repro.entropy.usercode import UserCode
from pytest_repro.model import Location
from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType, FrameType

    from pytest_repro.entropy.frames import Trace
    from pytest_repro.entropy.probes import Probe
    from pytest_repro.model import EntropyDraw

__all__ = ["UNKNOWN_LINE", "Taps", "Watch"]

#: where a draw is said to be that no line of the user's code is known for
UNKNOWN_LINE: Final = Location("<unknown>", 0)

#: a place in the code: code object and instruction
_Spot: TypeAlias = "tuple[CodeType, int] | None"
_Key: TypeAlias = "tuple[str, _Spot, CodeType | None]"


@dataclass(frozen=True, slots=True)
class _Site:
    """What is known of one line that draws, found out at its first draw."""

    order: int
    source: str
    call: str
    location: Location


class Watch:
    """What the taps saw between entry and exit of `Taps.watching`."""

    def __init__(self, user: UserCode, tracer: Tracer) -> None:
        self._user = user
        self._tracer = tracer
        self._installation = Installation(self, user.loaded)
        self._order = itertools.count()
        #: None: a listing that is sorted at once
        self._sites: dict[_Key, _Site | None] = {}
        #: one dictionary per thread, so that counting needs no lock
        self._counts: dict[int, dict[_Key, int]] = {}
        self._busy: set[int] = set()

    def draws(self) -> tuple[EntropyDraw, ...]:
        """Every line that drew, by first occurrence; the same call on the same line counts up."""
        totals: dict[tuple[str, Location], tuple[int, _Site, int]] = {}
        for key, count in self._totals().items():
            site = self._sites.get(key)
            if site is not None:
                order, first, before = totals.get((site.call, site.location), (site.order, site, 0))
                totals[site.call, site.location] = (min(order, site.order), first, before + count)
        if not totals:
            return ()
        from pytest_repro.model import EntropyDraw

        ordered = sorted(totals.values(), key=lambda entry: (entry[0], entry[1].location.file, entry[1].location.line))
        return tuple(EntropyDraw(site.source, site.call, site.location, count) for _, site, count in ordered)

    def saw(self, probe: Probe, frame: FrameType) -> None:
        """Take note of a draw. Never raises: the user's code is running."""
        thread = threading.get_ident()
        if thread in self._busy:
            return  # a draw made by looking at a draw
        self._busy.add(thread)
        try:
            self._note(probe, frame, thread)
            self._installation.catch_up()
        except Exception:  # noqa: BLE001, S110 - a draw that cannot be understood must not fail the user's test
            pass
        finally:
            self._busy.discard(thread)

    def restart(self) -> None:
        """Forget what was seen: the taps stay in for the next run."""
        self._order = itertools.count()
        self._sites = {}
        self._counts = {}

    def begin(self) -> None:
        """Put the taps in."""
        self._installation.begin(self._user.modules())

    def end(self) -> None:
        """Take the taps out."""
        self._installation.end()

    def _note(self, probe: Probe, frame: FrameType, thread: int) -> None:
        trace = self._tracer.trace(frame)
        if trace is None:
            return
        outer = trace.library[-1].f_code if trace.library else None
        frame_of = trace.user or trace.requester
        key: _Key = (probe.name, (frame_of.f_code, frame_of.f_lasti) if frame_of is not None else None, outer)
        if key not in self._sites:
            self._sites[key] = self._site(probe, trace)
        counts = self._counts.setdefault(thread, {})
        counts[key] = counts.get(key, 0) + 1

    def _site(self, probe: Probe, trace: Trace) -> _Site | None:
        order, user = next(self._order), trace.user
        if probe.source == "listing" and user is not None and is_sorted(user):
            return None
        source = "uuid" if trace.through_uuid else probe.source
        location = UNKNOWN_LINE if user is None else self._user.location(user.f_code.co_filename, user.f_lineno)
        return _Site(order, source, call_text(trace, probe.name), location)

    def _totals(self) -> dict[_Key, int]:
        totals: dict[_Key, int] = {}
        for counts in list(self._counts.values()):
            for key, count in list(counts.items()):
                totals[key] = totals.get(key, 0) + count
        return totals


class Taps:
    """Makes watches for the tests below one root."""

    def __init__(self, *, root: Path) -> None:
        self._user = UserCode(root)
        self._tracer = Tracer(self._user)  # what it learns of a line holds for all watches

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """See draws until the block ends; everything is as before on every way out of it."""
        watch = Watch(self._user, self._tracer)
        try:
            watch.begin()
            yield watch
        finally:
            watch.end()
