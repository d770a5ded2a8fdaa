"""The one place where grpcio's channels are made.

gRPC 1.51, which is Debian 12's, reads errno long after connect(), when it may be another call's (its pull request 35064): a connection
that is under way is taken for a failed one, and the likelier so the busier the machine. Calls wait for their connection here, by the
channel's service config, so that such a mistake is tried again; a server that is not there is a matter of the call's deadline.
"""
import json
import re

import grpc
import grpc.aio

OF_ITS_OWN = [("grpc.use_local_subchannel_pool", 1)]  # a connection that no other channel of this process shares


def _options(options, service_config):
    methods = [{"waitForReady": True, **row} for row in service_config.pop("methodConfig", [{"name": [{}]}])]
    return [*options, ("grpc.service_config", json.dumps({"methodConfig": methods, **service_config}))]


def channel_to(address, options=OF_ITS_OWN, credentials=None, compression=None, **service_config):
    """A channel whose calls wait until it is connected; close it, or use it as a context. service_config: its members by their names."""
    options = _options(options, service_config)
    if credentials is None:
        return grpc.insecure_channel(address, options=options, compression=compression)
    return grpc.secure_channel(address, credentials, options=options, compression=compression)


def asynchronous_channel_to(address):
    return grpc.aio.insecure_channel(address, options=_options(OF_ITS_OWN, {}))


def is_mistaken(error):
    """Of a call that did not wait (wait_for_ready=False): the mistake above, and not a refusal, which is one all the same."""
    text = error.details() or ""
    return "failed to connect" in text and not re.search("refused|reset|timed out|unreachable", text)
