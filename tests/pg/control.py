"""Orders to a cluster from a program in any language: a Unix socket, one line an order, one line an answer.

    kill|start|stop|freeze|thaw|restart NODE       NODE: primary, standby (what they are now)
    alone | strict | fail_over | promote | rejoin | terminate | kill_backend
    stall|flow NODE [up] [down], cut|refuse|accept NODE, delay NODE MS       the relay before a node
    link stall|flow|cut ..                                                   the one between primary and standby
    port NODE | sql NODE TEXT | timeline

Answers: "ok", "ok VALUE" (a value's lines become spaces), "error WHY".
"""
import socket
import threading


def serve(cluster, path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    threading.Thread(target=_accept, args=(cluster, listener), daemon=True).start()


def _accept(cluster, listener):
    """One client after the other: servers that are started here end with the thread that started them."""
    while True:
        client, _ = listener.accept()
        with client, client.makefile("rw", encoding="utf-8") as lines:
            for line in lines:
                try:
                    value = obey(cluster, line.strip())
                    answer = "ok" if value is None else f"ok {value}"
                except Exception as error:  # pylint: disable=broad-except
                    answer = f"error {error}"
                try:
                    lines.write(" ".join(answer.splitlines()) + "\n")
                    lines.flush()
                except OSError:
                    break


def obey(cluster, line):
    """One order; its value, or None."""
    word, _, rest = line.partition(" ")
    if word in ("alone", "strict", "fail_over", "promote", "rejoin"):
        getattr(cluster, word)()
        return None
    if word in ("terminate", "kill_backend"):
        return {"terminate": cluster.primary.terminate_backends, "kill_backend": cluster.primary.kill_backend}[word]()
    if word == "timeline":
        return cluster.primary.timeline()
    if word == "link":
        return _relay(cluster.standby_link(), *rest.split())
    name, _, rest = rest.partition(" ")
    node = {"primary": cluster.primary, "standby": cluster.standby}.get(name)
    if node is None:
        raise ValueError(f"there is no order {line}")
    if word in ("kill", "start", "stop", "freeze", "thaw", "restart"):
        return getattr(node, word)()
    if word == "sql":
        return node.sql(rest)
    if word == "port":
        return cluster.port(node)
    return _relay(cluster.relay(node), word, *rest.split())


def _relay(relay, word, *args):
    if word == "delay":
        return relay.delay(int(args[0]))
    if word not in ("stall", "flow", "cut", "refuse", "accept"):
        raise ValueError(f"there is no order {word}")
    return getattr(relay, word)(*args)
