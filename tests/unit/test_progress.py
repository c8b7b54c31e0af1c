"""Progress of a call on its way to the line of its resource."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from components.engine.progress import report, reported_to
from components.provider import progress as shown
from components.provider.progress import Progress


def sent(*texts: str, until: int) -> list[str]:
    """Report `texts` at once from a thread, end when `until` of them have been sent, and return all sent."""

    async def run() -> list[str]:
        found: list[str] = []
        enough = asyncio.Event()

        async def send(text: str) -> None:
            found.append(text)
            if len(found) >= until:
                enough.set()

        progress = Progress(send)

        def work() -> None:
            with reported_to(progress.take):
                for text in texts:
                    report(text)

        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, work)
        await enough.wait()
        await progress.end()
        return found

    return asyncio.run(run())


def test_the_first_text_is_sent_at_once_and_the_last_one_at_the_end() -> None:
    """A call that ends within the second leaves the line with how it ended, not with how it began."""
    assert sent("0 of 2", "1 of 2", "2 of 2", until=1) == ["0 of 2", "2 of 2"]


def test_a_single_text_is_sent_once() -> None:
    assert sent("0 of 2", until=1) == ["0 of 2"]


def test_of_texts_within_a_second_the_last_one_is_sent_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "EVERY", 0.01)

    assert sent("0 of 2", "1 of 2", "2 of 2", until=2) == ["0 of 2", "2 of 2"]


def test_nobody_needs_to_listen() -> None:
    report("0 of 2")
