/* units.h - factors between units of time and of bytes, so that a line says which unit it comes from. */
#ifndef SESSIOND_BASE_UNITS_H
#define SESSIOND_BASE_UNITS_H

#include <stdint.h>

/* 64 bits: nanoseconds are beyond 32 after four seconds. */
#define SES_NS_PER_MS UINT64_C(1000000)
#define SES_NS_PER_S  UINT64_C(1000000000)

/* As wide as what they are multiplied with. */
#define SES_KIB 1024u
#define SES_MIB (1024u * SES_KIB)
#define SES_GIB (1024u * SES_MIB)

#endif
