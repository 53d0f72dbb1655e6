/* SPDX-License-Identifier: Apache-2.0 */
/* Field paths: which values of a body are sealed. */
#include "path.h"

#define ROOT "body"

typedef enum segment_kind {
	SEGMENT_NAME = 1,
	SEGMENT_NUMBER, /* the index of an element, or the name of a member */
	SEGMENT_ANY
} segment_kind;

typedef struct segment {
	segment_kind kind;
	pdb_slice name;
	size_t index;
} segment;

/* Path i has the segments from first[i] to first[i + 1]. */
struct path_list {
	size_t count;
	size_t first[PATH_COUNT_MAX + 1];
	segment *segments;
	char *text; /* where names are kept */
	bool whole;
};

/* -- reading a path -------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool to_index(pdb_slice name, size_t *index_out)
{
	size_t index = 0;

	if (name.len == 0 || name.len > 9 || (name.len > 1 && name.ptr[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9') {
			return false;
		}
		index = index * 10 + (size_t)(name.ptr[i] - '0');
	}
	*index_out = index;
	return true;
}

/* Reads a quoted name at **at into *text; NULL, or what is wrong. */
static const char *read_quoted(const char **at, char **text, segment *out)
{
	const char *from = *at + 1;
	char *start = *text;

	while (*from != '"') {
		from += from[0] == '\\' && (from[1] == '"' || from[1] == '\\');
		if (*from == '\0') {
			return "has a quoted name without an end";
		}
		*(*text)++ = *from++;
	}
	*at = from + 1;
	out->kind = SEGMENT_NAME;
	out->name = pdb_slice_of(start, (size_t)(*text - start));
	return NULL;
}

static const char *read_plain(const char **at, char **text, segment *out)
{
	const char *from = *at;
	size_t len = strcspn(from, ".");

	if (len == 0) {
		return "has an empty segment";
	}
	if (is_blank(from[0]) || is_blank(from[len - 1])) {
		return "has white space around a segment";
	}
	if (len > 1 && memchr(from, '*', len) != NULL) {
		return "has a * beside other characters; it stands for a whole segment";
	}
	if (memchr(from, '[', len) != NULL || memchr(from, ']', len) != NULL) {
		return "has brackets; an index is a segment of its own, as in body.list.0";
	}
	if (memchr(from, '"', len) != NULL) {
		return "has a quote inside a segment; a quoted name is a whole segment";
	}
	memcpy(*text, from, len);
	out->name = pdb_slice_of(*text, len);
	out->kind = SEGMENT_NAME;
	if (from[0] == '*') {
		out->kind = SEGMENT_ANY;
	} else if (to_index(out->name, &out->index)) {
		out->kind = SEGMENT_NUMBER;
	}
	*text += len;
	*at = from + len;
	return NULL;
}

/* Reads a whole path; `text` has room for as many bytes as it has. NULL, or what is wrong. */
static const char *read_path(const char *path, char *text, segment *segments, size_t *count)
{
	const char *at = path + strlen(ROOT);
	const char *fault = NULL;

	*count = 0;
	if (strlen(path) >= PATH_TEXT_MAX) {
		return "is longer than 1,023 bytes";
	}
	if (strncmp(path, ROOT, strlen(ROOT)) != 0 || (at[0] != '\0' && at[0] != '.')) {
		return "does not start with `body`";
	}
	while (fault == NULL && *at == '.') {
		if (*count == PATH_DEPTH_MAX) {
			return "has more than 32 segments";
		}
		at++;
		fault = *at == '"' ? read_quoted(&at, &text, &segments[*count])
				   : read_plain(&at, &text, &segments[*count]);
		(*count)++;
	}
	if (fault == NULL && *at != '\0') {
		return "has something behind a quoted name that is no dot";
	}
	return fault;
}

const char *path_judge(const char *text)
{
	segment segments[PATH_DEPTH_MAX];
	char names[PATH_TEXT_MAX];
	size_t count;

	return read_path(text, names, segments, &count);
}

static size_t text_size(const pdb_option_list *paths)
{
	size_t size = 1;

	for (size_t i = 0; i < paths->count; i++) {
		size += strlen(paths->items[i]);
	}
	return size;
}

static pdb_status compile(path_list *list, const pdb_option_list *paths, pdb_err *err)
{
	char *text = list->text;

	for (size_t i = 0; i < paths->count; i++) {
		size_t first = list->first[i];
		size_t count;
		const char *fault =
			read_path(paths->items[i], text, list->segments + first, &count);

		if (fault != NULL) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "the path %s %s", paths->items[i],
					   fault);
		}
		text += strlen(paths->items[i]);
		list->first[i + 1] = first + count;
		list->whole = list->whole || count == 0;
		list->count++;
	}
	return PDB_OK;
}

