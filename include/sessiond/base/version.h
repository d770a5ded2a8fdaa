/* version.h - which sessiond this is. */
#ifndef SESSIOND_BASE_VERSION_H
#define SESSIOND_BASE_VERSION_H

/* [any] Static, e.g. "0.1.0". */
const char *ses_version(void);
/* [any] Static: the commit that was built, e.g. "1f2e3d4c5b6a", "..-dirty" with changes on top; "unknown" from a tree
 * without its history. */
const char *ses_version_commit(void);

#endif
