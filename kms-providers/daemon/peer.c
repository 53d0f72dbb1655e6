/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls. */
#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/daemon.h"

#define REFUSALS_SECOND 10u

/* -- users and certificates ---------------------------------------------------------------------
 */

static bool user_in(const pdb_option_list *users, uid_t uid)
{
	for (size_t i = 0; i < users->count; i++) {
		const char *name = users->items[i];
		char *end = NULL;
		unsigned long number = strtoul(name, &end, 10);
		char space[4096];
		struct passwd entry;
		struct passwd *found = NULL;

		if (*name != '\0' && *end == '\0') {
			if (number == uid) {
				return true;
			}
		} else if (getpwnam_r(name, &entry, space, sizeof(space), &found) == 0 &&
			   found != NULL && found->pw_uid == uid) {
			return true;
		}
	}
	return false;
}

static bool named_in(const pdb_option_list *names, const wire_certificate *shown)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *item = names->items[i];
		size_t len = strlen(item);

		if ((len == 64 && sodium_memcmp(item, shown->fingerprint, 64) == 0) ||
		    (len > 0 && len == strlen(shown->name) &&
		     sodium_memcmp(item, shown->name, len) == 0)) {
			return true;
		}
	}
	return false;
}

static pdb_status find_user(const kms_access *access, const wire_stream *stream, kms_peer *out,
			    pdb_err *err)
{
	const kms_callers *users = &access->settings->users;
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "the caller cannot be examined");
	}
	(void)snprintf(out->who, sizeof(out->who), "uid:%u", (unsigned)peer.uid);
	out->roles = (user_in(&users->server, peer.uid) ? WIRE_ROLE_SERVER : 0u) |
		     (user_in(&users->operator_, peer.uid) ? WIRE_ROLE_OPERATOR : 0u) |
		     (user_in(&users->auditor, peer.uid) ? WIRE_ROLE_AUDITOR : 0u);
	if (out->roles == 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "user %u has no role here; see kms.users", (unsigned)peer.uid);
	}
	return PDB_OK;
}

static pdb_status find_certificate(const kms_access *access, const wire_stream *stream,
				   kms_peer *out, pdb_err *err)
{
	const kms_callers *known = &access->settings->certificates;
	wire_certificate shown;

	if (!wire_tls_peer(stream->ssl, &shown)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "the caller shows no certificate");
	}
	(void)snprintf(out->who, sizeof(out->who), "cert:%s:%.16s", shown.name, shown.fingerprint);
	if (!wire_tls_trusts(access->tls, stream->ssl)) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "the certificate of %s is over, or no longer trusted",
				   shown.name);
	}
	out->until = shown.until;
	out->roles = (named_in(&known->server, &shown) ? WIRE_ROLE_SERVER : 0u) |
		     (named_in(&known->operator_, &shown) ? WIRE_ROLE_OPERATOR : 0u) |
		     (named_in(&known->auditor, &shown) ? WIRE_ROLE_AUDITOR : 0u);
	if (out->roles == 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "the certificate of %s has no role here; see kms.certificates",
				   shown.name);
	}
	return PDB_OK;
}

pdb_status kms_peer_find(const kms_access *access, const kms_listener *listener,
			 const wire_stream *stream, kms_peer *out, pdb_err *err)
{
	if (out->judged == access->number && out->until > kms_daemon_host.now() / 1000000000) {
		return PDB_OK;
	}
	*out = (kms_peer){.judged = access->number, .until = INT64_MAX};
	(void)snprintf(out->who, sizeof(out->who), "nobody");
	if (listener->endpoint.local) {
		return find_user(access, stream, out, err);
	}
	if (listener->endpoint.tls) {
		return find_certificate(access, stream, out, err);
	}
	out->must_prove = true;
	return PDB_OK;
}

/* -- proofs -------------------------------------------------------------------------------------
 */

static const wire_token *find_token(const kms_access *access, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < access->token_count; i++) {
		const wire_token *token = &access->tokens[i];

		if (strlen(token->name) == len && sodium_memcmp(token->name, name, len) == 0) {
			return token;
		}
	}
	return NULL;
}

static pdb_status unproven(pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAUTHENTICATED, NULL,
			   "the request does not prove that it knows a token");
}

pdb_status kms_peer_prove(const kms_daemon *daemon, const kms_call *call, kms_peer *peer,
			  const wire_token **token_out, pdb_err *err)
{
	const wire_head *head = &call->head;
	const wire_token *token = head->proven ? find_token(call->access, head->token) : NULL;
	int64_t now = kms_daemon_host.now() / 1000000000;

	*token_out = NULL;
	if (token == NULL ||
	    !wire_request_proven(head, pdb_slice_of(token->secret, token->secret_len),
				 call->body)) {
		return unproven(err);
	}
	/* who knows the token may know the time, and gets an answer that it can trust */
	*token_out = token;
	if (head->time < now - KMS_SKEW_MAX || head->time > now + KMS_SKEW_MAX) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "clock_skew",
				   "the clocks differ by %lld seconds; here it is %lld",
				   (long long)(head->time - now), (long long)now);
	}
	if (!kms_nonces_use(daemon->nonces, head->nonce, now, head->time)) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, NULL, "the proof was used before");
	}
	peer->roles = token->roles;
	(void)snprintf(peer->who, sizeof(peer->who), "token:%s", token->name);
	return PDB_OK;
}

bool kms_peer_refused(kms_daemon *daemon, const char *who, const char *op)
{
	long long now = (long long)(kms_daemon_host.monotonic() / 1000000000);

	if (atomic_exchange(&daemon->refused_second, now) != now) {
		atomic_store(&daemon->refused_count, 0);
	}
	/* strangers must not be able to fill the disk */
	if (atomic_fetch_add(&daemon->refused_count, 1) >= REFUSALS_SECOND) {
		return false;
	}
	pdb_keyring_refused(daemon->keyring, who, op);
	return true;
}
