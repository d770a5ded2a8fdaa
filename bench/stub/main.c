/* sessiond-stub: see stub.h. For the checks of the load generator and the capacity report only. */
#include "stub.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: sessiond-stub PORT LANES SERVICE_US [SIGMA KAPPA [STALL_MS STALL_EVERY_MS]]\n"
    "  answers every gRPC call on 127.0.0.1:PORT after a modelled time (bench/stub/stub.h)\n";

static double number(int argc, char **argv, int at, double otherwise)
{
    char *end;
    double value;

    if (at >= argc)
        return otherwise;
    value = strtod(argv[at], &end);
    if (end == argv[at] || *end != '\0' || value < 0) {
        (void)fprintf(stderr, "sessiond-stub: not a number: %s\n", argv[at]);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    const struct stub_model model = {.lanes = (unsigned)number(argc, argv, 2, 1),
                                     .service_us = number(argc, argv, 3, 0),
                                     .sigma = number(argc, argv, 4, 0),
                                     .kappa = number(argc, argv, 5, 0),
                                     .stall_ms = number(argc, argv, 6, 0),
                                     .stall_every_ms = number(argc, argv, 7, 0)};

    if (argc < 4 || model.lanes == 0 ||
        (model.stall_every_ms > 0 && model.stall_ms >= model.stall_every_ms)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return stub_serve((uint16_t)number(argc, argv, 1, 0), &model);
}
