// Every call may be repeated: creates are known by merchant_session_id, all others by their event_id. connect-node repeats nothing by
// itself, so this interceptor does: the same message again, a few times, after a pause that the server names or that grows.
import { Code, ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from './gen/google/rpc/error_details_pb.js';

const attempts = 5;

// UNAVAILABLE: the answer was lost (the connection broke, the worker was replaced), or the store is away. CANCELED, and not by us: so Node
// tells a connection that ended. ABORTED: the session was just being written. What else is refused stays refused.
const passes = (error, signal) => !signal.aborted && [Code.Unavailable, Code.Canceled, Code.Aborted].includes(error.code);

function pauseMs(error, attempt) {
  const [info] = error.findDetails(RetryInfoSchema);
  if (info?.retryDelay) return Number(info.retryDelay.seconds) * 1000 + info.retryDelay.nanos / 1e6;
  return Math.random() * 200 * 2 ** attempt;
}

export const retry = (next) => async (request) => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await next(request);
    } catch (reason) {
      const error = ConnectError.from(reason);
      if (request.stream || attempt === attempts || !passes(error, request.signal)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, pauseMs(error, attempt)); });
    }
  }
};
