#include "budget.h"

#include <fcntl.h>
#include <unistd.h>

#include <sessiond/base/log.h>

#define TURN 64u

/* What exchange.c says of a call, without the exchange. */
static void say(struct ses_log *log)
{
    struct ses_log_line line;

    ses_log_begin(log, SES_LOG_INFO, "request", &line);
    ses_log_str(&line, "request_id", "0b9d6c5e-3f1a-4c77-9a52-7d1c0e6b8f42");
    ses_log_str(&line, "door", "grpc");
    ses_log_str(&line, "flow", "CreateSessionToken");
    ses_log_slice(&line, "tenant", SES_STR("default"));
    ses_log_slice(&line, "merchant", SES_STR("default"));
    ses_log_str(&line, "connector", "adyen");
    ses_log_str(&line, "grpc_status", "OK");
    ses_log_u64(&line, "latency_us", 1234);
    ses_log_str(&line, "session", "b1946ac92492d2347c6235b4d2611184");
    ses_log_str(&line, "peer", "127.0.0.1:54321");
    ses_log_end(&line);
}

static void say_all(struct ses_log *log, unsigned operations)
{
    for (unsigned i = 0; i < operations; i++) {
        say(log);
        if (i % TURN == TURN - 1)
            ses_log_flush(log);
    }
}

/* The line of a call, and its part of the write that ends a turn. */
void budget_log_line(const char *dir, unsigned operations)
{
    struct ses_log log;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)dir;
    SES_REQUIRE(fd >= 0);
    ses_log_init(&log, fd, SES_LOG_INFO, "worker-0");
    BUDGET_COUNT(say_all(&log, operations));
    ses_log_done(&log);
    (void)close(fd);
}
