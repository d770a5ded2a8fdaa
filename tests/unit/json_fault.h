/* json_fault.h - jansson without memory: the allocation after so many fails, and all that follow. Install
 * before the first parse: the parser keeps what it finds. */
#ifndef SESSIOND_TESTS_UNIT_JSON_FAULT_H
#define SESSIOND_TESTS_UNIT_JSON_FAULT_H

/* For the rest of the program; memory does not run out before the first json_fault_after. */
void json_fault_install(void);

/* So many allocations succeed from now on. */
void json_fault_after(unsigned allocations);

/* Memory is there again. */
void json_fault_none(void);

#endif
