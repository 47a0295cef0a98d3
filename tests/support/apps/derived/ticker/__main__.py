"""Say READY=1 and wait for the end."""

import os
import signal
import socket


def main() -> None:
    """Run until TERM."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1\nSTATUS=ticking", os.environ["NOTIFY_SOCKET"])
    signal.pause()


if __name__ == "__main__":
    main()
