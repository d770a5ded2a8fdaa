/* options.h - the command line of sessiond-load. */
#ifndef SESSIOND_BENCH_OPTIONS_H
#define SESSIOND_BENCH_OPTIONS_H

#include "load.h"

/* Defaults, then the arguments. A bad one: says which and why on standard error, exits with 2. --help exits
 * with 0. */
void load_options_parse(int argc, char **argv, struct load_plan *ret_plan);

#endif
