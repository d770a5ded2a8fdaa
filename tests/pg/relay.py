"""A TCP relay in front of a server: it can hold back what goes one way, be cut, and delay. Needs no rights.

All relays of a process share one thread. "up" is from client to server, "down" from server to client.
"""
import collections
import contextlib
import pathlib
import selectors
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "lib"))
from ports import free_port  # noqa: E402

UP, DOWN = "up", "down"
HELD_BYTES_MAX = 1 << 20  # of one direction of one connection; more stays with its sender, as in a network
CHUNK = 1 << 16


class _Pipe:
    """One direction of one connection."""

    def __init__(self, way, source, sink):
        self.way, self.source, self.sink = way, source, sink
        self.held = collections.deque()  # (when due, bytes); b"" is the end, None a reset
        self.bytes = 0
        self.read_all = False
        self.ended = False


class _Link:
    def __init__(self, client, server):
        self.sockets = (client, server)
        self.pipes = (_Pipe(UP, client, server), _Pipe(DOWN, server, client))


class _Board:
    """The thread and its selector. Only the thread touches connections: others leave it a call and wait for that."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.calls = collections.deque()
        self.woken, self.waker = socket.socketpair()
        self.woken.setblocking(False)
        self.selector.register(self.woken, selectors.EVENT_READ, None)
        self.relays = []
        threading.Thread(target=self._run, name="relays", daemon=True).start()

    def ask(self, function):
        """Has the thread call function() and returns what that returns."""
        if threading.current_thread().name == "relays":
            return function()
        done, answer = threading.Event(), []

        def call():
            try:
                answer.append((function(), None))
            except Exception as error:  # pylint: disable=broad-except
                answer.append((None, error))
            done.set()
        self.calls.append(call)
        self.waker.send(b"x")
        done.wait()
        value, error = answer[0]
        if error:
            raise error
        return value

    def _run(self):
        looked = time.monotonic()
        while True:
            # What was due when we last looked, and is still held, waits for its reader and not for a time.
            due = min((pipe.held[0][0] for relay in self.relays for link in relay.links for pipe in link.pipes
                       if pipe.held and pipe.way not in relay.stalled and pipe.held[0][0] > looked), default=None)
            rest = None if due is None else max(0.0, due - time.monotonic())
            for key, events in self.selector.select(rest):
                if key.data is not None:
                    key.data(events)
            self._be_woken()  # behind the events: it closes what they are about
            looked = time.monotonic()
            for relay in self.relays:
                relay.step(looked)

    def _be_woken(self):
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)
        while self.calls:
            self.calls.popleft()()


_board = None
_board_lock = threading.Lock()


def _the_board():
    global _board
    with _board_lock:
        if _board is None:
            _board = _Board()
        return _board


class Relay:
    """Listens on self.port of 127.0.0.1 and passes everything on to that port there."""

    def __init__(self, target_port):
        self.target_port, self.port = target_port, free_port()
        self.links, self.stalled, self.delay_s = [], set(), 0.0
        self.listener = None
        self.board = _the_board()
        self.board.ask(lambda: self.board.relays.append(self))
        self.accept()

    # -- what a test may do; each has happened when it returns

    def stall(self, *ways):
        """Nothing passes these ways (none named: neither way); connections stay, and new ones are taken and stall as well."""
        self.board.ask(lambda: self.stalled.update(ways or (UP, DOWN)))

    def flow(self, *ways):
        """What was held passes again, in its order."""
        self.board.ask(lambda: self.stalled.difference_update(ways or (UP, DOWN)))

    def delay(self, ms):
        """What is read from now on passes so much later, each way."""
        def change():
            self.delay_s = ms / 1000
        self.board.ask(change)

    def cut(self):
        """Resets all connections; what was held is lost. New ones are taken."""
        self.board.ask(lambda: [self._reset(link) for link in list(self.links)])

    def refuse(self):
        """New connections are refused; those that exist stay."""
        self.board.ask(self._close_listener)

    def accept(self):
        self.board.ask(self._open_listener)

    def connections(self):
        return self.board.ask(lambda: len(self.links))

    def held(self, way):
        """Bytes that go this way and have not got further."""
        return self.board.ask(lambda: sum(pipe.bytes for link in self.links for pipe in link.pipes if pipe.way == way))

    def close(self):
        def change():
            self._close_listener()
            for link in list(self.links):
                self._reset(link)
            self.board.relays.remove(self)
        self.board.ask(change)

    # -- the thread's

    def _open_listener(self):
        if self.listener is None:
            self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
            self.listener.setblocking(False)
            self.board.selector.register(self.listener, selectors.EVENT_READ, self._on_accept)

    def _close_listener(self):
        if self.listener is not None:
            self.board.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None

    def _on_accept(self, _events):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))  # on this machine: at once, or refused
        except OSError:
            _close_hard(client)
            return
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.links.append(_Link(client, server))

    def step(self, now):
        for link in list(self.links):
            try:
                for pipe in link.pipes:
                    self._move(pipe, now)
                self._listen_to(link, now)
                if all(pipe.ended for pipe in link.pipes):
                    self._forget(link)
            except OSError:
                self._reset(link)

    def _move(self, pipe, now):
        while pipe.held and pipe.held[0][0] <= now and pipe.way not in self.stalled:
            due, data = pipe.held[0]
            if data is None:
                raise ConnectionResetError
            if data == b"":
                pipe.sink.shutdown(socket.SHUT_WR)
                pipe.ended = True
                pipe.held.popleft()
                return
            try:
                count = pipe.sink.send(data)
            except BlockingIOError:
                return
            pipe.bytes -= count
            if count == len(data):
                pipe.held.popleft()
            else:
                pipe.held[0] = (due, data[count:])

    def _listen_to(self, link, now):
        for pipe, back in (link.pipes, link.pipes[::-1]):
            events = 0
            if not pipe.read_all and pipe.bytes < HELD_BYTES_MAX:
                events |= selectors.EVENT_READ
            # The same socket is the other direction's sink.
            if back.held and back.way not in self.stalled and back.held[0][0] <= now:
                events |= selectors.EVENT_WRITE
            self._register(pipe, events)

    def _register(self, pipe, events):
        known = self.board.selector.get_map().get(pipe.source)
        if known is None:
            if events:
                self.board.selector.register(pipe.source, events, lambda seen: self._on_socket(pipe, seen))
        elif not events:
            self.board.selector.unregister(pipe.source)
        elif known.events != events:
            self.board.selector.modify(pipe.source, events, known.data)

    def _on_socket(self, pipe, events):
        if not events & selectors.EVENT_READ or pipe.read_all:
            return
        try:
            data = pipe.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = None
        pipe.read_all = not data
        pipe.bytes += len(data or b"")
        pipe.held.append((time.monotonic() + self.delay_s, data))

    def _reset(self, link):
        for end in link.sockets:
            self._unregister(end)
            _close_hard(end)
        self.links.remove(link)

    def _forget(self, link):
        for end in link.sockets:
            self._unregister(end)
            end.close()
        self.links.remove(link)

    def _unregister(self, end):
        with contextlib.suppress(KeyError, ValueError):
            self.board.selector.unregister(end)


def _close_hard(end):
    """RST, not FIN."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
