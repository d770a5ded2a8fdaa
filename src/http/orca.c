/* Four doubles by hand: the message's package is generated for nobody else. */
#include "orca.h"

#define CPU_UTILIZATION         1u
#define RPS_FRACTIONAL          6u
#define EPS                     7u
#define APPLICATION_UTILIZATION 9u
#define WIRE_64BIT              1u
#define FIELD_BYTES             9u

_Static_assert(SES_ORCA_BYTES == 4 * FIELD_BYTES && sizeof(double) == 8, "IEEE 754");
_Static_assert(APPLICATION_UTILIZATION < 16, "a tag is one byte");

/* Little endian, whatever the machine is. */
static void put(uint8_t *at, unsigned number, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    at[0] = (uint8_t)(number << 3 | WIRE_64BIT);
    for (unsigned i = 0; i < 8; i++)
        at[1 + i] = (uint8_t)(bits >> (8 * i));
}

void ses_orca_encode(const struct ses_load *load, uint8_t ret_bytes[SES_ORCA_BYTES])
{
    put(ret_bytes, CPU_UTILIZATION, load->cpu);
    put(ret_bytes + FIELD_BYTES, RPS_FRACTIONAL, load->calls_per_second);
    put(ret_bytes + 2 * FIELD_BYTES, EPS, load->errors_per_second);
    put(ret_bytes + 3 * FIELD_BYTES, APPLICATION_UTILIZATION, load->busy);
}
