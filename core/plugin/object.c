/* SPDX-License-Identifier: Apache-2.0 */
/* Shared objects: judges a plugin's file and directory, and maps what it has judged. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/plugin_private.h"

#define SYMBOL "pdb_plugin_manifest"

/*
 * Every object mapped so far. The file that was judged is mapped through /proc/self/fd/N, and the
 * dynamic linker remembers it by that name: were the descriptor closed and its number used again,
 * the next plugin would be taken for this one. So descriptors stay open, a file is known again by
 * its identity, and nothing is ever unmapped. Only the main thread gets here.
 */
typedef struct object {
	struct object *next;
	dev_t device;
	ino_t inode;
	void *handle;
} object;

static object *mapped;

/* The path of the file and its place for messages. */
typedef struct object_path {
	char text[PATH_MAX];
	int fd;
} object_path;

static pdb_status judge_mode(const struct stat *info, const char *path, pdb_err *err)
{
	if (info->st_uid != 0 && info->st_uid != geteuid()) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s belongs to user %u; it must belong to root or to user %u, "
				   "as whom the server runs",
				   path, (unsigned)info->st_uid, (unsigned)geteuid());
	}
	if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s may be written by others (mode %04o); run: chmod go-w '%s'",
				   path, (unsigned)(info->st_mode & 07777), path);
	}
	return PDB_OK;
}

static pdb_status judge_open(int fd, const char *path, pdb_err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s cannot be examined: %s", path,
				   strerror(errno));
	}
	return judge_mode(&info, path, err);
}

static pdb_status open_directory(const char *directory, int *fd_out, pdb_err *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pdb_status status;

	if (fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL,
				   "the plugin directory %s cannot be opened: %s", directory,
				   strerror(errno));
	}
	status = judge_open(fd, directory, err);
	if (status != PDB_OK) {
		(void)close(fd);
		return status;
	}
	*fd_out = fd;
	return PDB_OK;
}

/* A link may lead out of the plugin directory: then the place it leads to is judged as well. */
static pdb_status judge_real_place(int fd, pdb_err *err)
{
	char link[64];
	char place[PATH_MAX];
	char *slash;
	struct stat info;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, place, sizeof(place) - 1);
	if (len <= 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s cannot be read: %s", link,
				   strerror(errno));
	}
	place[len] = '\0';
	slash = strrchr(place, '/');
	if (slash != NULL) {
		slash[slash == place ? 1 : 0] = '\0';
	}
	if (stat(place, &info) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s cannot be examined: %s", place,
				   strerror(errno));
	}
	return judge_mode(&info, place, err);
}

static pdb_status judge_file(int fd, const char *path, struct stat *info, pdb_err *err)
{
	pdb_status status;

	if (fstat(fd, info) != 0 || !S_ISREG(info->st_mode)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s is not a regular file", path);
	}
	status = judge_mode(info, path, err);
	return status == PDB_OK ? judge_real_place(fd, err) : status;
}

static pdb_status open_file(int directory, const char *name, object_path *path, pdb_err *err)
{
	char file[PDB_PLUGIN_NAME_SIZE + 3];

	(void)snprintf(file, sizeof(file), "%s.so", name);
	/* a FIFO must not make us wait for its writer */
	path->fd = openat(directory, file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (path->fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be opened: %s", path->text,
				   strerror(errno));
	}
	return PDB_OK;
}

/* The linker's message without the /proc name in front, which tells people nothing. */
static const char *linker_message(const char *opened)
{
	const char *message = dlerror();
	size_t len = strlen(opened);

	if (message == NULL) {
		return "unknown reason";
	}
	if (strncmp(message, opened, len) == 0 && strncmp(message + len, ": ", 2) == 0) {
		return message + len + 2;
	}
	return message;
}

static void *find_mapped(const struct stat *info)
{
	for (const object *it = mapped; it != NULL; it = it->next) {
		if (it->device == info->st_dev && it->inode == info->st_ino) {
			return it->handle;
		}
	}
	return NULL;
}

/* On success the descriptor belongs to the process. */
static pdb_status map_file(object_path *path, const struct stat *info, void **handle_out,
			   pdb_err *err)
{
	char opened[64];
	object *entry = pdb_mem_zalloc(sizeof(*entry));

	if (entry == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory to load %s", path->text);
	}
	(void)snprintf(opened, sizeof(opened), "/proc/self/fd/%d", path->fd);
	entry->handle = dlopen(opened, RTLD_NOW | RTLD_LOCAL);
	if (entry->handle == NULL) {
		pdb_mem_free(entry);
		return pdb_err_set(err, PDB_EABI, NULL, "%s cannot be loaded: %s", path->text,
				   linker_message(opened));
	}
	entry->device = info->st_dev;
	entry->inode = info->st_ino;
	entry->next = mapped;
	mapped = entry;
	path->fd = -1;
	*handle_out = entry->handle;
	return PDB_OK;
}

static pdb_status find_manifest(void *handle, const char *path, const pdb_manifest **out,
				pdb_err *err)
{
	const pdb_manifest *manifest = dlsym(handle, SYMBOL);

	if (manifest == NULL) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "%s has no symbol " SYMBOL ": it is not a ProgressDB plugin",
				   path);
	}
	*out = manifest;
	return PDB_OK;
}

pdb_status pdb__object_open(const char *directory, const char *name, const pdb_manifest **out,
			    pdb_err *err)
{
	object_path path = {.fd = -1};
	struct stat info;
	void *handle = NULL;
	int folder = -1;
	pdb_status status = open_directory(directory, &folder, err);

	if (status != PDB_OK) {
		goto out;
	}
	(void)snprintf(path.text, sizeof(path.text), "%s/%s.so", directory, name);
	status = open_file(folder, name, &path, err);
	if (status == PDB_OK) {
		status = judge_file(path.fd, path.text, &info, err);
	}
	if (status != PDB_OK) {
		goto out;
	}
	handle = find_mapped(&info);
	if (handle == NULL) {
		status = map_file(&path, &info, &handle, err);
	}
	if (status == PDB_OK) {
		status = find_manifest(handle, path.text, out, err);
	}
out:
	if (path.fd >= 0) {
		(void)close(path.fd);
	}
	if (folder >= 0) {
		(void)close(folder);
	}
	return status;
}
