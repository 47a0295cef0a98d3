"""What our small servers have in common: they serve in a thread while a `with` block runs."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class Receiver:
    """Serves with `server`, which a subclass makes."""

    server: socketserver.BaseServer

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.release()
        self.server.shutdown()
        self.server.server_close()

    def release(self) -> None:
        """Let go whom the server keeps waiting: nobody, if a subclass says no other."""
