"""A connection by libpq, for tests that speak to a database as sessiond does: statements with parameters, on connections that stay.

No Python driver is asked for: what is used of the library stands here.
"""
import ctypes

_pq = ctypes.CDLL("libpq.so.5")
_pq.PQconnectdb.restype = _pq.PQexecParams.restype = ctypes.c_void_p
_pq.PQerrorMessage.restype = _pq.PQresultErrorMessage.restype = _pq.PQresultErrorField.restype = ctypes.c_char_p
_pq.PQgetvalue.restype = _pq.PQcmdTuples.restype = ctypes.c_char_p
for _name in ("PQstatus", "PQfinish", "PQerrorMessage", "PQclear", "PQresultStatus", "PQresultErrorMessage", "PQntuples", "PQnfields"):
    getattr(_pq, _name).argtypes = [ctypes.c_void_p]
_pq.PQprepare.restype = _pq.PQexecPrepared.restype = ctypes.c_void_p
_pq.PQprepare.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
_pq.PQexecPrepared.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
_pq.PQcmdTuples.argtypes = [ctypes.c_void_p]
_pq.PQgetvalue.argtypes = _pq.PQgetisnull.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
_pq.PQresultErrorField.argtypes = [ctypes.c_void_p, ctypes.c_int]
_pq.PQexecParams.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                             ctypes.c_int]
_RECEIVER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_pq.PQsetNoticeReceiver.argtypes = [ctypes.c_void_p, _RECEIVER, ctypes.c_void_p]
_pq.PQsetNoticeReceiver.restype = ctypes.c_void_p
OK, COMMAND_OK, TUPLES_OK, FATAL, SEVERITY = 0, 1, 2, 7, ord("V")


def _values(parameters):
    return (ctypes.c_char_p * len(parameters))(*[None if value is None else str(value).encode() for value in parameters])


class Lost(Exception):
    """The connection is gone, or a commit came with a warning: nobody knows what became of the statement."""


class Refused(Exception):
    """The server's words."""


class Connection:
    """For one thread. Parameters are text or None; a value is text, or None."""

    def __init__(self, conninfo):
        self.conn = _pq.PQconnectdb(conninfo.encode())
        self.warned = False
        if _pq.PQstatus(self.conn) != OK:
            error = _pq.PQerrorMessage(self.conn).decode()
            self.close()
            raise Lost(error)
        self.receiver = _RECEIVER(self._notice)
        _pq.PQsetNoticeReceiver(self.conn, self.receiver, None)

    def _notice(self, _, result):
        self.warned = self.warned or _pq.PQresultErrorField(result, SEVERITY) == b"WARNING"

    def ask(self, text, *parameters):
        """Rows of a query, or how many rows a command has changed."""
        return self._take(lambda: _pq.PQexecParams(self.conn, text.encode(), len(parameters), None, _values(parameters), None, None, 0))

    def prepare(self, name, text):
        self._take(lambda: _pq.PQprepare(self.conn, name.encode(), text.encode(), 0, None))

    def execute(self, name, *parameters):
        """A statement that was prepared."""
        return self._take(lambda: _pq.PQexecPrepared(self.conn, name.encode(), len(parameters), _values(parameters), None, None, 0))

    def _take(self, send):
        self.warned = False
        result = send()
        try:
            return self._read(result)
        finally:
            _pq.PQclear(result)

    def _read(self, result):
        status = _pq.PQresultStatus(result)
        if status not in (COMMAND_OK, TUPLES_OK):
            error = _pq.PQresultErrorMessage(result).decode()
            if _pq.PQstatus(self.conn) != OK or not result:
                raise Lost(error)
            raise Refused(error)
        if self.warned:
            raise Lost("a warning")
        if status == COMMAND_OK:
            return int(_pq.PQcmdTuples(result) or 0)
        return [tuple(None if _pq.PQgetisnull(result, row, column) else _pq.PQgetvalue(result, row, column).decode()
                      for column in range(_pq.PQnfields(result))) for row in range(_pq.PQntuples(result))]

    def close(self):
        if self.conn:
            _pq.PQfinish(self.conn)
        self.conn = None