pdb_status path_list_create(path_list **out, const pdb_host *host, const pdb_option_list *paths,
			    pdb_err *err)
{
	size_t room = paths->count * PATH_DEPTH_MAX * sizeof(segment);
	path_list *list;
	pdb_status status;

	if (paths->count > PATH_COUNT_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "there are more than 64 paths");
	}
	list = host->alloc(sizeof(*list) + room + text_size(paths));
	if (list == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the paths");
	}
	memset(list, 0, sizeof(*list));
	list->segments = (segment *)(void *)(list + 1);
	list->text = (char *)(list->segments + paths->count * PATH_DEPTH_MAX);
	list->whole = paths->count == 0;
	status = compile(list, paths, err);
	if (status != PDB_OK) {
		path_list_destroy(&list, host);
		return status;
	}
	*out = list;
	return PDB_OK;
}

void path_list_destroy(path_list **list, const pdb_host *host)
{
	if (list != NULL && *list != NULL) {
		host->free(*list);
		*list = NULL;
	}
}

/* -- matching -------------------------------------------------------------------------------- */

/* The paths that are still alive are the bits of a mask. */
typedef struct walk {
	const path_list *list;
	const pdb_host_json *json;
	path_match_fn found;
	void *arg;
	char path[PATH_TEXT_MAX];
} walk;

static bool segment_takes(const walk *w, const segment *s, pdb_slice key, size_t index)
{
	switch (s->kind) {
	case SEGMENT_ANY:
		return true;
	case SEGMENT_NUMBER:
		return key.ptr == NULL ? s->index == index : w->json->key_is(key, s->name);
	default:
		return key.ptr != NULL && w->json->key_is(key, s->name);
	}
}

static uint64_t descend(const walk *w, uint64_t alive, size_t depth, pdb_slice key, size_t index)
{
	uint64_t next = 0;

	for (size_t i = 0; i < w->list->count; i++) {
		if ((alive >> i & 1) != 0 &&
		    segment_takes(w, &w->list->segments[w->list->first[i] + depth], key, index)) {
			next |= UINT64_C(1) << i;
		}
	}
	return next;
}

/* True when one of these paths ends at this depth. */
static bool ends(const walk *w, uint64_t alive, size_t depth)
{
	for (size_t i = 0; i < w->list->count; i++) {
		if ((alive >> i & 1) != 0 && w->list->first[i + 1] - w->list->first[i] == depth) {
			return true;
		}
	}
	return false;
}

static bool path_byte(walk *w, size_t *len, uint8_t byte)
{
	if (*len == sizeof(w->path)) {
		return false;
	}
	w->path[(*len)++] = (char)byte;
	return true;
}

/* Adds a segment of a JSON pointer; false when it is too long. */
static bool path_add(walk *w, size_t *len, pdb_slice key)
{
	bool fits = path_byte(w, len, '/');

	for (size_t i = 0; i < key.len && fits; i++) {
		uint8_t byte = key.ptr[i];

		if (byte == '~' || byte == '/') {
			fits = path_byte(w, len, '~');
			byte = byte == '~' ? '0' : '1';
		}
		fits = fits && path_byte(w, len, byte);
	}
	return fits;
}

static bool path_add_member(walk *w, size_t *len, pdb_slice key, size_t index)
{
	char number[24];

	if (key.ptr != NULL) {
		return path_add(w, len, key);
	}
	(void)snprintf(number, sizeof(number), "%zu", index);
	return path_add(w, len, pdb_slice_text(number));
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than a path is long. */
static pdb_status walk_value(walk *w, pdb_slice value, uint64_t alive, size_t depth, size_t len)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice member;
	pdb_status status = PDB_OK;

	if (ends(w, alive, depth)) {
		const path_match match = {value, pdb_slice_of(w->path, len)};

		return w->found(w->arg, &match);
	}
	if (value.ptr[0] != '{' && value.ptr[0] != '[') {
		return PDB_OK;
	}
	for (size_t i = 0; status == PDB_OK && w->json->next(value, &cursor, &key, &member); i++) {
		uint64_t next = descend(w, alive, depth, key, i);
		size_t longer = len;

		if (next == 0) {
			continue;
		}
		if (!path_add_member(w, &longer, key, i)) {
			return PDB_ETOOLARGE;
		}
		status = walk_value(w, member, next, depth + 1, longer);
	}
	return status;
}

pdb_status path_list_match(const path_list *list, const pdb_host_json *json, pdb_slice body,
			   path_match_fn found, void *arg)
{
	walk w = {.list = list, .json = json, .found = found, .arg = arg};
	uint64_t all = list->count == 64 ? UINT64_MAX : (UINT64_C(1) << list->count) - 1;
	size_t len = 0;

	(void)path_add(&w, &len, PDB_SLICE(ROOT));
	if (list->whole) {
		const path_match match = {body, pdb_slice_of(w.path, len)};

		return found(arg, &match);
	}
	return walk_value(&w, body, all, 0, len);
}
