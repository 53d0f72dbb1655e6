/* SPDX-License-Identifier: Apache-2.0 */
/* Origins (RFC 6454) and names of fields, as the configuration spells them. */
#ifndef PDB_CORS_ORIGIN_H
#define PDB_CORS_ORIGIN_H

#include <pdb/slice.h>

/* Why no browser sends this as its Origin, or why it should not be allowed; NULL when it is fine.
 * "*" is. */
const char *origin_fault(const char *text);

/* True for a token of RFC 9110, 5.6.2. */
bool field_name_valid(const char *text);

#endif
