/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of handlers share. */
#ifndef PDB_TEST_API_TEST_H
#define PDB_TEST_API_TEST_H

#include <criterion/criterion.h>

#include "api/api_private.h"
#include "fake_chat.h"
#include "fake_request.h"

static pdb_request request;
static pdb_err err;
static pdb_chat *no_chat;

/* A fresh request of a backend caller. */
static inline void begin(pdb_method method)
{
	fake_request_reset(&request);
	memset(&err, 0, sizeof(err));
	memset(&asked, 0, sizeof(asked));
	request.method = method;
	request.role = PDB_ROLE_BACKEND;
	request.user[0] = '\0';
}

static inline void as(pdb_role role, const char *signed_user)
{
	(void)pdb_request_set_identity(&request, role, "key", pdb_slice_text(signed_user));
}

static inline pdb_status run(pdb_status (*handler)(void *, pdb_request *, pdb_err *))
{
	return handler(&no_chat, &request, &err);
}

#define assert_slice(slice_, text_)                                                                \
	cr_assert(pdb_slice_is((slice_), (text_)), "\"%.*s\" is not \"%s\"",                       \
		  PDB_SLICE_ARGS(slice_), (text_))

/* Runs and expects an error, its code and its field, and that the domain was not asked. */
#define assert_refused(handler_, status_, code_, field_)                                           \
	do {                                                                                       \
		cr_assert_eq(run(handler_), (status_), "%s: %s", (code_), err.text);               \
		cr_assert_not_null(err.code);                                                      \
		cr_assert_str_eq(err.code, (code_));                                               \
		cr_assert_str_eq(err.field, (field_));                                             \
		cr_assert_eq(request.status, 0);                                                   \
		cr_assert_eq(asked.calls, 0);                                                      \
	} while (0)

#endif
