/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or of standard input, plain or compressed with zstd. */
#include "tools/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"

#define RAW_SIZE ((size_t)256 * 1024)

struct pdb_input {
	int fd;
	bool owned;
	bool ended;         /* nothing more to read */
	bool frame_open;    /* inside a compressed frame */
	ZSTD_DStream *zstd; /* NULL for a plain file */
	uint8_t *raw;
	size_t raw_at;
	size_t raw_len;
	pdb_buf text;
	size_t text_at; /* of the next line */
	size_t scanned; /* no line end between text_at and here */
	uint64_t offset;
	uint64_t lines;
	uint64_t raw_done;
	uint64_t raw_total;
};

static pdb_status fill_raw(pdb_input *input, pdb_err *err)
{
	ssize_t got;

	do {
		got = read(input->fd, input->raw, RAW_SIZE);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "reading failed: %s", strerror(errno));
	}
	input->raw_at = 0;
	input->raw_len = (size_t)got;
	input->raw_done += (uint64_t)got;
	input->ended = got == 0;
	return PDB_OK;
}

static bool is_zstd(const pdb_input *input)
{
	static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};

	return input->raw_len >= sizeof(magic) && memcmp(input->raw, magic, sizeof(magic)) == 0;
}

static pdb_status start(pdb_input *input, const char *path, pdb_err *err)
{
	struct stat about;
	pdb_status status;

	input->owned = strcmp(path, "-") != 0;
	input->fd = input->owned ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (input->fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be opened: %s", path,
				   strerror(errno));
	}
	if (fstat(input->fd, &about) == 0 && S_ISREG(about.st_mode)) {
		input->raw_total = (uint64_t)about.st_size;
	}
	input->raw = pdb_mem_alloc(RAW_SIZE);
	if (input->raw == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for reading");
	}
	status = fill_raw(input, err);
	if (status == PDB_OK && is_zstd(input)) {
		input->zstd = ZSTD_createDStream();
		if (input->zstd == NULL) {
			return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for unpacking");
		}
	}
	return status;
}

pdb_status pdb_input_open(pdb_input **out, const char *path, pdb_err *err)
{
	pdb_input *input = pdb_mem_zalloc(sizeof(*input));
	pdb_status status;

	*out = input;
	if (input == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for reading");
	}
	status = start(input, path, err);
	if (status != PDB_OK) {
		pdb_input_close(out);
	}
	return status;
}

void pdb_input_close(pdb_input **input)
{
	if (*input == NULL) {
		return;
	}
	if ((*input)->owned && (*input)->fd >= 0) {
		(void)close((*input)->fd);
	}
	(void)ZSTD_freeDStream((*input)->zstd);
	pdb_buf_fini(&(*input)->text);
	pdb_mem_free((*input)->raw);
	pdb_mem_free(*input);
	*input = NULL;
}

/* Unpacks some of the raw bytes behind the text. */
static pdb_status unpack(pdb_input *input, pdb_err *err)
{
	ZSTD_inBuffer from = {input->raw, input->raw_len, input->raw_at};
	ZSTD_outBuffer to;
	size_t left;

	if (!pdb_buf_reserve(&input->text, RAW_SIZE)) {
		return pdb_buf_status(&input->text, err);
	}
	to = (ZSTD_outBuffer){input->text.data + input->text.len, input->text.cap - input->text.len,
			      0};
	left = ZSTD_decompressStream(input->zstd, &to, &from);
	if (ZSTD_isError(left)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the compressed file is damaged: %s",
				   ZSTD_getErrorName(left));
	}
	input->frame_open = left != 0;
	input->raw_at = from.pos;
	input->text.len += to.pos;
	return PDB_OK;
}

/* Brings more text; at the end of the file sets `ended`. */
static pdb_status more(pdb_input *input, pdb_err *err)
{
	pdb_status status = PDB_OK;

	if (input->raw_at == input->raw_len) {
		status = fill_raw(input, err);
	}
	if (status == PDB_OK && input->ended && input->frame_open) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the compressed file ends in the middle");
	}
	if (status != PDB_OK || input->ended) {
		return status;
	}
	if (input->zstd != NULL) {
		return unpack(input, err);
	}
	pdb_buf_add(&input->text, input->raw + input->raw_at, input->raw_len - input->raw_at);
	input->raw_at = input->raw_len;
	return pdb_buf_status(&input->text, err);
}

/* Moves what is left to the front, so that the buffer does not grow with the file. */
static void compact(pdb_input *input)
{
	size_t left = input->text.len - input->text_at;

	if (input->text_at > 0) {
		memmove(input->text.data, input->text.data + input->text_at, left);
		input->text.len = left;
		input->scanned -= input->text_at;
		input->text_at = 0;
	}
}

/* Takes the `len` bytes of a line and `ends` bytes of its end. */
static pdb_status take(pdb_input *input, size_t len, size_t ends, pdb_slice *line_out)
{
	const uint8_t *line = input->text.data + input->text_at;

	input->text_at += len + ends;
	input->scanned = input->text_at;
	input->offset += len + ends;
	input->lines++;
	if (len > 0 && line[len - 1] == '\r') {
		len--;
	}
	*line_out = pdb_slice_of(line, len);
	return PDB_OK;
}

pdb_status pdb_input_line(pdb_input *input, pdb_slice *line_out, pdb_err *err)
{
	for (;;) {
		size_t left = input->text.len - input->scanned;
		const uint8_t *from = left > 0 ? input->text.data + input->scanned : NULL;
		const uint8_t *end = left > 0 ? memchr(from, '\n', left) : NULL;
		pdb_status status;

		if (end != NULL) {
			return take(input, (size_t)(end - input->text.data) - input->text_at, 1,
				    line_out);
		}
		input->scanned = input->text.len;
		left = input->text.len - input->text_at;
		if (input->ended) {
			return left > 0 ? take(input, left, 0, line_out) : PDB_ESTOP;
		}
		if (left > PDB_INPUT_LINE_MAX) {
			return pdb_err_set(
				err, PDB_ETOOLARGE, NULL, "line %llu is longer than %zu MiB",
				(unsigned long long)input->lines + 1, PDB_INPUT_LINE_MAX >> 20);
		}
		compact(input);
		status = more(input, err);
		if (status != PDB_OK) {
			return status;
		}
	}
}

uint64_t pdb_input_offset(const pdb_input *input)
{
	return input->offset;
}

uint64_t pdb_input_line_number(const pdb_input *input)
{
	return input->lines;
}

uint64_t pdb_input_raw_done(const pdb_input *input)
{
	return input->raw_done;
}

uint64_t pdb_input_raw_total(const pdb_input *input)
{
	return input->raw_total;
}
