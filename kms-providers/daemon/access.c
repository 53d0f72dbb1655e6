/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call, as one reading of the configuration says. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/daemon.h"
#include "keyring/source.h"

#define TOKEN_FILE_MAX 65536u

/* -- tokens -------------------------------------------------------------------------------------
 */

static pdb_status read_lines(kms_access *access, pdb_slice text, pdb_err *err)
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
		if (access->token_count == KMS_TOKENS_MAX ||
		    !wire_token_read(line, &access->tokens[access->token_count])) {
			return pdb_err_set(
				err, PDB_EINVAL, NULL,
				"%s: line %zu is not \"role name secret\" with a secret of "
				"32 to 128 characters, or there are over %u of them",
				access->settings->token_file, number, KMS_TOKENS_MAX);
		}
		access->token_count++;
	}
	return PDB_OK;
}

static pdb_status read_open(kms_access *access, int fd, pdb_err *err)
{
	const char *path = access->settings->token_file;
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
				 : read_lines(access, pdb_slice_of(text, (size_t)len), err);
	}
	sodium_free(text);
	return status;
}

static pdb_status read_tokens(kms_access *access, pdb_err *err)
{
	const char *path = access->settings->token_file;
	pdb_status status;
	int fd;

	if (path[0] == '\0') {
		return PDB_OK;
	}
	status = pdb__secret_place_judge(path, err);
	if (status != PDB_OK) {
		return status;
	}
	access->tokens = sodium_allocarray(KMS_TOKENS_MAX, sizeof(*access->tokens));
	if (access->tokens == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for tokens");
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "%s: %s", path, strerror(errno));
	}
	status = read_open(access, fd, err);
	(void)close(fd);
	return status;
}

/* -- what the listeners need --------------------------------------------------------------------
 */

static pdb_status make_tls(kms_access *access, pdb_err *err)
{
	const kms_settings *settings = access->settings;
	const wire_tls_files files = {settings->certificate_file, settings->key_file,
				      settings->client_ca_file};

	return access->tls != NULL ? PDB_OK : wire_tls_make(&access->tls, &files, true, err);
}

/* It is the listeners that run which need it, whatever a later configuration would listen on. */
static pdb_status fit(const kms_daemon *daemon, kms_access *access, pdb_err *err)
{
	const pdb_option_list *list = &daemon->settings->listen;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < list->count && status == PDB_OK; i++) {
		wire_endpoint endpoint;

		status = wire_endpoint_read(list->items[i], &endpoint, err);
		if (status == PDB_OK && endpoint.tls) {
			status = make_tls(access, err);
		} else if (status == PDB_OK && !endpoint.local &&
			   access->settings->token_file[0] == '\0') {
			status = pdb_err_set(err, PDB_EINVAL, NULL,
					     "%s is listened on, which needs kms.token_file",
					     list->items[i]);
		}
	}
	return status;
}

static void destroy(kms_access *access)
{
	sodium_free(access->tokens);
	wire_tls_free(&access->tls);
	pdb_config_destroy(&access->config);
	pdb_mem_free(access);
}

pdb_status kms_access_use(kms_daemon *daemon, pdb_config **config, const kms_settings *settings,
			  pdb_err *err)
{
	kms_access *fresh = pdb_mem_zalloc(sizeof(*fresh));
	kms_access *old;
	pdb_status status;

	if (fresh == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the callers");
	}
	fresh->settings = settings;
	status = fit(daemon, fresh, err);
	if (status == PDB_OK) {
		status = read_tokens(fresh, err);
	}
	if (status != PDB_OK) {
		destroy(fresh);
		return status;
	}
	fresh->uses = 1;
	if (config != NULL) {
		fresh->config = *config;
		*config = NULL;
	}
	(void)pthread_mutex_lock(&daemon->access_lock);
	fresh->number = ++daemon->access_count;
	old = daemon->access;
	daemon->access = fresh;
	(void)pthread_mutex_unlock(&daemon->access_lock);
	kms_access_give(daemon, &old);
	return PDB_OK;
}

kms_access *kms_access_take(kms_daemon *daemon)
{
	kms_access *access;

	(void)pthread_mutex_lock(&daemon->access_lock);
	access = daemon->access;
	access->uses++;
	(void)pthread_mutex_unlock(&daemon->access_lock);
	return access;
}

void kms_access_give(kms_daemon *daemon, kms_access **access)
{
	kms_access *old = *access;
	bool last = false;

	*access = NULL;
	if (old != NULL) {
		(void)pthread_mutex_lock(&daemon->access_lock);
		last = --old->uses == 0;
		(void)pthread_mutex_unlock(&daemon->access_lock);
	}
	if (last) {
		destroy(old);
	}
}
