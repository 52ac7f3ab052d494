"""How terminals come into a hall: paced by the clock, each with an offer, an answer, a handshake and its first packet.

1. Joins begin at their time whether earlier ones are done or not, as a prefecture does not wait for its neighbour; at most
   `MOST_PENDING` are under way.
2. A server that is busy (503, 429) and says when to come back is obeyed, `MOST_ATTEMPTS` times; the time counts.
3. What every terminal would hear (401, 403, 404) ends the whole order, unless somebody got in before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from broadcaster.loadgen.exchange import Exchange, ExchangeError, Refused
from broadcaster.loadgen.hall import Hall
from broadcaster.loadgen.offers import AnswerError
from broadcaster.loadgen.sockets import allow_descriptors
from broadcaster.loadgen.terminal import Terminal

MOST_PENDING: Final = 1000
JOIN_SECONDS: Final = 15.0
MOST_ATTEMPTS: Final = 8
_EXACT: Final = 1e-9  # twenty times 0.05 is one


@dataclass(frozen=True, slots=True)
class Joining:
    """An order to let terminals join. `first` and `step` place them among those of all processes; times are seconds."""

    url: str
    tokens: tuple[str, ...]
    count: int
    first: int
    step: int
    rate: float
    sample: float
    loss: float
    media: bool
    seconds: float = JOIN_SECONDS

    def is_sampled(self, place: int) -> bool:
        """Whether the terminal at `place` is in the sample, which is spread evenly over each process."""
        index = place // self.step
        return int((index + 1) * self.sample + _EXACT) > int(index * self.sample + _EXACT)


class Admission:
    """Lets terminals into a hall."""

    def __init__(self, hall: Hall, exchange: Exchange) -> None:
        self.pending = 0
        self.hopeless = ""
        self._hall = hall
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, order: Joining) -> None:
        """Let terminals come in the background. Raises `TooFewDescriptors`."""
        allow_descriptors(len(self._hall) + order.count)
        self.pending += order.count
        self._spawn(self._admit(order))

    async def close(self) -> None:
        """Turn away who is not in yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def glance(self) -> dict[str, Any]:
        """How the joins are going, at no cost."""
        tally = self._hall.tally
        failed = sum(tally.failures.values())
        return {"pending": self.pending, "hopeless": self.hopeless, "connected": tally.connected, "failed": failed}

    async def _admit(self, order: Joining) -> None:
        begun = time.monotonic()
        places = range(order.first, order.first + order.count * order.step, order.step)
        for index, place in enumerate(places):
            at = begun + (place - order.first + order.first % order.step) / order.rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if len(self._tasks) > MOST_PENDING:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.hopeless:
                self.pending -= order.count - index
                return
            self._spawn(self._arrive(order, place))

    async def _arrive(self, order: Joining, place: int) -> None:
        tally = self._hall.tally
        tally.asked += 1
        terminal = self._hall.terminal(sampled=order.is_sampled(place), loss=order.loss)
        try:
            async with asyncio.timeout(order.seconds):
                reason = await self._join(order, order.tokens[place % len(order.tokens)], terminal)
        except TimeoutError:
            what = "not connected" if terminal.connected_at is None else "connected, but no media"
            reason = f"{what} within {order.seconds:g} s"
        except (ExchangeError, AnswerError, OSError) as error:
            reason = str(error) or type(error).__name__
        finally:
            self.pending -= 1
            self._hall.settle(terminal)
        if reason:
            tally.failures[reason] += 1

    async def _join(self, order: Joining, token: str, terminal: Terminal) -> str:
        tally, asked = self._hall.tally, time.monotonic()
        answer = await self._ask(order.url, token, self._hall.offer(terminal))
        tally.to_answer.add(time.monotonic() - asked)
        connected, media = self._hall.enter(terminal, answer)
        if reason := await connected:
            return reason
        assert terminal.connected_at is not None
        tally.to_connected.add(terminal.connected_at - asked)
        if order.media:
            await media
            assert terminal.media_at is not None
            tally.to_media.add(terminal.media_at - asked)
        return ""

    async def _ask(self, url: str, token: str, offer: str) -> str:
        for _ in range(MOST_ATTEMPTS):
            try:
                return await self._exchange(url, token, offer)
            except Refused as refusal:
                if refusal.hopeless and self._hall.tally.connected == 0:
                    self.hopeless = str(refusal)
                if refusal.retry_after is None:
                    raise
                self._hall.tally.busy += 1
                await asyncio.sleep(refusal.retry_after)
        raise Refused(503, f"still busy after {MOST_ATTEMPTS} attempts")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
