/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for a server that was started without any configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/text.h"
#include "server/server_private.h"

#define KEY_BYTES 24u
#define KEY_TEXT  (2 * KEY_BYTES + 1)

static void key_draw(char *out)
{
	uint8_t bytes[KEY_BYTES];

	pdb_random(bytes, sizeof(bytes));
	pdb_hex_encode(out, pdb_slice_of(bytes, sizeof(bytes)));
}

static int file_fill(int fd)
{
	char frontend[KEY_TEXT];
	char backend[KEY_TEXT];
	char admin[KEY_TEXT];

	key_draw(frontend);
	key_draw(backend);
	key_draw(admin);
	return dprintf(fd,
		       "# Made at the first start without a configuration file. Keep it private.\n"
		       "security:\n"
		       "  api_keys:\n"
		       "    frontend: [pk_%s]\n"
		       "    backend: [sk_%s]\n"
		       "    admin: [ak_%s]\n",
		       frontend, backend, admin);
}

/* Who can write them can do anything here, who can read them too. */
static pdb_status judge(const struct stat *info, const char *path, pdb_err *err)
{
	if (info->st_uid != geteuid()) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s belongs to user %lu, not to user %lu that runs this "
				   "process",
				   path, (unsigned long)info->st_uid, (unsigned long)geteuid());
	}
	if ((info->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "others may use %s (mode %04o); run: chmod 600 %s", path,
				   (unsigned)(info->st_mode & 07777u), path);
	}
	return PDB_OK;
}

pdb_status pdb__dev_keys_make(const char *path, pdb_err *err)
{
	char fresh[PATH_MAX];
	struct stat info;
	pdb_status status = PDB_OK;
	int fd;

	if (stat(path, &info) == 0) {
		return judge(&info, path, err);
	}
	/* Written beside and moved into place, so that a crash leaves no half of it. */
	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the path %s is too long", path);
	}
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot make %s: %s", fresh,
				   strerror(errno));
	}
	if (file_fill(fd) < 0 || fsync(fd) != 0 || rename(fresh, path) != 0) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "cannot write %s: %s", path,
				     strerror(errno));
		(void)unlink(fresh);
	}
	(void)close(fd);
	return status;
}

/* Copies the key behind `name: [` in the file's text; "" when it is not there. */
static void key_find(char *out, size_t size, const char *text, const char *name)
{
	const char *at = strstr(text, name);
	size_t len;

	out[0] = '\0';
	at = at != NULL ? strchr(at, '[') : NULL;
	len = at != NULL ? strcspn(at + 1, "],\n") : 0;
	if (len > 0 && len < size) {
		memcpy(out, at + 1, len);
		out[len] = '\0';
	}
}

void pdb__dev_keys_print(const char *path, int port)
{
	char text[2048];
	char frontend[256];
	char backend[256];
	char admin[256];
	FILE *file = fopen(path, "re");
	size_t len;

	if (file == NULL) {
		return;
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[len] = '\0';
	key_find(frontend, sizeof(frontend), text, "frontend:");
	key_find(backend, sizeof(backend), text, "backend:");
	key_find(admin, sizeof(admin), text, "admin:");
	(void)printf(
		"\n"
		"No configuration found: started with safe defaults.\n"
		"Keys (kept in %s):\n"
		"  frontend  %s\n"
		"  backend   %s\n"
		"  admin     %s\n"
		"Try it:\n"
		"  curl -s http://127.0.0.1:%d/v1/messages -H 'Authorization: Bearer %s'"
		" -H 'Content-Type: application/json'"
		" -d "
		"'{\"thread\":\"hello\",\"author\":\"user-1\",\"body\":{\"text\":\"Hello!\"}}'\n\n",
		path, frontend, backend, admin, port, backend);
	(void)fflush(stdout);
}
