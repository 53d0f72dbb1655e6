/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of this plugin's routes: small JSON objects about one user. */
#include "auth_private.h"

pdb_status auth_read_user(const json_t *body, pdb_slice *user_out, pdb_err *err)
{
	const json_t *user = json_object_get(body, "userId");

	*user_out = pdb_slice_of(json_string_value(user), json_string_length(user));
	if (!json_is_string(user) || !auth_user_plausible(*user_out)) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_user_id",
				  "userId must be 1 to 128 bytes without control characters.");
		return pdb_err_at(err, "/userId");
	}
	return PDB_OK;
}
