/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the author a call acts as. */
#include "api/api_private.h"
#include "base/id.h"

static pdb_status mismatch(pdb__call *call)
{
	return pdb_err_set(call->err, PDB_EDENIED, "author_mismatch",
			   "The request names another author than the signed user.");
}

static pdb_status judge_author(pdb__call *call, pdb_slice author)
{
	if (pdb_author_valid(author)) {
		return PDB_OK;
	}
	return pdb_err_set(call->err, PDB_EINVAL, "invalid_author",
			   "An author is 1 to 128 bytes of text without control characters.");
}

/* An empty header or parameter names nobody. */
static pdb_slice header_author(const pdb__call *call)
{
	pdb_slice author = {0};

	(void)pdb_request_header(call->request, "X-User-ID", &author);
	return author;
}

static bool contradicts(pdb_slice named, pdb_slice signed_user)
{
	return named.len > 0 && !pdb_slice_equal(named, signed_user);
}

static pdb_status resolve_signed(pdb__call *call, pdb_slice signed_user, pdb_slice named)
{
	if (named.ptr != NULL && !pdb_slice_equal(named, signed_user)) {
		(void)mismatch(call);
		return pdb_err_at(call->err, "/author");
	}
	if (contradicts(header_author(call), signed_user) ||
	    contradicts(pdb__query_text(call, "author"), signed_user)) {
		return mismatch(call);
	}
	call->caller.author = signed_user;
	return judge_author(call, signed_user);
}

static pdb_status resolve_trusted(pdb__call *call, pdb_slice named)
{
	pdb_slice author;

	if (named.ptr != NULL) {
		if (judge_author(call, named) != PDB_OK) {
			return pdb_err_at(call->err, "/author");
		}
		call->caller.author = named;
		return PDB_OK;
	}
	author = header_author(call);
	if (author.len == 0) {
		author = pdb__query_text(call, "author");
	}
	call->caller.author = author;
	return author.len == 0 ? PDB_OK : judge_author(call, author);
}

pdb_status pdb__caller_resolve(pdb__call *call, pdb_slice named)
{
	pdb_slice signed_user = pdb_request_user(call->request);

	if (signed_user.len > 0) {
		return resolve_signed(call, signed_user, named);
	}
	if (call->caller.role == PDB_ROLE_BACKEND || call->caller.role == PDB_ROLE_ADMIN) {
		return resolve_trusted(call, named);
	}
	return pdb_err_set(call->err, PDB_EUNAUTHENTICATED, "signature_required",
			   "A frontend caller signs its user: X-User-ID with X-User-Signature.");
}

pdb_status pdb__caller_allows(pdb__call *call, pdb_slice named, size_t index)
{
	pdb_slice signed_user = pdb_request_user(call->request);
	pdb_status status = PDB_OK;

	if (named.ptr == NULL) {
		return PDB_OK;
	}
	if (signed_user.len > 0 && !pdb_slice_equal(named, signed_user)) {
		status = mismatch(call);
	} else {
		status = judge_author(call, named);
	}
	return status == PDB_OK ? PDB_OK : pdb_err_at(call->err, "/messages/%zu/author", index);
}
