"""Several pieces of work take turns: each has a thread, and one thread runs at a time.

A piece of work runs until it asks for something or ends, then the next one does. When all that are
left have asked, they are answered together. So work that was written to run alone, such as a
training, can wait for others in the middle of it, and nothing depends on how threads are scheduled.
"""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

# Answers some or all of those that have asked; who is left out goes on waiting.
Answer = Callable[[Mapping[int, Any]], Mapping[int, Any]]


class Dismissed(BaseException):
    """Raised in work that is to end at once: the process was interrupted."""


class Worker:
    """One of the pieces of work, as the others and itself see it.

    Attributes:
        request: What it has asked for, while it waits.
        ended: Whether it is done, or has failed.
        error: What it failed with.
    """

    def __init__(self, work: Callable[["Worker"], object]) -> None:
        self.request: Any = None
        self.ended = False
        self.error: Exception | None = None
        self._work = work
        self._answer: Any = None
        self._dismissed = False
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)

    def ask(self, request: Any) -> Any:
        """Wait for an answer; called by the work itself.

        Raises:
            Exception: What was given in place of an answer.
        """
        self.request = request
        self._stopped.release()
        self._go.acquire()
        self.check()
        answer, self._answer = self._answer, None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def check(self) -> None:
        """Raise `Dismissed` if the work is to end."""
        if self._dismissed:
            raise Dismissed

    def take_turn(self, answer: Any = None) -> None:
        """Let the work run until it asks or ends; called by whoever hands out the turns."""
        self.request, self._answer = None, answer
        if not self._thread.ident:
            self._thread.start()
        self._go.release()
        self._stopped.acquire()

    def dismiss(self) -> None:
        """Let the work end at once."""
        self._dismissed = True
        while self._thread.is_alive() and not self.ended:
            self._go.release()
            self._stopped.acquire()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._work(self)
        except Exception as error:
            self.error = error
        except Dismissed:
            pass
        finally:
            self.ended = True
            self._stopped.release()


def take_turns(
    work: Sequence[Callable[[Worker], object]],
    answer: Answer,
    around: Callable[[int], AbstractContextManager[object]],
) -> Iterator[tuple[int, Exception | None]]:
    """Do all work in turns; yield the number of each that ends, and what it failed with.

    Args:
        work: Each is handed its `Worker`, to ask by.
        answer: Called when all that are left have asked, with requests by number; an exception in
            place of an answer is raised where it was asked. What it raises itself all get.
        around: Entered for each turn of a number; the first that asked has its turn while all are
            answered. For what belongs to one work and is held by the process, such as random
            states.
    """
    workers = [Worker(piece) for piece in work]
    ready: deque[tuple[int, Any]] = deque((number, None) for number in range(len(workers)))
    asking: dict[int, Any] = {}
    try:
        while ready or asking:
            if not ready:
                found: Mapping[int, Any]
                try:
                    with around(min(asking)):
                        found = answer(asking)
                except Exception as error:
                    found = dict.fromkeys(asking, error)
                ready.extend(sorted(found.items()))
                asking = {n: request for n, request in asking.items() if n not in found}
                continue
            number, answered = ready.popleft()
            worker = workers[number]
            with around(number):
                worker.take_turn(answered)
            if worker.ended:
                failed, worker.error = worker.error, None  # its calls hold whole models
                yield number, failed
            else:
                asking[number] = worker.request
    finally:
        for number, worker in enumerate(workers):
            if not worker.ended:
                with around(number):
                    worker.dismiss()
