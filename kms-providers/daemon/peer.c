/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "keyring/source.h"

#define TOKEN_FILE_MAX  65536u
#define REFUSALS_SECOND 10u

/* -- tokens -------------------------------------------------------------------------------------
 */

static pdb_status read_lines(kms_daemon *daemon, pdb_slice text, pdb_err *err)
{
	size_t number = 0;

	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
		pdb_slice line = pdb_slice_of(text.ptr, len);

		number++;
		text = pdb_slice_skip(text, len + 1);
		if (len == 0 || line.ptr[0] == '#') {
			continue;
		}
		if (daemon->token_count == KMS_TOKENS_MAX ||
		    !wire_token_read(line, &daemon->tokens[daemon->token_count])) {
			return pdb_err_set(
				err, PDB_EINVAL, NULL,
				"%s: line %zu is not \"role name secret\" with a secret of "
				"32 to 128 characters, or there are over %u of them",
				daemon->settings->token_file, number, KMS_TOKENS_MAX);
		}
		daemon->token_count++;
	}
	return PDB_OK;
}

static pdb_status read_open(kms_daemon *daemon, int fd, pdb_err *err)
{
	const char *path = daemon->settings->token_file;
	char *text = sodium_malloc(TOKEN_FILE_MAX);
	pdb_status status = pdb__secret_file_judge(fd, path, err);
	ssize_t len;

	if (text == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for tokens");
	}
	if (status == PDB_OK) {
		len = read(fd, text, TOKEN_FILE_MAX);
		status = len < 0 || len == TOKEN_FILE_MAX
				 ? pdb_err_set(err, PDB_EINVAL, NULL, "%s cannot be read", path)
				 : read_lines(daemon, pdb_slice_of(text, (size_t)len), err);
	}
	sodium_free(text);
	return status;
}

pdb_status kms_tokens_read(kms_daemon *daemon, pdb_err *err)
{
	const char *path = daemon->settings->token_file;
	pdb_status status;
	int fd;

	if (path[0] == '\0') {
		return PDB_OK;
	}
	status = pdb__secret_place_judge(path, err);
	if (status != PDB_OK) {
		return status;
	}
	daemon->tokens = sodium_allocarray(KMS_TOKENS_MAX, sizeof(*daemon->tokens));
	if (daemon->tokens == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for tokens");
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "%s: %s", path, strerror(errno));
	}
	status = read_open(daemon, fd, err);
	(void)close(fd);
	return status;
}

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

static bool named_in(const pdb_option_list *names, const char *fingerprint, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *item = names->items[i];
		size_t len = strlen(item);

		if ((len == 64 && sodium_memcmp(item, fingerprint, 64) == 0) ||
		    (len > 0 && len == strlen(name) && sodium_memcmp(item, name, len) == 0)) {
			return true;
		}
	}
	return false;
}

static pdb_status find_user(const kms_daemon *daemon, const wire_stream *stream, kms_peer *out,
			    pdb_err *err)
{
	const kms_callers *users = &daemon->settings->users;
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

static pdb_status find_certificate(const kms_daemon *daemon, const wire_stream *stream,
				   kms_peer *out, pdb_err *err)
{
	const kms_callers *known = &daemon->settings->certificates;
	char fingerprint[65];
	char name[WIRE_NAME + 1];

	if (!wire_tls_peer(stream->ssl, fingerprint, name)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "the caller shows no certificate");
	}
	(void)snprintf(out->who, sizeof(out->who), "cert:%s:%.16s", name, fingerprint);
	out->roles = (named_in(&known->server, fingerprint, name) ? WIRE_ROLE_SERVER : 0u) |
		     (named_in(&known->operator_, fingerprint, name) ? WIRE_ROLE_OPERATOR : 0u) |
		     (named_in(&known->auditor, fingerprint, name) ? WIRE_ROLE_AUDITOR : 0u);
	if (out->roles == 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "the certificate of %s has no role here; see kms.certificates",
				   name);
	}
	return PDB_OK;
}

pdb_status kms_peer_find(const kms_daemon *daemon, const kms_listener *listener,
			 const wire_stream *stream, kms_peer *out, pdb_err *err)
{
	*out = (kms_peer){0};
	(void)snprintf(out->who, sizeof(out->who), "nobody");
	if (listener->endpoint.local) {
		return find_user(daemon, stream, out, err);
	}
	if (listener->endpoint.tls) {
		return find_certificate(daemon, stream, out, err);
	}
	out->must_prove = true;
	return PDB_OK;
}

/* -- proofs -------------------------------------------------------------------------------------
 */

static const wire_token *find_token(const kms_daemon *daemon, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < daemon->token_count; i++) {
		const wire_token *token = &daemon->tokens[i];

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

pdb_status kms_peer_prove(const kms_daemon *daemon, const wire_head *head, pdb_slice body,
			  kms_peer *peer, const wire_token **token_out, pdb_err *err)
{
	const wire_token *token = head->proven ? find_token(daemon, head->token) : NULL;
	int64_t now = kms_daemon_host.now() / 1000000000;

	*token_out = NULL;
	if (token == NULL ||
	    !wire_request_proven(head, pdb_slice_of(token->secret, token->secret_len), body)) {
		return unproven(err);
	}
	/* who knows the token may know the time, and gets an answer that it can trust */
	*token_out = token;
	if (head->time < now - KMS_SKEW_MAX || head->time > now + KMS_SKEW_MAX) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "clock_skew",
				   "the clocks differ by %lld seconds; here it is %lld",
				   (long long)(head->time - now), (long long)now);
	}
	if (!kms_nonces_use(daemon->nonces, head->nonce, now, head->time + KMS_SKEW_MAX)) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, NULL, "the proof was used before");
	}
	peer->roles = token->roles;
	(void)snprintf(peer->who, sizeof(peer->who), "token:%s", token->name);
	return PDB_OK;
}

void kms_peer_refused(kms_daemon *daemon, const char *who, const char *op)
{
	long long now = (long long)(kms_daemon_host.monotonic() / 1000000000);

	if (atomic_exchange(&daemon->refused_second, now) != now) {
		atomic_store(&daemon->refused_count, 0);
	}
	/* strangers must not be able to fill the disk */
	if (atomic_fetch_add(&daemon->refused_count, 1) < REFUSALS_SECOND) {
		pdb_keyring_refused(daemon->keyring, who, op);
	}
}
