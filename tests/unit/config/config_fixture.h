/* config_fixture.h - a configuration written to a file of its own and read, and the sentence it is refused
 * with. */
#ifndef SESSIOND_TESTS_UNIT_CONFIG_CONFIG_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CONFIG_CONFIG_FIXTURE_H

#include "unit.h"

#include <sessiond/config/config.h>

extern char config_file[512];

/* cmocka's, for a group: config_file is there, and empty. */
int make_file(void **state);
int remove_file(void **state);

/* ret_fault says nothing unless the text is refused. */
enum ses_status load(const char *text, struct ses_config *ret_config, struct ses_fault *ret_fault);

/* text must be refused with "FILE:" + expected. */
void expect_fault(const char *text, const char *expected);

#endif
