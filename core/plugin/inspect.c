/* SPDX-License-Identifier: Apache-2.0 */
/* Inspection: reads a plugin's line out of its ELF file without running any of it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/plugin_private.h"

#define SECTION       ".pdb.manifest"
#define TEXT_SIZE_MAX 4096u
#define FILE_MIB_MAX  256
#define FILE_SIZE_MAX ((off_t)FILE_MIB_MAX * 1024 * 1024)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_DATA ELFDATA2LSB
#else
#define OUR_DATA ELFDATA2MSB
#endif

/* `len` bytes at `offset` of the file; empty when any of them lies outside. */
static pdb_slice part(pdb_slice file, uint64_t offset, uint64_t len)
{
	if (offset > file.len || len > file.len - offset) {
		return pdb_slice_of(NULL, 0);
	}
	return pdb_slice_of(file.ptr + offset, (size_t)len);
}

/* The section header of that index. Copied, as nothing promises that it lies aligned. */
static bool section_at(pdb_slice file, const Elf64_Ehdr *head, size_t index, Elf64_Shdr *out)
{
	uint64_t offset = index * sizeof(*out);
	pdb_slice bytes;

	if (head->e_shoff > file.len) {
		return false;
	}
	bytes = part(file, head->e_shoff + offset, sizeof(*out));
	if (bytes.len != sizeof(*out)) {
		return false;
	}
	memcpy(out, bytes.ptr, sizeof(*out));
	return true;
}

/* A NUL-terminated name in the table of names. */
static bool name_is(pdb_slice names, uint32_t offset, const char *wanted)
{
	size_t size = strlen(wanted) + 1;
	pdb_slice name = part(names, offset, size);

	return name.len == size && memcmp(name.ptr, wanted, size) == 0;
}

static bool head_of(pdb_slice file, Elf64_Ehdr *out)
{
	if (file.len < sizeof(*out)) {
		return false;
	}
	memcpy(out, file.ptr, sizeof(*out));
	return memcmp(out->e_ident, ELFMAG, SELFMAG) == 0 && out->e_ident[EI_CLASS] == ELFCLASS64 &&
	       out->e_ident[EI_DATA] == OUR_DATA && out->e_shentsize == sizeof(Elf64_Shdr);
}

static pdb_slice find_section(pdb_slice file, const char *wanted)
{
	Elf64_Ehdr head;
	Elf64_Shdr section;
	pdb_slice names;

	if (!head_of(file, &head) || !section_at(file, &head, head.e_shstrndx, &section)) {
		return pdb_slice_of(NULL, 0);
	}
	names = part(file, section.sh_offset, section.sh_size);
	for (size_t i = 0; i < head.e_shnum; i++) {
		if (!section_at(file, &head, i, &section)) {
			break;
		}
		if (section.sh_type == SHT_PROGBITS && name_is(names, section.sh_name, wanted)) {
			return part(file, section.sh_offset, section.sh_size);
		}
	}
	return pdb_slice_of(NULL, 0);
}

/* Up to the first NUL. What is not printable ASCII is shown as '?': it goes to a terminal. */
static bool copy_line(pdb_slice text, char *line, size_t size)
{
	size_t len = text.len < TEXT_SIZE_MAX ? text.len : TEXT_SIZE_MAX;
	const uint8_t *end = len > 0 ? memchr(text.ptr, '\0', len) : NULL;

	if (end == NULL || end == text.ptr || size == 0) {
		return false;
	}
	len = (size_t)(end - text.ptr);
	len = len < size ? len : size - 1;
	for (size_t i = 0; i < len; i++) {
		bool printable = text.ptr[i] >= ' ' && text.ptr[i] < 0x7f;

		line[i] = '?';
		if (printable) {
			line[i] = (char)text.ptr[i];
		}
	}
	line[len] = '\0';
	return true;
}

bool pdb__manifest_line(pdb_slice file, char *line, size_t size)
{
	return copy_line(find_section(file, SECTION), line, size);
}

static pdb_status read_all(int fd, uint8_t *bytes, size_t size, const char *path, pdb_err *err)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = pread(fd, bytes + have, size - have, (off_t)have);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be read: %s", path,
					   got < 0 ? strerror(errno) : "it became shorter");
		}
		have += (size_t)got;
	}
	return PDB_OK;
}

static pdb_status measure(int fd, const char *path, size_t *size_out, pdb_err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > FILE_SIZE_MAX) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL,
				   "%s is not a regular file of at most %d MiB", path,
				   FILE_MIB_MAX);
	}
	*size_out = (size_t)info.st_size;
	return PDB_OK;
}

static pdb_status inspect(int fd, const char *path, char *line, size_t size, pdb_err *err)
{
	size_t file_size = 0;
	uint8_t *bytes = NULL;
	pdb_status status = measure(fd, path, &file_size, err);

	if (status != PDB_OK) {
		return status;
	}
	bytes = pdb_mem_alloc(file_size);
	if (bytes == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory to read %s", path);
	}
	status = read_all(fd, bytes, file_size, path, err);
	if (status == PDB_OK && !pdb__manifest_line(pdb_slice_of(bytes, file_size), line, size)) {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL,
				     "%s has no section " SECTION ": it is not a ProgressDB plugin",
				     path);
	}
	pdb_mem_free(bytes);
	return status;
}

pdb_status pdb_manifest_inspect(const char *path, char *line, size_t size, pdb_err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	pdb_status status;

	if (fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be opened: %s", path,
				   strerror(errno));
	}
	status = inspect(fd, path, line, size, err);
	(void)close(fd);
	return status;
}
