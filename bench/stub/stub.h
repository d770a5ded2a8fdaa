/* stub.h - a gRPC server whose latencies are known beforehand: what the load generator and the capacity
 * report are checked against.
 *
 * It answers every Authorize with the same payment, and every other call with the same right-looking CreateSessionToken
 * response. Model: W lanes share one
 * queue; a call occupies a lane for S(n) = service_us * (1 + sigma * (n - 1) + kappa * n * (n - 1)),   n =
 * lanes busy, itself included, which at full occupation W gives the throughput of the Universal Scalability
 * Law (Gunther), X(W) = W / S(W). No lane starts a call during a stall: [k * every, k * every + stall) after
 * the first connection, k = 1, 2, ..; what is in a lane then waits for the stall's end too. No CPU is burnt:
 * time passes by timers. */
#ifndef SESSIOND_BENCH_STUB_H
#define SESSIOND_BENCH_STUB_H

#include <stdint.h>
#include <uv.h>

struct stub_model {
    unsigned lanes;
    double service_us; /* 0: answers at once */
    double sigma;
    double kappa;
    double stall_ms;
    double stall_every_ms; /* 0: no stalls */
};

struct stub_call {
    struct stub_call *next;
    uint64_t due_ns;
    void (*answer)(struct stub_call *call);
};

struct stub_queue;

struct stub_queue *stub_queue_new(uv_loop_t *loop, const struct stub_model *model);
/* Takes the call; its answer function is called when the model says so. */
void stub_queue_take(struct stub_queue *queue, struct stub_call *call);
/* Never returns. Serves 127.0.0.1:port. */
int stub_serve(uint16_t port, const struct stub_model *model);

#endif
