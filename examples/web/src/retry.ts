// Every call may be repeated: creates are known by merchant_session_id, all others by their event_id. connect-web repeats nothing by itself,
// so this interceptor does: the same message again, a few times, after a pause that the server names or that grows.
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { RetryInfoSchema } from './gen/google/rpc/error_details_pb';

const attempts = 5;

// UNKNOWN without details: fetch() failed, the answer was lost on its way. UNAVAILABLE: the worker was replaced, or the store is away.
// ABORTED: the session was just being written. What else is refused stays refused.
const passes = (error: ConnectError, signal: AbortSignal) => !signal.aborted &&
  ([Code.Unavailable, Code.Aborted].includes(error.code) || (error.code === Code.Unknown && error.details.length === 0));

function pauseMs(error: ConnectError, attempt: number): number {
  const [info] = error.findDetails(RetryInfoSchema);
  if (info?.retryDelay) return Number(info.retryDelay.seconds) * 1000 + info.retryDelay.nanos / 1e6;
  return Math.random() * 200 * 2 ** attempt;
}

export const retry: Interceptor = (next) => async (request) => {
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
