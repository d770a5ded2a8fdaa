/* Fading means: a new second of figures weighs dt / (dt + T), so that a late tick weighs more. */
#include <sessiond/base/load.h>

#include <sessiond/base/status.h>
#include <sessiond/base/units.h>

#define NS_PER_S     1e9
#define STEP_NS_MIN  100000000u /* less says more of the timer than of the load */
#define FADE_S       3.0
#define COST_FADE_S  30.0
#define PART_PER_ONE 1e6 /* as it lies on the board: millionths */

static double blend(double before, double now, double weight)
{
    return before + (now - before) * weight;
}

/* The cost of a call is a quotient of two sums that fade alike, not a mean of quotients: a second with one call in
 * it would speak as loud as one with a thousand. */
static void step_cost(struct ses_load_meter *meter, double cpu_ns, double calls, double seconds)
{
    double kept = COST_FADE_S / (COST_FADE_S + seconds);

    meter->cost_cpu_ns = meter->cost_cpu_ns * kept + cpu_ns;
    meter->cost_calls = meter->cost_calls * kept + calls;
    if (calls > 0)
        meter->load.call_cpu_seconds = meter->cost_cpu_ns / meter->cost_calls / NS_PER_S;
}

static void step_load(struct ses_load_meter *meter, const struct ses_load_sample *sample)
{
    double ns = (double)(sample->mono_ns - meter->last.mono_ns);
    double cpu_ns = (double)(sample->cpu_ns - meter->last.cpu_ns);
    double calls = (double)(sample->calls - meter->last.calls);
    double errors = (double)(sample->errors - meter->last.errors);
    double busy = (double)(sample->loop_ns - meter->last.loop_ns) / ns;
    double seconds = ns / NS_PER_S;
    double weight = meter->told ? seconds / (seconds + FADE_S) : 1.0;

    /* The kernel brings a thread's times up to date when it stops running: a second may get some of the next. */
    meter->load.busy = blend(meter->load.busy, busy > 1.0 ? 1.0 : busy, weight);
    meter->load.cpu = blend(meter->load.cpu, cpu_ns / ns, weight);
    meter->load.calls_per_second = blend(meter->load.calls_per_second, calls / seconds, weight);
    meter->load.errors_per_second = blend(meter->load.errors_per_second, errors / seconds, weight);
    meter->told = true;
    step_cost(meter, cpu_ns, calls, seconds);
}

static void put(_Atomic uint64_t *cell, double value, double unit)
{
    atomic_store_explicit(cell, (uint64_t)(value * unit + 0.5), memory_order_relaxed);
}

static double get(const _Atomic uint64_t *cell, double unit)
{
    return (double)atomic_load_explicit(cell, memory_order_relaxed) / unit;
}

static void publish(const struct ses_load *load, struct ses_metrics *metrics)
{
    put(&metrics->load.busy_ppm, load->busy, PART_PER_ONE);
    put(&metrics->load.cpu_ppm, load->cpu, PART_PER_ONE);
    put(&metrics->load.calls_ppm, load->calls_per_second, PART_PER_ONE);
    put(&metrics->load.errors_ppm, load->errors_per_second, PART_PER_ONE);
    put(&metrics->load.call_cpu_ns, load->call_cpu_seconds, NS_PER_S);
}

void ses_load_step(struct ses_load_meter *meter, const struct ses_load_sample *sample,
                   struct ses_metrics *metrics)
{
    if (!meter->started) {
        meter->started = true;
        meter->last = *sample;
        return;
    }
    if (sample->mono_ns < meter->last.mono_ns + STEP_NS_MIN)
        return;
    step_load(meter, sample);
    meter->last = *sample;
    if (metrics != NULL)
        publish(&meter->load, metrics);
}

void ses_load_read(const struct ses_metrics *metrics, struct ses_load *ret_load)
{
    struct ses_load load = {.busy = 0.0};

    if (metrics != NULL) {
        load.busy = get(&metrics->load.busy_ppm, PART_PER_ONE);
        load.cpu = get(&metrics->load.cpu_ppm, PART_PER_ONE);
        load.calls_per_second = get(&metrics->load.calls_ppm, PART_PER_ONE);
        load.errors_per_second = get(&metrics->load.errors_ppm, PART_PER_ONE);
        load.call_cpu_seconds = get(&metrics->load.call_cpu_ns, NS_PER_S);
    }
    *ret_load = load;
}

static uint64_t answered_with(const struct ses_metrics *metrics, size_t code)
{
    uint64_t sum = 0;

    for (size_t row = 0; row < SES_METRIC_METHODS_MAX; row++)
        sum += atomic_load_explicit(&metrics->requests[row][code], memory_order_relaxed);
    return sum;
}

uint64_t ses_load_calls(const struct ses_metrics *metrics)
{
    uint64_t sum = 0;

    for (size_t code = 0; code < SES_METRIC_CODES; code++)
        sum += answered_with(metrics, code);
    return sum;
}

uint64_t ses_load_errors(const struct ses_metrics *metrics)
{
    static const enum ses_status errors[] = {SES_UNKNOWN,  SES_DEADLINE_EXCEEDED, SES_RESOURCE_EXHAUSTED,
                                             SES_INTERNAL, SES_UNAVAILABLE,       SES_DATA_LOSS};
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        sum += answered_with(metrics, ses_status_grpc(errors[i]));
    return sum;
}
