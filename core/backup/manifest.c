/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest: lines of text, the last of which is a signature of those before. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/text.h"

#define FIRST_LINE   "progressdb-backup 2\n"
#define END_WORD     "end "
#define END_LEN      (sizeof(END_WORD) - 1 + PDB__SIGNATURE_SIZE) /* with the line break */
#define MANIFEST_MAX (UINT64_C(1) << 30)

bool pdb__backup_name_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < PDB__FILE_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       len;
}

/* -- writing ----------------------------------------------------------------------------------- */

void pdb__manifest_begin(pdb__manifest *manifest)
{
	const pdb_backup_about *about = &manifest->about;

	pdb_buf_add_text(&manifest->text, FIRST_LINE);
	pdb_buf_printf(&manifest->text,
		       "database %s\nbackend %s\nformat %" PRIu64 "\nmade %" PRId64
		       "\nsince %" PRId64 "\nposition %" PRIu64 "\nkey %s\n",
		       about->database, about->backend, about->format, about->made_ts,
		       about->since_ts, about->position, about->key);
}

void pdb__manifest_file(pdb__manifest *manifest, const char *name, uint64_t size)
{
	pdb_buf_printf(&manifest->text, "file %s %" PRIu64 "\n", name, size);
	manifest->about.files++;
	manifest->about.bytes += size;
}

void pdb__manifest_part(pdb__manifest *manifest, const char *hex, uint64_t size)
{
	pdb_buf_printf(&manifest->text, "part %s %" PRIu64 "\n", hex, size);
}

pdb_status pdb__manifest_finish(pdb__manifest *manifest, const pdb__signer *signer, pdb_err *err)
{
	char hex[PDB__SIGNATURE_SIZE];

	if (pdb_buf_status(&manifest->text, err) != PDB_OK) {
		return PDB_ENOMEM;
	}
	pdb__signer_sign(signer, pdb_buf_slice(&manifest->text), hex);
	pdb_buf_printf(&manifest->text, END_WORD "%s\n", hex);
	return pdb_buf_status(&manifest->text, err);
}

void pdb__manifest_fini(pdb__manifest *manifest)
{
	pdb_buf_fini(&manifest->text);
}

/* -- reading ----------------------------------------------------------------------------------- */

static pdb_status damaged(pdb_err *err)
{
	return pdb_err_set(err, PDB_ECORRUPT, NULL,
			   "The set is damaged or incomplete: its manifest is not whole.");
}

static pdb_status load(int set, pdb_buf *text, pdb_err *err)
{
	int fd = openat(set, PDB__MANIFEST_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pdb_status status = PDB_OK;
	struct stat info;

	if (fd < 0) {
		return errno == ENOENT ? pdb_err_set(err, PDB_ECORRUPT, NULL,
						     "This is no backup, or an incomplete one: "
						     "there is no manifest.")
				       : pdb__backup_errno(err, "open the", PDB__MANIFEST_NAME);
	}
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    (uint64_t)info.st_size > MANIFEST_MAX) {
		status = damaged(err);
	} else if (!pdb_buf_reserve(text, (size_t)info.st_size + 1)) {
		status = pdb_buf_status(text, err);
	} else {
		ssize_t got = pdb__part_read(fd, text->data, (size_t)info.st_size);

		text->len = got < 0 ? 0 : (size_t)got;
		status = got < 0 ? pdb__backup_errno(err, "read the", PDB__MANIFEST_NAME) : PDB_OK;
	}
	(void)close(fd);
	return status;
}

/* The line at *cursor, which is moved behind it; false at the end. */
static bool take_line(const pdb__manifest *m, size_t *cursor, char *line, size_t size)
{
	const uint8_t *at = m->text.data + *cursor;
	const uint8_t *stop = *cursor < m->end ? memchr(at, '\n', m->end - *cursor) : NULL;
	size_t len = stop == NULL ? 0 : (size_t)(stop - at);

	if (stop == NULL || len >= size) {
		return false;
	}
	memcpy(line, at, len);
	line[len] = '\0';
	*cursor += len + 1;
	return true;
}

static bool take_text(const pdb__manifest *m, size_t *cursor, const char *word, char *out,
		      size_t size)
{
	char line[256];
	size_t len = strlen(word);

	if (!take_line(m, cursor, line, sizeof(line)) || strncmp(line, word, len) != 0 ||
	    strlen(line + len) >= size) {
		return false;
	}
	memcpy(out, line + len, strlen(line + len) + 1);
	return true;
}

