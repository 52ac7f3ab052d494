"""The child process of a crowd: `python -m broadcaster.loadgen.worker OPENER`, a hall that obeys."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

from broadcaster.loadgen.exchange import find_opener
from broadcaster.loadgen.hall import Hall
from broadcaster.loadgen.joining import Admission, Joining
from broadcaster.loadgen.orders import serve


async def main(opener: str) -> None:
    """Obey until the input ends, then say goodbye."""
    async with find_opener(opener)() as exchange:
        hall = Hall()
        admission = Admission(hall, exchange)
        hall.start()

        async def obey(order: dict[str, Any]) -> dict[str, Any]:
            if order["do"] == "join":
                admission.join(Joining(**{**order["joining"], "tokens": tuple(order["joining"]["tokens"])}))
                return {}
            return hall.look() if order["do"] == "look" else admission.glance()

        try:
            await serve(obey)
        finally:
            await admission.close()
            hall.close()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # a thousand terminals are many objects, and none of them a cycle that matters
    asyncio.run(main(sys.argv[1]))