static bool take_number(const pdb__manifest *m, size_t *cursor, const char *word, uint64_t *out)
{
	char text[32];

	return take_text(m, cursor, word, text, sizeof(text)) &&
	       pdb_text_to_uint(pdb_slice_text(text), out);
}

static bool take_about(pdb__manifest *m, size_t *cursor)
{
	pdb_backup_about *about = &m->about;
	uint64_t made = 0;
	uint64_t since = 0;
	bool good = take_text(m, cursor, "database ", about->database, sizeof(about->database)) &&
		    take_text(m, cursor, "backend ", about->backend, sizeof(about->backend)) &&
		    take_number(m, cursor, "format ", &about->format) &&
		    take_number(m, cursor, "made ", &made) &&
		    take_number(m, cursor, "since ", &since) &&
		    take_number(m, cursor, "position ", &about->position) &&
		    take_text(m, cursor, "key ", about->key, sizeof(about->key));

	about->made_ts = (int64_t)made;
	about->since_ts = (int64_t)since;
	return good;
}

/* Nothing but the key and the lines before it were looked at. */
static bool judge_end(const pdb__manifest *m)
{
	pdb_slice end = pdb_slice_skip(pdb_buf_slice(&m->text), m->end);
	size_t word = sizeof(END_WORD) - 1;

	return pdb_slice_starts(end, PDB_SLICE(END_WORD)) && end.ptr[END_LEN - 1] == '\n' &&
	       pdb__signature_good(m->about.key, pdb_slice_of(m->text.data, m->end),
				   pdb_slice_of(end.ptr + word, PDB__SIGNATURE_SIZE - 1));
}

pdb__manifest_kind pdb__manifest_next(const pdb__manifest *manifest, size_t *cursor,
				      pdb__manifest_line *out)
{
	char line[PDB__FILE_NAME_MAX + 32];
	char *blank;
	bool file;

	if (!take_line(manifest, cursor, line, sizeof(line))) {
		return PDB__MANIFEST_END;
	}
	file = strncmp(line, "file ", 5) == 0;
	blank = strrchr(line, ' ');
	if ((!file && strncmp(line, "part ", 5) != 0) || blank < line + 5) {
		return PDB__MANIFEST_END;
	}
	*blank = '\0';
	if (!pdb__backup_name_good(line + 5) ||
	    !pdb_text_to_uint(pdb_slice_text(blank + 1), &out->size)) {
		return PDB__MANIFEST_END;
	}
	memcpy(out->name, line + 5, strlen(line + 5) + 1); /* a good name has room */
	return file ? PDB__MANIFEST_FILE : PDB__MANIFEST_PART;
}

/* Every line is one that is known, and the parts of each file are as long as the file. */
static bool judge_lines(pdb__manifest *m)
{
	pdb__manifest_line line;
	size_t cursor = m->lines;
	uint64_t left = 0;
	pdb__manifest_kind kind;

	while ((kind = pdb__manifest_next(m, &cursor, &line)) != PDB__MANIFEST_END) {
		if (kind == PDB__MANIFEST_FILE) {
			if (left != 0) {
				return false;
			}
			left = line.size;
			m->about.bytes += line.size;
			m->about.files++;
		} else if (line.size > PDB__PART_MAX || line.size > left ||
			   strlen(line.name) != PDB__DIGEST_SIZE - 1) {
			return false;
		} else {
			left -= line.size;
		}
	}
	return left == 0 && cursor == m->end && m->about.files > 0;
}

pdb_status pdb__manifest_read(int set, pdb__manifest *out, pdb_err *err)
{
	pdb_status status = load(set, &out->text, err);
	size_t first = sizeof(FIRST_LINE) - 1;

	if (status != PDB_OK) {
		return status;
	}
	if (out->text.len < first + END_LEN) {
		return damaged(err);
	}
	if (!pdb_slice_starts(pdb_buf_slice(&out->text), PDB_SLICE(FIRST_LINE))) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The set is of another kind; a newer program may read it.");
	}
	out->end = out->text.len - END_LEN;
	out->lines = first;
	if (!take_about(out, &out->lines) || !judge_end(out) || !judge_lines(out)) {
		return damaged(err);
	}
	if (out->about.format > PDB_STORE_FORMAT) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The database in the set has format %" PRIu64
				   ", this program reads format %u; a newer program is needed.",
				   out->about.format, PDB_STORE_FORMAT);
	}
	return PDB_OK;
}
